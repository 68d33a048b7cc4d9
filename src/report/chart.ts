/** A metric over time as one SVG picture: its line, its thresholds, when the episode began and when people were asked. Pure. */
import { type Html, html } from './html.ts';
import { when } from './time-words.ts';

export interface Course {
  readonly name: string;
  readonly unit: string;
  readonly thresholds: readonly number[];
  /** Milliseconds since the epoch, ascending. */
  readonly at: readonly number[];
  /** Null where it was not known: the line is broken there. */
  readonly values: readonly (number | null)[];
}

export interface Marks {
  readonly opened?: number | undefined;
  readonly asked: number;
}

// As wide as a phone, so that its words can be read there.
const WIDTH = 480;
const HEIGHT = 240;
const LEFT = 52;
const RIGHT = 16;
const TOP = 22;
const BOTTOM = 28;

/** The picture with its words; nothing when no value was known. */
export function chart(course: Course, marks: Marks): Html | undefined {
  const known = course.values.filter(one => one !== null);
  if (known.length === 0) return undefined;
  const scale = scaleOf(course, known, marks);
  const { x, y, from, to, least, most } = scale;
  const words = wordsOf(course, known);
  return html`<figure>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${words}">
<title>${words}</title>
<rect class="frame" x="${LEFT}" y="${TOP}" width="${WIDTH - LEFT - RIGHT}" height="${HEIGHT - TOP - BOTTOM}"/>
<text x="${LEFT - 6}" y="${TOP + 10}" text-anchor="end">${short(most)}</text>
<text x="${LEFT - 6}" y="${HEIGHT - BOTTOM}" text-anchor="end">${short(least)}</text>
<text x="${LEFT}" y="${HEIGHT - 8}">${when(from)}</text>
<text x="${WIDTH - RIGHT}" y="${HEIGHT - 8}" text-anchor="end">${when(to)} UTC</text>
${course.thresholds.map(one => level(one, y))}
${marks.opened === undefined ? undefined : mark('opened', 'episode', marks.opened, scale)}
${mark('asked', 'asked', marks.asked, scale)}
${pieces(course).map(piece => drawn(piece, x, y))}
</svg>
<figcaption>${words}</figcaption>
</figure>`;
}

interface Scale {
  readonly x: (at: number) => number;
  readonly y: (value: number) => number;
  readonly from: number;
  readonly to: number;
  readonly least: number;
  readonly most: number;
}

function scaleOf({ at, thresholds }: Course, known: readonly number[], { opened, asked }: Marks): Scale {
  const all = [...known, ...thresholds];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  // A line that is flat stands in the middle.
  const room = (high - low || Math.abs(high) || 1) * 0.08;
  const [least, most] = [low - room, high + room];
  const [first = 0, last = 0] = [at[0], at.at(-1)];
  // The moment of the question is always in the picture, that of the episode where the values reach as far.
  const from = Math.min(first, asked, opened !== undefined && opened >= first ? opened : first);
  const to = Math.max(last, asked);
  const wide = to - from || 1;
  return {
    ...{ from, to, least, most },
    x: time => round(LEFT + ((time - from) / wide) * (WIDTH - LEFT - RIGHT)),
    y: value => round(TOP + ((most - value) / (most - least)) * (HEIGHT - TOP - BOTTOM)),
  };
}

function round(of: number): number {
  return Math.round(of * 10) / 10;
}

type Point = readonly [at: number, value: number];

/** What is known without a break. */
function pieces({ at, values }: Course): readonly (readonly Point[])[] {
  const found: Point[][] = [[]];
  for (const [i, value] of values.entries()) {
    const time = at[i];
    if (value === null || time === undefined) found.push([]);
    else found.at(-1)?.push([time, value]);
  }
  return found.filter(piece => piece.length > 0);
}

function drawn(piece: readonly Point[], x: Scale['x'], y: Scale['y']): Html {
  const points = piece.map(([at, value]) => `${x(at)},${y(value)}`).join(' ');
  const [[at, value] = [0, 0]] = piece.slice(-1);
  return html`<polyline class="line" points="${points}"/><circle class="point" cx="${x(at)}" cy="${y(value)}" r="3"/>`;
}

function level(threshold: number, y: Scale['y']): Html {
  const at = y(threshold);
  return html`<line class="threshold" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}"/><text x="${WIDTH - RIGHT - 4}" y="${at - 4}" text-anchor="end">threshold ${shown(threshold)}</text>`;
}

function mark(kind: 'opened' | 'asked', name: string, at: number, { x, from, to }: Scale): Html | undefined {
  if (at < from || at > to) return undefined;
  const place = x(at);
  const left = place > WIDTH / 2;
  // Two words at one place would cover each other.
  const y = kind === 'opened' ? TOP - 8 : HEIGHT - BOTTOM - 6;
  return html`<line class="${kind}" x1="${place}" x2="${place}" y1="${TOP}" y2="${HEIGHT - BOTTOM}"/><text x="${place + (left ? -4 : 4)}" y="${y}" text-anchor="${left ? 'end' : 'start'}">${name}</text>`;
}

function wordsOf({ name, unit, thresholds, at }: Course, known: readonly number[]): string {
  const limits = thresholds.length === 0 ? '' : `; threshold ${thresholds.map(shown).join(', ')}`;
  const [first = 0, last = 0] = [at[0], at.at(-1)];
  return `${name} (${unit}) from ${when(first)} to ${when(last)} UTC: between ${shown(Math.min(...known))} and ${shown(Math.max(...known))}, last ${shown(known.at(-1) ?? 0)}${limits}`;
}

/** What fits beside the axis. */
function short(of: number): string {
  return String(Number(of.toPrecision(3)));
}

/** Four significant digits. */
function shown(of: number): string {
  return String(Number.isInteger(of) ? of : Number(of.toPrecision(4)));
}
