/**
 * Writes docs/language.md from its template, the schemas and the words of the language. With `--check` it writes nothing and
 * ends with 1 when the page is not what it would write.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { DIMENSIONS, HOLD_REASONS, RULE_STATES, UNKNOWN_REASONS } from '../src/dsl/closed-lists.ts';
import { VALIDATORS } from '../src/dsl/documents.ts';
import { type Field, fieldsOf, shown } from '../src/dsl/field-list.ts';
import { documentSchema } from '../src/dsl/json-schema.ts';
import { FUNCTIONS, OPERATORS, REDUCER_MEANINGS, ROOTS, UNITS } from '../src/dsl/operators.ts';
import { OUTPUTS } from '../src/dsl/outputs.ts';
import { EVENT_NAMES } from '../src/dsl/test-events.ts';
import { evaluatorFields, natureOf, outputsText, verbFields } from '../src/dsl/words.ts';
import { evaluators } from '../src/evaluators/index.ts';
import { verbs } from '../src/executors/index.ts';
import type { DocumentKind, Truth } from '../src/model.ts';

const PAGE = new URL('language.md', import.meta.url);

/** The text of docs/language.md. Throws when the template names a part that there is not. */
export function languagePage(): string {
  const template = readFileSync(new URL('language.template.md', import.meta.url), 'utf8');
  return template.replaceAll(/\{\{([a-z-]+)\}\}/g, (_, name: string) => {
    const part = PARTS[name];
    if (part === undefined) throw new Error(`docs/language.template.md names ${name}, which is no part`);
    return part();
  });
}

const PARTS: Readonly<Record<string, () => string>> = {
  generated: () =>
    'Written by docs/generate.ts from docs/language.template.md: edit that, or the texts in src/dsl.',
  'rule-states': () => rows(RULE_STATES),
  'unknown-reasons': () => rows(UNKNOWN_REASONS),
  'hold-reasons': () =>
    lines(Object.entries(HOLD_REASONS).map(([word, { means, ends }]) => [code(word), means, ends])),
  units: () => rows(UNITS),
  operators: () => shownRows(OPERATORS),
  functions: () => shownRows(FUNCTIONS),
  reducers: () => shownRows(REDUCER_MEANINGS),
  names: () => shownRows(ROOTS),
  dimensions: () =>
    lines(Object.entries(DIMENSIONS).map(([word, { means, written }]) => [code(word), means, code(written)])),
  kleene,
  'common-arguments': () => fieldTable(below('Policy', 'spec.observe.NAME.')),
  'step-arguments': () => fieldTable(below('Policy', 'spec.then[].')),
  evaluators: () => Object.values(evaluators).map(evaluatorPart).join('\n\n'),
  verbs: () => Object.values(verbs).map(verbPart).join('\n\n'),
  fields: () =>
    (Object.keys(VALIDATORS) as DocumentKind[])
      .map(
        kind =>
          `### ${kind}\n\n${documentSchema(kind).properties?.spec?.description}\n\n${fieldTable(ownFields(kind))}`,
      )
      .join('\n\n'),
  events: () => EVENT_NAMES.map(code).join(', '),
};

function evaluatorPart(evaluator: (typeof evaluators)[string]): string {
  const { main, rest } = evaluatorFields(evaluator);
  const outputs = Object.entries(evaluator.outputs).map(([name, dimension]) => [
    code(name),
    dimension,
    OUTPUTS[name] ?? '',
  ]);
  return [
    `#### ${code(evaluator.name)}`,
    main.means,
    fieldTable([{ ...main, means: 'The main argument, as above.' }, ...rest]),
    table(['Gives', 'Dimension', 'Meaning'], outputs),
  ].join('\n\n');
}

function verbPart(verb: (typeof verbs)[string]): string {
  const { main, rest } = verbFields(verb);
  const gives = outputsText(verb.outputs);
  const facts = `It is ${natureOf(verb)}.${gives === '' ? '' : ` It gives ${gives}.`}`;
  return [`#### ${code(verb.name)}`, `${main.means} ${facts}`, fieldTable(rest)].join('\n\n');
}

/** All fields of a kind but the envelope, what is listed elsewhere, and the rules' own, which are those of `spec`. */
function ownFields(kind: DocumentKind): readonly Field[] {
  return fieldsOf(documentSchema(kind))
    .filter(({ path }) => path.startsWith('spec.') && !/^spec\.(observe\.NAME|then\[\])\./.test(path))
    .filter(
      ({ path }) => kind !== 'Policy' || !path.startsWith('spec.rules[].') || path === 'spec.rules[].name',
    )
    .map(field => ({ ...field, path: field.path.slice('spec.'.length) }));
}

function below(kind: DocumentKind, prefix: string): readonly Field[] {
  return fieldsOf(documentSchema(kind))
    .filter(({ path }) => path.startsWith(prefix))
    .map(field => ({ ...field, path: field.path.slice(prefix.length) }));
}

function fieldTable(fields: readonly Field[]): string {
  return table(
    ['Field', 'Type', 'Default', 'Meaning', 'Example'],
    fields.map(field => [
      code(field.path),
      field.type,
      field.required ? 'required' : field.default === undefined ? '' : code(field.default),
      field.means,
      field.examples[0] === undefined ? '' : code(shown(field.examples[0])),
    ]),
  );
}

/** The three tables of Kleene's logic, from its definition: the least, the greatest, the opposite of false < unknown < true. */
function kleene(): string {
  const truths: readonly Truth[] = ['true', 'unknown', 'false'];
  const rank = (one: Truth) => truths.indexOf(one);
  const both = (a: Truth, b: Truth) => truths[Math.max(rank(a), rank(b))] ?? 'unknown';
  const either = (a: Truth, b: Truth) => truths[Math.min(rank(a), rank(b))] ?? 'unknown';
  const grid = (word: string, of: (a: Truth, b: Truth) => Truth) =>
    table(
      [code(word), ...truths],
      truths.map(a => [`**${a}**`, ...truths.map(b => of(a, b))]),
    );
  const opposite = table(
    [code('not'), ''],
    truths.map(a => [`**${a}**`, truths[2 - rank(a)] ?? '']),
  );
  return [grid('and', both), grid('or', either), opposite].join('\n\n');
}

function rows(list: Readonly<Record<string, string>>): string {
  return lines(Object.entries(list).map(([word, means]) => [code(word), means]));
}

function shownRows(
  list: Readonly<Record<string, { readonly means: string; readonly example: string }>>,
): string {
  return lines(Object.entries(list).map(([word, { means, example }]) => [code(word), means, code(example)]));
}

function table(head: readonly string[], body: readonly (readonly string[])[]): string {
  return [`| ${head.join(' | ')} |`, `|${head.map(() => ' --- |').join('')}`, lines(body)].join('\n');
}

function lines(body: readonly (readonly string[])[]): string {
  // A cell ends at a bar, also within code.
  const cell = (text: string) => text.replaceAll(/(?<!\\)\|/g, '\\|');
  return body.map(cells => `| ${cells.map(cell).join(' | ')} |`).join('\n');
}

function code(text: string): string {
  return `\`${text}\``;
}

if (import.meta.main) {
  const text = languagePage();
  const old = read();
  if (process.argv.includes('--check')) {
    if (old !== text) console.error('docs/language.md is stale; run node docs/generate.ts.');
    process.exitCode = old === text ? 0 : 1;
  } else if (old !== text) writeFileSync(PAGE, text);
}

function read(): string | undefined {
  try {
    return readFileSync(PAGE, 'utf8');
  } catch {
    return undefined;
  }
}
