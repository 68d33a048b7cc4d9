/**
 * The texts of a `query`, parsed at load: plain text stays text; with `${…}` it becomes parts and values, each with how it
 * stands there. Values are put in when it is asked, escaped for their place, never before. Pure.
 */
import type { Dimension, Json, JsonObject, Scalar } from '../model.ts';
import { type Closing, refuse } from './closing.ts';
import { constantOf, isConstantPath } from './constant.ts';
import { didYouMean, error, oneOf } from './diagnostic.ts';
import { scanPromql, scanSql, type Template } from './query-scan.ts';
import { valueAt } from './shape.ts';
import type { Path } from './source.ts';
import { hasRolloutGate, writtenRules } from './written-rules.ts';

/** Arguments of a query that are texts of another language. */
export const QUERY_TEXTS: readonly string[] = ['sql', 'promql', 'rows'];

/** What a template gives: its value when it is known at load, else the slot that is filled when it is asked. */
interface Given {
  readonly dimension: Dimension;
  readonly value: Scalar | { readonly $: string };
}

/** Of rollouts and their sides: known when a gate of a rollout is judged. */
const ROLLOUT_PATHS: Readonly<Record<string, Dimension>> = {
  'side.name': 'string',
  'side.revision': 'version',
  'rollout.canary': 'version',
  'rollout.baseline': 'version',
  'step.elapsed': 'duration',
};

/** The query texts of an observation's arguments, by argument; notes what is wrong with them. */
export function queryTexts(closing: Closing, args: JsonObject, path: Path): Record<string, Json> {
  const texts: Record<string, Json> = {};
  for (const key of QUERY_TEXTS) {
    const text = args[key];
    if (typeof text !== 'string') continue;
    // The text of an entry stands in its Connection: here only the entry can be pointed at.
    const at = args.entry !== undefined && key !== 'rows' ? 'entry' : key;
    texts[key] = queryText(closing, text, key !== 'sql', [...path, at]);
  }
  return texts;
}

/** What only the whole observation shows: PromQL gives numbers, and counts its samples by a query of their own. */
export function checkPromql(
  closing: Closing,
  args: JsonObject,
  common: { readonly unit?: string | undefined; readonly minSamples?: number | undefined },
  path: Path,
): void {
  if (args.promql === undefined) return;
  const { unit, minSamples } = common;
  if (unit === 'string' || unit === 'boolean' || unit === 'version')
    refuse(
      closing,
      [...path, 'unit'],
      `unit is ${unit}, and PromQL gives numbers; expected number, count, ratio or duration`,
      unit === 'boolean' ? 'Compare the number: up == 0.' : undefined,
    );
  if (minSamples !== undefined && args.rows === undefined)
    refuse(
      closing,
      [...path, 'minSamples'],
      'minSamples needs to know how many samples are behind the value; expected rows: PROMQL beside promql',
      'Such as rows: sum(increase(http_requests_total[1h])).',
    );
}

function queryText(closing: Closing, text: string, isPromql: boolean, path: Path): Json {
  const { templates, faults, says } = isPromql ? scanPromql(text) : scanSql(text);
  const note = (index: number, message: string, hint?: string) =>
    closing.diagnostics.push(error(closing.source.within(path, index), message, hint));
  for (const { index, message } of faults) note(index, message);
  if (!says) note(0, `${String(path.at(-1))} asks nothing; expected a query`);
  if (templates.length === 0) return text;
  const values: Json[] = [];
  const as: string[] = [];
  const parts: string[] = [];
  let from = 0;
  for (const template of templates) {
    const given = givenBy(closing, template, path, note);
    const placing = given && placingOf(given, template, isPromql, note);
    if (given === undefined || placing === undefined) continue;
    parts.push(text.slice(from, template.from));
    values.push(given.value);
    as.push(placing);
    from = template.to;
  }
  // A text with a mistake is asked nowhere: no template of it is left for others to find.
  if (as.length < templates.length) return '';
  return { text: [...parts, text.slice(from)], values, as };
}

