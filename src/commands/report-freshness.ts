/** Which data a target waits for, and which dataset upstream of it is the cause. */
import type { ClosedPolicy, DatasetSpec, Observation } from '../model.ts';
import type { Ports } from './ports.ts';
import { endsOf, recordedSince } from './recorded.ts';
import type { ReportRow } from './report.ts';
import { safe } from './time.ts';

const NOT_THERE = ['stale', 'absent', 'unreachable', 'late'];

/** One row a dataset or connection that the target reads, the culprit first: the furthest upstream that is not there. */
export async function freshnessRows(
  ports: Ports,
  target: string,
  policies: readonly ClosedPolicy[],
  since: number,
): Promise<readonly ReportRow[]> {
  const datasets = Object.assign({}, ...policies.map(one => one.documents.datasets)) as Record<
    string,
    DatasetSpec
  >;
  const rows = new Map<string, ReportRow>();
  for (const { newest } of endsOf(await recordedSince(ports, target, since)).values()) {
    const policy = newest.policy.split('#')[0] ?? '';
    const spec = policies.find(one => one.policy === policy)?.observe[newest.observation.name];
    const name = sourceOf(newest.observation, spec?.dataset ?? spec?.connection);
    if (name === undefined) continue;
    const why = missing(newest.observation);
    if (rows.has(name) && why === undefined) continue;
    rows.set(name, {
      ...{ policy, name, group: '', at: newest.takenAt },
      ...(why === undefined ? {} : { unknown: why }),
    });
  }
  for (const name of [...rows.keys()])
    for (const above of upstreamOf(name, datasets)) {
      const row = rows.get(above) ?? (await rowOfDataset(ports, above, since));
      if (row) rows.set(above, row);
    }
  const depth = (name: string) => upstreamOf(name, datasets).length;
  return [...rows.values()].sort(
    (a, b) =>
      Number(b.unknown !== undefined) - Number(a.unknown !== undefined) || depth(a.name) - depth(b.name),
  );
}

/** What is not there has one cause for all that hang on it: its connection. */
function sourceOf({ unknown }: Observation, reads: string | undefined): string | undefined {
  return unknown?.reason === 'unreachable' && unknown.connection !== undefined ? unknown.connection : reads;
}

function missing(observation: Observation): string | undefined {
  const unknown = observation.unknown ?? observation.readings[0]?.unknown;
  if (!unknown || !NOT_THERE.includes(unknown.reason)) return undefined;
  return `${unknown.reason}: ${safe(unknown.message)}`;
}

/** All datasets that it is made from, nearest first. */
function upstreamOf(name: string, datasets: Readonly<Record<string, DatasetSpec>>): readonly string[] {
  const found: string[] = [];
  for (let next = [name]; next.length > 0; ) {
    next = next
      .flatMap(one => datasets[one]?.upstream ?? [])
      .filter(one => !found.includes(one) && one !== name);
    found.push(...next);
  }
  return [...new Set(found)];
}

/** A dataset upstream that is a target of its own: what its policies saw of it. */
async function rowOfDataset(ports: Ports, name: string, since: number): Promise<ReportRow | undefined> {
  const ends = endsOf(await recordedSince(ports, `dataset/${name}`, since));
  const rows = [...ends.values()].map(({ newest }) => newest);
  const bad = rows.find(one => missing(one.observation) !== undefined) ?? rows[0];
  if (!bad) return undefined;
  const why = missing(bad.observation);
  return {
    ...{ policy: bad.policy, name, group: '', at: bad.takenAt },
    ...(why === undefined ? {} : { unknown: why }),
  };
}
