/** Every word of the language with one sentence and an example: what `explain WORD` looks up and the reference lists. Pure. */
import type { Catalogue, DocumentKind, Evaluator, Verb } from '../model.ts';
import { DIMENSIONS, HOLD_REASONS, RULE_STATES, UNKNOWN_REASONS } from './closed-lists.ts';
import { editDistance } from './diagnostic.ts';
import { VALIDATORS } from './documents.ts';
import { type Field, fieldOf, fieldsOf, shown } from './field-list.ts';
import { documentSchema, observationSchema, stepSchema } from './json-schema.ts';
import { FUNCTIONS, OPERATORS, REDUCER_MEANINGS, ROOTS, UNITS } from './operators.ts';
import { OUTPUTS } from './outputs.ts';

export type WordKind =
  | 'document'
  | 'field'
  | 'value'
  | 'evaluator'
  | 'verb'
  | 'argument'
  | 'output'
  | 'name'
  | 'operator'
  | 'function'
  | 'reducer'
  | 'unit'
  | 'dimension'
  | 'rule state'
  | 'hold reason'
  | 'unknown reason';

export interface Word {
  readonly word: string;
  readonly kind: WordKind;
  /** Where it belongs: `Policy spec.then[].require`, `evaluator drift`. */
  readonly of?: string;
  readonly means: string;
  readonly example: string;
  /** Further facts in order, such as its type, its default, what ends it. */
  readonly facts: readonly (readonly [name: string, text: string])[];
}

/** All words, of documents first. One word may have several meanings, each of which is an element. */
export function words(catalogue: Catalogue): readonly Word[] {
  const kinds = Object.keys(VALIDATORS) as DocumentKind[];
  const found = [
    ...kinds.map(documentWord),
    ...kinds.flatMap(fieldWords),
    ...catalogueWords(catalogue),
    ...closedWords(),
    ...expressionWords(),
  ];
  const known = new Set(found.map(one => one.word));
  return [...found, ...kinds.flatMap(valueWords).filter(one => !known.has(one.word))];
}

/** The meanings of a word, by itself (`for`) or with where it stands (`spec.for`, `Policy.spec.for`, `guard.rate`). */
export function meaningsOf(word: string, all: readonly Word[]): readonly Word[] {
  const wanted = word.trim().toLowerCase();
  const exact = all.filter(one => one.word.toLowerCase() === wanted);
  if (exact.length > 0) return exact;
  return all.filter(one => {
    const place = one.of?.toLowerCase().replace(' ', '.').replaceAll('[]', '') ?? '';
    return place === wanted || place.endsWith(`.${wanted}`);
  });
}

/** Known words that a misspelt one may mean, nearest first; at most five. */
export function suggestionsFor(word: string, all: readonly Word[]): readonly string[] {
  const wanted = word.trim().toLowerCase();
  const most = Math.max(1, Math.floor(wanted.length / 3));
  return [...new Set(all.map(one => one.word))]
    .map(one => ({ one, far: editDistance(wanted, one.toLowerCase(), most + 1) }))
    .filter(({ one, far }) => far <= most || (wanted.length > 2 && one.toLowerCase().startsWith(wanted)))
    .sort((a, b) => a.far - b.far)
    .slice(0, 5)
    .map(({ one }) => one);
}

function documentWord(kind: DocumentKind): Word {
  const { description = '' } = documentSchema(kind).properties?.spec ?? {};
  return { word: kind, kind: 'document', means: description, example: `kind: ${kind}`, facts: [] };
}

function fieldWords(kind: DocumentKind): readonly Word[] {
  // What stands in a rule is told once: of the one rule of spec.
  const seen = new Set<string>();
  return fieldsOf(documentSchema(kind)).flatMap(field => {
    const single = field.path.replace('spec.rules[].', 'spec.');
    if (seen.has(single)) return [];
    seen.add(single);
    return [wordOf(field, 'field', `${kind} ${field.path}`)];
  });
}

function wordOf(field: Field, kind: WordKind, of: string): Word {
  const word = field.path.replace('[]', '').split('.').at(-1) ?? '';
  const [example = field.values[0] ?? (field.type === 'true \\| false' ? true : {})] = field.examples;
  return {
    word,
    kind,
    of,
    means: field.means,
    example: `${word}: ${shown(example)}`,
    facts: [
      ['type', field.type.replaceAll('\\|', '|')],
      ...(field.default === undefined ? [] : [['default', field.default] as const]),
      ...(field.required ? [['required', 'yes'] as const] : []),
    ],
  };
}

/** Listed values of fields, such as `enforce`. */
function valueWords(kind: DocumentKind): readonly Word[] {
  return fieldsOf(documentSchema(kind)).flatMap(field =>
    field.values.map(value => ({
      word: value,
      kind: 'value' as const,
      of: `${kind} ${field.path}`,
      means: field.means,
      example: `${field.path.replace('[]', '').split('.').at(-1)}: ${value}`,
      facts: [],
    })),
  );
}

