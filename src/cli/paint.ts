/** Colours on a terminal, by meaning. */
import { styleText } from 'node:util';
import type { Paint } from '../commands/command.ts';

/** Real colours, or none when standard output is no terminal or the user asked for none. */
export function paintFor(colour: boolean): Paint {
  if (!colour) return { bold: same, dim: same, good: same, bad: same, warn: same };
  const style = (name: 'bold' | 'dim' | 'green' | 'red' | 'yellow') => (text: string) =>
    styleText(name, text, { validateStream: false });
  return {
    bold: style('bold'),
    dim: style('dim'),
    good: style('green'),
    bad: style('red'),
    warn: style('yellow'),
  };
}

function same(text: string): string {
  return text;
}