type Note = (index: number, message: string, hint?: string) => void;

/** How the value stands there; undefined after noting why it cannot. */
function placingOf(
  { dimension }: Given,
  { from, path, stands }: Template,
  isPromql: boolean,
  note: Note,
): string | undefined {
  const written = `\${${path}}`;
  if (stands === 'comment')
    return void note(from, `${written} stands in a comment; expected it in the query`);
  if (dimension === 'predicate')
    return void note(from, `${written} is a predicate; expected a number, text or a duration`);
  if (!isPromql) {
    if (stands === 'bare') return dimension === 'duration' ? 'duration' : 'literal';
    return void note(
      from,
      `${written} stands between quotes in SQL, where its value could end them; expected it without quotes`,
      'It becomes a quoted literal by itself; join it with text by ||.',
    );
  }
  if (stands === 'raw')
    return void note(from, `${written} stands between backticks; expected double quotes around it`);
  if (stands !== 'bare') {
    if (dimension !== 'duration') return stands;
    return void note(
      from,
      `${written} is a duration between quotes; expected it without, as in [${written}]`,
    );
  }
  if (dimension === 'duration') return 'duration';
  if (dimension === 'number' || dimension === 'count' || dimension === 'ratio') return 'number';
  return void note(
    from,
    `${written} is ${dimension === 'boolean' ? 'true or false' : 'text'} outside of quotes, where it would be code; expected it between double quotes`,
    `Such as {job="${written}"}; a metric's name as {__name__="${written}"}.`,
  );
}

/** What a template names, or undefined after noting why it names nothing. */
function givenBy(closing: Closing, template: Template, at: Path, note: Note): Given | undefined {
  const { path, from } = template;
  if (path === undefined)
    return void note(from, `a template that is no path; expected one such as \${target.name}`);
  const [root = '', ...rest] = path.split('.');
  // Without a target nobody knows what it has: that is told where the policy is bound.
  if (root === 'target' && !closing.bound) return undefined;
  if (isConstantPath(path)) return constant(closing, path, from, note);
  if (root === 'steps' && rest.length >= 2) return { dimension: 'string', value: { $: path } };
  if (root === 'labels') return label(closing, path, rest.join('.'), from, note);
  const dimension = Object.hasOwn(ROLLOUT_PATHS, path) ? ROLLOUT_PATHS[path] : undefined;
  const known = ['target.…', 'params.…', 'labels.…', 'steps.ID.OUTPUT', ...Object.keys(ROLLOUT_PATHS)];
  if (dimension === undefined)
    return void note(
      from,
      `\${${path}} names nothing in a query; expected ${oneOf(known)}`,
      didYouMean(path, Object.keys(ROLLOUT_PATHS)),
    );
  if (root === 'side' && valueAt(closing.source.value, [...at.slice(0, -1), 'sides']) !== true)
    return void note(from, `\${${path}} needs to know which side is asked; expected sides: true beside it`);
  if (root !== 'side' && !hasRolloutGate(closing.spec))
    return void note(
      from,
      `\${${path}} is known in a rollout only, and this policy has no gate: { on: rollout }; expected one`,
    );
  return { dimension, value: { $: path } };
}

function constant(closing: Closing, path: string, from: number, note: Note): Given | undefined {
  const found = constantOf(closing, path.split('.'));
  if (found === 'broken') return undefined;
  if ('message' in found) return void note(from, found.message, found.hint);
  return { dimension: found.dimension, value: found.value };
}

/** A label of the group that a rule acts for. */
function label(closing: Closing, path: string, name: string, from: number, note: Note): Given | undefined {
  const known = [...new Set(writtenRules(closing.spec).flatMap(rule => rule.text.per ?? []))];
  if (known.includes(name)) return { dimension: 'string', value: { $: path } };
  return void note(
    from,
    `there is no label ${name}; expected ${oneOf(known)}`,
    known.length === 0 ? 'Labels of a group are there with per.' : didYouMean(name, known),
  );
}
