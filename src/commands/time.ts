/** Times and durations in words, always in UTC. */
import { span, UNITS, when } from '../report/time-words.ts';

export { span, when };

/** A time after a beginning as a policy writes it, to the second from a minute on: `0h`, `3d2h20m`. */
export function elapsed(ms: number): string {
  if (ms === 0) return '0h';
  let rest = ms < 60_000 ? ms : Math.round(ms / 1000) * 1000;
  let text = '';
  for (const [unit, size] of [...UNITS, ['ms', 1] as const]) {
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text;
}

/** Four significant digits for numbers, the text itself for the rest. */
export function value(of: unknown): string {
  if (typeof of !== 'number') return String(of);
  return Number.isInteger(of) ? String(of) : String(Number(of.toPrecision(4)));
}

/** Columns padded to their widest cell; the last is not. Cells may hold colour codes. */
export function table(rows: readonly (readonly string[])[], indent = ''): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, plain(cell).length);
    });
  return rows
    .map(
      row =>
        indent +
        row
          .map((cell, i) =>
            i === row.length - 1 ? cell : cell + ' '.repeat((widths[i] ?? 0) - plain(cell).length),
          )
          .join('  ')
          .trimEnd(),
    )
    .join('\n');
}

function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes begin with the escape character
  return text.replace(/\u001b\[[0-9;]*m/g, '');
}

/** Text from outside, line by line as `safe` gives it. */
export function lines(text: string, most = 20): string {
  return text
    .split('\n')
    .slice(0, most)
    .map(line => safe(line))
    .join('\n');
}

/** Text from outside on one line, without control or direction characters, capped: names and messages are hostile. */
export function safe(text: string, most = 300): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ').trim();
  return line.length > most ? `${line.slice(0, most - 1)}…` : line;
}
