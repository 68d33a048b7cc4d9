/** `explain WORD`: what a word of the language means, with an example, and near words when it is none. */
import { z } from 'zod';
import { meaningsOf, suggestionsFor, type Word, words } from '../dsl/index.ts';
import type { Catalogue } from '../model.ts';
import type { Paint } from './command.ts';
import { table } from './time.ts';

export const meaning = z.object({
  word: z.string(),
  kind: z.string(),
  of: z.array(z.string()),
  means: z.string(),
  example: z.string(),
  facts: z.array(z.object({ name: z.string(), text: z.string() })),
});
export type Meaning = z.output<typeof meaning>;

/** All its meanings, those that are said alike together; none when it is no word of the language. */
export function explainWord(word: string, catalogue: Catalogue): readonly Meaning[] {
  const found = new Map<string, Meaning>();
  for (const one of meaningsOf(word, words(catalogue))) {
    const key = `${one.kind}\n${one.means}`;
    const before = found.get(key);
    if (before && one.of !== undefined) before.of.push(one.of);
    else if (!before) found.set(key, asMeaning(one));
  }
  return [...found.values()];
}

/** ` Did you mean …?`, or nothing. */
export function nearWords(word: string, catalogue: Catalogue): string {
  const near = suggestionsFor(word, words(catalogue));
  return near.length === 0 ? '' : ` Did you mean ${near.join(', ')}?`;
}

function asMeaning({ word, kind, of, means, example, facts }: Word): Meaning {
  return {
    word,
    kind,
    of: of === undefined ? [] : [of],
    means,
    example,
    facts: facts.map(([name, text]) => ({ name, text })),
  };
}

/** One paragraph a meaning. */
export function meaningsText(found: readonly Meaning[], paint: Paint): string {
  const paragraphs = found.map(one => {
    const where = one.of.length > 0 ? ` of ${one.of.join(', ')}` : '';
    const rows = [...one.facts.map(({ name, text }) => [name, text]), ['example', one.example]];
    return [`${paint.bold(one.word)}, ${one.kind}${where}`, `  ${one.means}`, table(rows, '  ')]
      .filter(part => part !== '')
      .join('\n');
  });
  return paragraphs.join('\n\n');
}
