/** What a backtest found, in words for a terminal and as the content of its page. Pure. */
import { formatDuration } from '../dsl/index.ts';
import { render } from '../engine/explain.ts';
import type { ClosedPolicy, Json } from '../model.ts';
import type { BacktestPage, Series } from '../report/backtest-page.ts';
import type { BacktestOutput } from './backtest.ts';
import type { Backtested } from './backtest-run.ts';
import type { Paint } from './command.ts';
import { safe, span, table, value, when } from './time.ts';

type Found = BacktestOutput;
type Point = NonNullable<Found['sweep']>['points'][number];

/** For people at a terminal. */
export function backtestText(found: Found, paint: Paint): string {
  return [
    `${paint.bold(found.policy)} on ${found.target}, ${when(found.from)} to ${when(found.to)} UTC, commit ${found.commit.slice(0, 7)}, ${found.source === 'recorded' ? 'recorded observations' : 'observations from their sources'}`,
    ...found.notes.map(note => paint.dim(`  ${safe(note)}`)),
    '',
    table(figureRows(found).map(([name, text]) => [name, paint.bold(text)])),
    ...section('Episodes', found.episodes.map(episodeCells), paint),
    ...section('Would-be actions', found.actions.map(actionCells), paint),
    ...section('Held', holdRows(found), paint),
    ...sweepText(found, paint),
    ...(found.page === undefined ? [] : ['', `Written: ${found.page}`]),
  ].join('\n');
}

function section(title: string, rows: readonly (readonly string[])[], paint: Paint): string[] {
  return rows.length === 0 ? [] : ['', paint.bold(title), table(rows)];
}

function figureRows(found: Found): [string, string][] {
  const total = Object.values(found.states).reduce((sum, ms) => sum + ms, 0);
  const states = Object.entries(found.states)
    .sort(([, a], [, b]) => b - a)
    .map(([state, ms]): [string, string] => [`time ${state}`, `${span(ms)} (${percent(ms / total)})`]);
  return [
    ['ticks', String(found.ticks)],
    ['unknown verdicts', String(found.unknownTicks)],
    ['episodes', String(found.episodes.length)],
    ['would-be actions', String(found.actions.length)],
    ['declared cost', costText(found.cost)],
    ['flaps', String(found.flaps)],
    ...states,
  ];
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}

function costText(cost: Readonly<Record<string, number>>): string {
  const parts = Object.entries(cost).map(([unit, amount]) => `${value(amount)} ${unit}`);
  return parts.length === 0 ? 'none declared' : parts.join(', ');
}

function episodeCells(one: Found['episodes'][number]): string[] {
  return [
    when(one.openedAt),
    one.endedAt === undefined ? 'open at the end' : when(one.endedAt),
    one.how ?? '',
    groupText(one),
    safe(one.why, 200),
  ];
}

function groupText({ rule, group }: { readonly rule: string; readonly group: string }): string {
  return [rule === 'rule' ? '' : rule, group].filter(part => part !== '').join(' ') || 'the whole target';
}

function actionCells(one: Found['actions'][number]): string[] {
  return [when(one.at), `${one.verb} ${one.subject}`, groupText(one), costText(one.cost)];
}

function holdRows(found: Found): string[][] {
  return found.holds.map(one => [one.reason, `${one.times} times`, span(one.heldMs)]);
}

function sweepText({ sweep }: Found, paint: Paint): string[] {
  if (!sweep) return [];
  const head = [sweep.name, 'episodes', 'firing for', 'actions', 'flaps', 'declared cost', ''].map(
    paint.bold,
  );
  const rows = sweep.points.map(point => [
    value(point.value),
    String(point.episodes.length),
    span(point.states.firing ?? 0),
    String(point.actions.length),
    String(point.flaps),
    costText(point.cost),
    [...(point.current ? ['in force now'] : []), ...(point.knee ? [paint.warn('the knee')] : [])].join(', '),
  ]);
  const knee = sweep.points.find(point => point.knee);
  const said =
    knee === undefined
      ? 'No knee: the time in which it fires does not bend over these values.'
      : `The knee lies at ${value(knee.value)}: there the time in which it fires bends most.`;
  return ['', paint.bold(`Sweep of ${sweep.name}`), table([head, ...rows]), said];
}

/** The content of the page. */
export function pageOf(found: Found, policy: ClosedPolicy, run: Backtested): BacktestPage {
  const current = found.sweep?.points.map(sweepPoint);
  return {
    title: `Backtest of ${found.policy}`,
    subtitle: `${found.target}, ${when(found.from)} to ${when(found.to)} UTC, every ${formatDuration(policy.everyMs)}, commit ${found.commit.slice(0, 7)}`,
    notes: found.notes,
    figures: figureRows(found),
    series: seriesOf(policy, run),
    episodes: found.episodes.map(one => ({
      from: one.openedAt,
      to: one.endedAt ?? found.to,
      label: groupText(one),
      cells: episodeCells(one),
    })),
    actions: found.actions.map(one => ({ at: one.at, label: one.verb, cells: actionCells(one) })),
    holds: holdRows(found),
    ...(found.sweep && current ? { sweep: { name: found.sweep.name, points: current } } : {}),
  };
}

function sweepPoint(point: Point) {
  return {
    value: point.value,
    label: value(point.value),
    episodes: point.episodes.length,
    firing: span(point.states.firing ?? 0),
    firingDays: Math.round((point.states.firing ?? 0) / 8_640_000) / 10,
    actions: point.actions.length,
    flaps: point.flaps,
    cost: costText(point.cost),
    knee: point.knee,
    current: point.current,
  };
}

/** One line for each operand of the conditions, over the ticks at which it was judged for the whole target. */
function seriesOf(policy: ClosedPolicy, run: Backtested): Series[] {
  const found = new Map<string, { at: number[]; values: (number | null)[] }>();
  for (const { at, labels, operands } of run.verdicts) {
    if (Object.keys(labels).length > 0) continue;
    for (const operand of operands) {
      const line = found.get(operand.name) ?? { at: [], values: [] };
      found.set(operand.name, line);
      if (line.at.at(-1) === at) continue;
      line.at.push(at);
      line.values.push(typeof operand.value === 'number' ? operand.value : null);
    }
  }
  const thresholds = thresholdsOf(policy);
  return [...found]
    .filter(([, { values }]) => values.some(one => one !== null))
    .map(([name, line]) => ({ name, ...line, thresholds: thresholds.get(name) ?? [] }));
}

/** Numbers that the conditions compare each operand with, by the operand's words. */
function thresholdsOf(policy: ClosedPolicy): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, number[]>();
  const walk = (logic: Json): void => {
    if (logic === null || typeof logic !== 'object') return;
    const children = Array.isArray(logic) ? logic : Object.values(logic);
    const [left, right] = Array.isArray(children[0]) ? (children[0] as readonly Json[]) : [];
    if (left !== undefined && typeof left === 'object' && typeof right === 'number') {
      const name = render(left);
      found.set(name, [...new Set([...(found.get(name) ?? []), right])]);
    }
    for (const child of children) walk(child as Json);
  };
  for (const { when: fires, clear } of policy.rules) {
    walk(fires.logic);
    if (clear) walk(clear.logic);
  }
  return found;
}
