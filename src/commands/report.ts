/** `report`: what the record says about one question, worst first, with a diagnosis in words. It asks no system anything. */
import { z } from 'zod';
import type { ClosedPolicy, Reading } from '../model.ts';
import { command } from './command.ts';
import { pageOf } from './cursor.ts';
import { nextCursor, paging } from './paging.ts';
import type { Ports } from './ports.ts';
import { endsOf, numberOf, policiesOf, type Recorded, recordedSince, sameLabels } from './recorded.ts';
import { Refusal } from './refusal.ts';
import { diagnosisOf } from './report-diagnosis.ts';
import { freshnessRows } from './report-freshness.ts';
import { groupText } from './rule-text.ts';
import { safe, value as shown, table, when } from './time.ts';
import { instantOf } from './time-input.ts';

/** Which evaluators answer which question. */
const EVALUATORS: Readonly<Record<string, readonly string[]>> = {
  drift: ['drift'],
  quality: ['nulls', 'rows'],
  performance: ['performance'],
  compare: ['performance', 'drift', 'query', 'nulls', 'rows'],
};
const LATER = ['experiment', 'pii'];

const row = z.object({
  policy: z.string(),
  name: z.string().describe('Of the observation.'),
  group: z.string().describe('Label set, such as origin=ORD.'),
  value: z.number().optional(),
  lower: z.number().optional(),
  upper: z.number().optional(),
  before: z.number().optional().describe('The oldest value since then.'),
  limit: z.number().optional().describe('The threshold that it is compared with.'),
  rows: z.number().optional(),
  at: z.number(),
  unknown: z.string().optional(),
});
export type ReportRow = z.output<typeof row>;

const output = z.object({
  kind: z.string(),
  target: z.string(),
  since: z.number(),
  diagnosis: z.array(z.string()).describe('Findings in words, the weightiest first.'),
  rows: z.array(row),
  next: nextCursor,
});

export const report = command({
  name: 'report',
  tool: 'flyball_get_report',
  title: 'Report with diagnosis',
  description:
    'From what was observed, worst first: drift by feature and slice; quality (nulls, rows); performance; freshness with its culprit upstream; compare (versions in a rollout). experiment and pii are not in this version.',
  input: z.strictObject({
    kind: z.enum(['drift', 'quality', 'performance', 'freshness', 'compare', 'experiment', 'pii']),
    target: z.string().min(1).max(200).describe('As kind/name.'),
    since: z.string().max(40).default('7d').describe('A time, or how long ago: what before is of.'),
    ...paging,
  }),
  output,
  positional: ['kind', 'target'],
  role: 'viewer',
  effect: 'read',
  reach: 'targets',
  examples: ['flyball report drift model/late-flights', 'flyball report freshness model/late-flights'],
  run: async (ports, input) => {
    if (LATER.includes(input.kind))
      throw new Refusal(
        `report ${input.kind}: not in this version; expected drift, quality, performance, freshness or compare.`,
        'absent',
      );
    const since = instantOf('since', input.since, ports.world.clock());
    const policies = await policiesOf(ports, input.target);
    const all =
      input.kind === 'freshness'
        ? await freshnessRows(ports, input.target, policies, since)
        : await rowsOf(ports, input, policies, since);
    const diagnosis = diagnosisOf(input.kind, all);
    const ranked = all.map((one, rank) => ({ one, rank: String(rank).padStart(6, '0') }));
    const of = { list: 'report', filters: { kind: input.kind, target: input.target, since: input.since } };
    const { items, next } = await pageOf(ports, of, input, ranked, ({ rank }) => rank);
    return {
      ...{ kind: input.kind, target: input.target, since, diagnosis },
      rows: items.map(({ one }) => one),
      ...(next === undefined ? {} : { next }),
    };
  },
  text: (found, paint) =>
    [
      `${paint.bold(`${found.kind} of ${found.target}`)} since ${when(found.since)}`,
      ...found.diagnosis.map(line => `- ${line}`),
      table([
        ['POLICY', 'OBSERVATION', 'GROUP', 'VALUE', 'INTERVAL', 'BEFORE', 'LIMIT', 'ROWS', 'AT'].map(
          paint.bold,
        ),
        ...found.rows.map(one => [
          ...[one.policy, one.name, one.group, one.unknown ?? shown(one.value)],
          one.lower === undefined ? '' : `${shown(one.lower)} … ${shown(one.upper)}`,
          ...[one.before, one.limit, one.rows].map(number => (number === undefined ? '' : shown(number))),
          when(one.at),
        ]),
        ...(found.next === undefined ? [] : [[`More: --cursor ${found.next}`]]),
      ]),
    ].join('\n'),
});

async function rowsOf(
  ports: Ports,
  input: { readonly kind: string; readonly target: string },
  policies: readonly ClosedPolicy[],
  since: number,
): Promise<readonly ReportRow[]> {
  const wanted = EVALUATORS[input.kind] ?? [];
  const isSide = ({ name }: { name: string }) => /\.(canary|baseline)$/.test(name);
  const found = (await recordedSince(ports, input.target, since)).filter(
    ({ observation }) =>
      wanted.includes(observation.evaluator) && (input.kind !== 'compare' || isSide(observation)),
  );
  const rows = [...endsOf(found).values()].flatMap(({ newest, oldest }) =>
    readingRows(newest, oldest, policies),
  );
  return rows.sort((a, b) => weightOf(b) - weightOf(a) || (a.name < b.name ? -1 : 1));
}

/** One row a label set; an observation that failed as a whole is one. */
function readingRows(
  { policy, takenAt: at, observation }: Recorded,
  oldest: Recorded,
  policies: readonly ClosedPolicy[],
): readonly ReportRow[] {
  const base = { policy: policy.split('#')[0] ?? policy, name: observation.name, at };
  const spec = policies.find(one => one.policy === base.policy)?.observe[
    observation.name.split('.')[0] ?? ''
  ];
  const limit = spec?.thresholds[0];
  const limits = limit === undefined ? {} : { limit };
  if (observation.unknown) {
    const { reason, message } = observation.unknown;
    return [{ ...base, ...limits, group: '', unknown: `${reason}: ${safe(message)}` }];
  }
  return observation.readings.map(reading => {
    const before = numberOf(oldest.observation.readings.find(one => sameLabels(one.labels, reading.labels)));
    return {
      ...{ ...base, ...limits, group: groupText(reading.labels) },
      ...numbersOf(reading),
      ...(before === undefined ? {} : { before }),
      ...(reading.unknown ? { unknown: `${reading.unknown.reason}: ${safe(reading.unknown.message)}` } : {}),
    };
  });
}

function numbersOf(reading: Reading): Partial<ReportRow> {
  const fields = ['value', 'lower', 'upper', 'rows'].map(name => [name, numberOf(reading, name)] as const);
  return Object.fromEntries(fields.filter(([, number]) => number !== undefined && Number.isFinite(number)));
}

/** Share of the threshold where there is one; what is unknown comes after what is over it. */
function weightOf({ value, limit, unknown }: ReportRow): number {
  if (unknown !== undefined) return 0.99;
  if (value === undefined) return -1;
  return limit === undefined || limit === 0 ? Math.min(Math.abs(value), 0.98) : Math.abs(value / limit);
}
