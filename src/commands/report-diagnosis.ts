/** What rows of a report say together, in words that name their figures. Nothing is decided on it. */
import type { ReportRow } from './report.ts';
import { value as shown } from './time.ts';

/** Findings, the weightiest first; never empty. */
export function diagnosisOf(kind: string, rows: readonly ReportRow[]): string[] {
  if (rows.length === 0)
    return [
      `Nothing was recorded that ${kind} could be told from: no policy of the target observes it, or none was looked at since then.`,
    ];
  if (kind === 'freshness') return freshness(rows);
  if (kind === 'compare') return compared(rows);
  return [...over(rows), ...moved(rows), ...unknown(rows)];
}

function over(rows: readonly ReportRow[]): string[] {
  const judged = rows.filter(one => one.limit !== undefined && one.value !== undefined);
  const found = judged.filter(one => (one.value ?? 0) > (one.limit ?? 0));
  const [first] = found;
  if (first === undefined) return judged.length === 0 ? [] : ['No value is above its threshold.'];
  const others = found.length === 1 ? 'nothing else is' : `${found.length} of ${judged.length} are`;
  const lead = `${first.name}${inGroup(first)} leads: ${shown(first.value)} against ${shown(first.limit)}; ${others} above the threshold.`;
  const certain = found.filter(one => one.lower !== undefined && one.lower > (one.limit ?? 0)).length;
  const wide = found.some(one => one.lower !== undefined)
    ? [`For ${certain} of ${found.length} the whole interval is above it.`]
    : [];
  const spread = found.length > 1 && found.length * 2 > judged.length;
  return [
    lead,
    ...wide,
    ...(spread ? ['Most move together: look for one cause upstream before you blame a feature.'] : []),
  ];
}

/** Sudden or steady: how much of the largest value came since the first look. */
function moved(rows: readonly ReportRow[]): string[] {
  const [largest] = rows
    .filter(one => one.before !== undefined && one.value !== undefined)
    .sort((a, b) => change(b) - change(a));
  if (largest === undefined || change(largest) === 0) return [];
  return [
    `${largest.name}${inGroup(largest)} changed most: from ${shown(largest.before)} to ${shown(largest.value)}.`,
  ];
}

function change({ before = 0, value = 0 }: ReportRow): number {
  return Math.abs(value - before);
}

function unknown(rows: readonly ReportRow[]): string[] {
  const found = rows.filter(one => one.unknown !== undefined);
  if (found.length === 0) return [];
  const reasons = [...new Set(found.map(one => one.unknown?.split(':')[0]))].join(', ');
  return [`${found.length} of ${rows.length} are unknown (${reasons}): unknown is neither good nor bad.`];
}

function freshness(rows: readonly ReportRow[]): string[] {
  const stale = rows.filter(one => one.unknown !== undefined);
  const [culprit] = stale;
  if (culprit === undefined) return ['All data that was looked at is there and fresh enough.'];
  return [
    `The culprit is ${culprit.name}: ${culprit.unknown}.`,
    ...stale.slice(1, 4).map(one => `Behind it: ${one.name}.`),
  ];
}

function compared(rows: readonly ReportRow[]): string[] {
  const canaries = rows.filter(one => one.name.endsWith('.canary'));
  return canaries.flatMap(one => {
    const name = one.name.replace(/\.canary$/, '');
    const other = rows.find(
      side => side.name === `${name}.baseline` && side.group === one.group && side.policy === one.policy,
    );
    if (one.value === undefined || other?.value === undefined)
      return [`${name}${inGroup(one)}: one side is unknown, so nothing can be said.`];
    const apart =
      (one.lower ?? one.value) > (other.upper ?? other.value) ||
      (one.upper ?? one.value) < (other.lower ?? other.value);
    return [
      `${name}${inGroup(one)}: ${shown(one.value)} of the new version against ${shown(other.value)}; the intervals ${apart ? 'are apart' : 'overlap'}.`,
    ];
  });
}

function inGroup({ group }: ReportRow): string {
  return group === '' ? '' : ` [${group}]`;
}
