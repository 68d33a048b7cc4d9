/** A backtest as one self-contained HTML page: figures as tables, the metric with its thresholds, episodes and actions on a time line. Pure. */
import { BACKTEST_SCRIPT } from './backtest-script.ts';
import { escaped } from './html.ts';
import { STYLE } from './style.ts';

/** One line of the chart: `values[i]` at `at[i]` (ms since the epoch), null where it was not known. */
export interface Series {
  readonly name: string;
  readonly at: readonly number[];
  readonly values: readonly (number | null)[];
  readonly thresholds: readonly number[];
}

export interface SweepPoint {
  readonly value: number;
  readonly label: string;
  readonly episodes: number;
  readonly firing: string;
  readonly firingDays: number;
  readonly actions: number;
  readonly flaps: number;
  readonly cost: string;
  /** The knee of the curve. */
  readonly knee: boolean;
  /** What is in force now. */
  readonly current: boolean;
}

export interface BacktestPage {
  readonly title: string;
  readonly subtitle: string;
  /** What the reader must know to read the figures: assumptions, sources, gaps. */
  readonly notes: readonly string[];
  readonly figures: readonly (readonly [name: string, value: string])[];
  readonly series: readonly Series[];
  readonly episodes: readonly {
    readonly from: number;
    readonly to: number;
    readonly label: string;
    readonly cells: readonly string[];
  }[];
  readonly actions: readonly {
    readonly at: number;
    readonly label: string;
    readonly cells: readonly string[];
  }[];
  readonly holds: readonly (readonly string[])[];
  readonly sweep?: { readonly name: string; readonly points: readonly SweepPoint[] };
}

/** The chart library, as text to be put into the page. */
export interface ChartLibrary {
  readonly script: string;
  readonly style: string;
}

/** The whole page. It loads nothing: whatever is in it stands in it. */
export function backtestPage(page: BacktestPage, library: ChartLibrary): string {
  const data = {
    series: page.series,
    episodes: page.episodes.map(({ from, to, label }) => ({ from, to, label })),
    actions: page.actions.map(({ at, label }) => ({ at, label })),
    sweep: page.sweep?.points.map(({ value, episodes, actions, firingDays, knee }) => ({
      ...{ value, episodes, actions, firingDays, knee },
    })),
    sweepName: page.sweep?.name,
  };
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${escaped(page.title)}</title>
<style>${library.style}
${STYLE}</style>
</head>
<body>
<header><h1>${escaped(page.title)}</h1><p>${escaped(page.subtitle)}</p></header>
<main>
${notes(page.notes)}
<section class="figures">${page.figures.map(([name, value]) => `<div><dt>${escaped(name)}</dt><dd>${escaped(value)}</dd></div>`).join('')}</section>
${page.series.map(({ name }, i) => `<section><h2>${escaped(name)}</h2><div class="chart" data-series="${i}"></div></section>`).join('\n')}
${legend(page)}
${sweepSection(page)}
${table(
  'Episodes',
  ['opened', 'ended', 'how', 'group', 'why it fired'],
  page.episodes.map(one => one.cells),
  'It would never have fired.',
)}
${table(
  'Would-be actions',
  ['at', 'what', 'group', 'declared cost'],
  page.actions.map(one => one.cells),
  'Nothing would have been done.',
)}
${table('Held', ['reason', 'times', 'for'], page.holds, 'Nothing was held.')}
</main>
<script id="data" type="application/json">${JSON.stringify(data).replaceAll('<', '\\u003c')}</script>
<script>${scriptSafe(library.script)}</script>
<script>${BACKTEST_SCRIPT}</script>
</body>
</html>
`;
}

function notes(all: readonly string[]): string {
  return `<ul class="notes">${all.map(one => `<li>${escaped(one)}</li>`).join('')}</ul>`;
}

function legend({ series }: BacktestPage): string {
  if (series.length === 0) return '<p>No value of its conditions was known in this time.</p>';
  return '<p class="legend"><span class="episode"></span> episode <span class="action"></span> would-be action <span class="threshold"></span> threshold. Drag to zoom, double click to see all.</p>';
}

function sweepSection({ sweep }: BacktestPage): string {
  if (!sweep) return '';
  const rows = sweep.points.map(one => [
    `${one.label}${one.current ? ' (now)' : ''}${one.knee ? ' ← knee' : ''}`,
    String(one.episodes),
    one.firing,
    String(one.actions),
    String(one.flaps),
    one.cost,
  ]);
  const head = [sweep.name, 'episodes', 'firing for', 'actions', 'flaps', 'declared cost'];
  return `<section><h2>Sweep of ${escaped(sweep.name)}</h2><div class="chart" data-sweep></div></section>
${table('', head, rows, '')}`;
}

function table(
  title: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
  empty: string,
): string {
  const heading = title === '' ? '' : `<h2>${escaped(title)}</h2>`;
  if (rows.length === 0) return `<section>${heading}<p>${escaped(empty)}</p></section>`;
  const cells = (row: readonly string[], tag: 'th' | 'td') =>
    row.map(cell => `<${tag}>${escaped(cell)}</${tag}>`).join('');
  return `<section>${heading}<div class="scroll"><table><thead><tr>${cells(head, 'th')}</tr></thead><tbody>${rows
    .map(row => `<tr>${cells(row, 'td')}</tr>`)
    .join('')}</tbody></table></div></section>`;
}

function scriptSafe(script: string): string {
  return script.replaceAll('</script', '<\\/script');
}