function catalogueWords({ evaluators, verbs }: Catalogue): readonly Word[] {
  return [...Object.values(evaluators).flatMap(evaluatorWords), ...Object.values(verbs).flatMap(verbWords)];
}

function evaluatorWords(evaluator: Evaluator): readonly Word[] {
  const { name, outputs } = evaluator;
  const of = `evaluator ${name}`;
  const { main, rest } = evaluatorFields(evaluator);
  const facts = [
    ['arguments', rest.map(one => one.path).join(', ')],
    ['gives', outputsText(outputs)],
  ] as const;
  return [
    {
      ...wordOf(main, 'evaluator', 'Policy spec.observe.NAME'),
      facts: facts.filter(([, text]) => text !== ''),
    },
    ...rest.map(one => wordOf(one, 'argument', of)),
    ...Object.entries(outputs).map(([output, dimension]) => ({
      word: output,
      kind: 'output' as const,
      of,
      means: OUTPUTS[output] ?? '',
      example: output === 'value' ? 'psi > 0.2' : `psi.${output}`,
      facts: [['dimension', dimension] as const],
    })),
    ...main.values.map(value => ({
      word: value,
      kind: 'value' as const,
      of,
      means: main.means,
      example: `${name}: ${value}`,
      facts: [],
    })),
  ];
}

/** The evaluator's own key, whose value is its main argument, and its further arguments. */
export function evaluatorFields(evaluator: Evaluator): {
  readonly main: Field;
  readonly rest: readonly Field[];
} {
  const { properties, required } = observationSchema(evaluator);
  const fields = Object.entries(properties).map(([key, one]) => fieldOf(key, one, required.includes(key)));
  return {
    main: fieldOf(evaluator.name, properties[evaluator.name] ?? {}, true),
    rest: fields.filter(one => one.path !== evaluator.name),
  };
}

function verbWords(verb: Verb): readonly Word[] {
  const { main, rest } = verbFields(verb);
  const facts = [
    ['nature', natureOf(verb)],
    ['arguments', rest.map(one => one.path).join(', ')],
    ['gives', outputsText(verb.outputs)],
  ] as const;
  return [
    { ...wordOf(main, 'verb', 'Policy spec.then[]'), facts: facts.filter(([, text]) => text !== '') },
    ...rest.map(one => wordOf(one, 'argument', `verb ${verb.name}`)),
  ];
}

/** The verb's own key and the arguments below it. */
export function verbFields(verb: Verb): { readonly main: Field; readonly rest: readonly Field[] } {
  const schema = stepSchema(verb).properties[verb.name] ?? {};
  return { main: fieldOf(verb.name, schema, true), rest: fieldsOf(schema) };
}

/** What it asks of those who want it. */
export function natureOf({ safe, disruptive }: Verb): string {
  if (safe) return 'safe: it brings a known state back, and most guards do not hold it';
  return disruptive
    ? 'disruptive: needs a known breach, and admission in full'
    : 'changes nothing that runs or serves';
}

/** `value (number), rows (count)`. */
export function outputsText(outputs: Readonly<Record<string, string>>): string {
  return Object.entries(outputs)
    .map(([name, dimension]) => `${name === '*' ? 'any other output of the pipeline' : name} (${dimension})`)
    .join(', ');
}

function closedWords(): readonly Word[] {
  return [
    ...Object.entries(HOLD_REASONS).map(([word, { means, ends }]) => ({
      word,
      kind: 'hold reason' as const,
      means,
      example: `expect: [{ at: 24h, reason: ${word} }]`,
      facts: [['ends', ends] as const],
    })),
    ...plain('unknown reason', UNKNOWN_REASONS, word => `psi  unknown (${word}: …)`),
    ...plain('rule state', RULE_STATES, word => `expect: [{ at: 24h, state: ${word} }]`),
    ...Object.entries(DIMENSIONS).map(([word, { means, written }]) => ({
      word,
      kind: 'dimension' as const,
      means,
      example: written,
      facts: [],
    })),
  ];
}

function expressionWords(): readonly Word[] {
  return [
    ...shownBy('operator', OPERATORS),
    ...shownBy('function', FUNCTIONS),
    ...shownBy('reducer', REDUCER_MEANINGS),
    ...shownBy('name', ROOTS),
    ...plain('unit', UNITS, word => `5${word}`),
  ];
}

function plain(
  kind: WordKind,
  list: Readonly<Record<string, string>>,
  example: (word: string) => string,
): readonly Word[] {
  return Object.entries(list).map(([word, means]) => ({
    word,
    kind,
    means,
    example: example(word),
    facts: [],
  }));
}

function shownBy(
  kind: WordKind,
  list: Readonly<Record<string, { readonly means: string; readonly example: string }>>,
): readonly Word[] {
  return Object.entries(list).map(([word, { means, example }]) => ({
    word,
    kind,
    means,
    example,
    facts: [],
  }));
}
