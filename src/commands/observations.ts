/** `observations`: the recorded series of one observation, made short; or which there are. It asks no system anything. */
import { z } from 'zod';
import { command } from './command.ts';
import type { Ports } from './ports.ts';
import { endsOf, numberOf, policiesOf, type Recorded, recordedSince } from './recorded.ts';
import { unknownName } from './refusal.ts';
import { groupText } from './rule-text.ts';
import { safe, value as shown, table, when } from './time.ts';
import { instantOf } from './time-input.ts';

const point = z.object({
  at: z.number(),
  mean: z.number().optional(),
  min: z.number().optional(),
  max: z.number().optional(),
  looks: z.int(),
  unknown: z.int(),
});
type Point = z.output<typeof point>;

const output = z.object({
  target: z.string(),
  from: z.number(),
  to: z.number(),
  available: z
    .array(
      z.object({
        name: z.string(),
        policy: z.string(),
        evaluator: z.string(),
        unit: z.string(),
        groups: z.int(),
      }),
    )
    .describe('Without a name: what was observed.'),
  points: z.array(point),
  looks: z.int(),
  unknown: z.int(),
  first: z.number().optional(),
  last: z.number().optional(),
  min: z.number().optional(),
  max: z.number().optional(),
  mean: z.number().optional(),
});
type Output = z.output<typeof output>;

export const observations = command({
  name: 'observations',
  tool: 'flyball_query_observations',
  title: 'Query an observed metric',
  description:
    'The recorded series of one observation, in at most `points` pieces with mean, min and max. Without a name: which there are.',
  input: z.strictObject({
    target: z.string().min(1).max(200).describe('As kind/name.'),
    name: z.string().max(200).optional().describe('Of the observation.'),
    policy: z.string().max(200).optional().describe('Where several have one.'),
    group: z.string().max(300).optional().describe('Label set, such as origin=ORD.'),
    from: z.string().max(40).default('7d').describe('A time, or how long ago.'),
    to: z.string().max(40).optional(),
    points: z.int().min(1).max(200).default(50),
  }),
  output,
  positional: ['target', 'name'],
  role: 'viewer',
  effect: 'read',
  reach: 'targets',
  examples: [
    'flyball observations model/late-flights',
    'flyball observations model/late-flights psi --from 30d',
  ],
  run,
  text: (found, paint) =>
    [
      `${paint.bold(found.target)} from ${when(found.from)} to ${when(found.to)}: ${found.looks} looks, ${found.unknown} unknown${found.mean === undefined ? '' : `; mean ${shown(found.mean)}, min ${shown(found.min)}, max ${shown(found.max)}, last ${shown(found.last)}`}`,
      table([
        ...found.available.map(one => [
          one.name,
          one.policy,
          one.evaluator,
          one.unit,
          `${one.groups} groups`,
        ]),
        ...found.points.map(one => [
          when(one.at),
          one.mean === undefined ? `unknown (${one.unknown})` : shown(one.mean),
          one.min === one.max ? '' : `${shown(one.min)} … ${shown(one.max)}`,
        ]),
      ]),
    ].join('\n'),
});

interface Input {
  readonly target: string;
  readonly name?: string | undefined;
  readonly policy?: string | undefined;
  readonly group?: string | undefined;
  readonly from: string;
  readonly to?: string | undefined;
  readonly points: number;
}

async function run(ports: Ports, input: Input): Promise<Output> {
  const now = ports.world.clock();
  const from = instantOf('from', input.from, now);
  const to = input.to === undefined ? now : instantOf('to', input.to, now);
  await policiesOf(ports, input.target);
  const rows = (await recordedSince(ports, input.target, from, input.name)).filter(
    row => row.takenAt <= to && (input.policy === undefined || row.policy.split('#')[0] === input.policy),
  );
  const base = { target: input.target, from, to };
  if (input.name === undefined) return { ...base, ...NONE, available: availableIn(rows), looks: rows.length };
  if (rows.length === 0) throw unknownName(`nothing called ${safe(input.name, 80)} was observed then`, []);
  const series = rows.map(row => ({ at: row.takenAt, value: valueIn(row, input.group) })).toReversed();
  const known = series.flatMap(({ value }) => (value === undefined ? [] : [value]));
  return {
    ...base,
    available: [],
    points: shortened(series, from, to, input.points),
    looks: series.length,
    unknown: series.length - known.length,
    ...(known.length === 0 ? {} : { first: known[0], last: known.at(-1), ...figures(known) }),
  };
}

const NONE = { available: [], points: [], looks: 0, unknown: 0 };

function availableIn(rows: readonly Recorded[]): Output['available'] {
  return [...endsOf(rows).values()].map(({ newest: { policy, observation } }) => ({
    ...{ name: observation.name, policy, evaluator: observation.evaluator, unit: observation.unit },
    groups: observation.readings.length,
  }));
}

/** Of the label set that is named; else of the whole target, or the largest of a vector. */
function valueIn({ observation }: Recorded, group: string | undefined): number | undefined {
  if (observation.unknown) return undefined;
  if (group !== undefined)
    return numberOf(observation.readings.find(reading => groupText(reading.labels) === group));
  const values = observation.readings.flatMap(reading => numberOf(reading) ?? []);
  return values.length === 0 ? undefined : Math.max(...values);
}

interface Sample {
  readonly at: number;
  readonly value: number | undefined;
}

/** At most `most` pieces of equal length; those without a look are left out. */
function shortened(series: readonly Sample[], from: number, to: number, most: number): Point[] {
  const width = Math.max(1, Math.ceil((to - from + 1) / most));
  const pieces = Map.groupBy(series, ({ at }) => Math.floor((at - from) / width));
  return [...pieces.values()].map(piece => {
    const known = piece.flatMap(({ value }) => (value === undefined ? [] : [value]));
    return {
      at: piece.at(-1)?.at ?? from,
      looks: piece.length,
      unknown: piece.length - known.length,
      ...(known.length === 0 ? {} : figures(known)),
    };
  });
}

function figures(known: readonly number[]): { mean: number; min: number; max: number } {
  const mean = known.reduce((a, b) => a + b, 0) / known.length;
  return { mean, min: Math.min(...known), max: Math.max(...known) };
}
