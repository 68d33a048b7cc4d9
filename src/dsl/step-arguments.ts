/** The arguments of a step: its verb's, with filters parsed and templates as typed slots or the values they stand for. Pure. */
import type { Json, JsonObject, Slot } from '../model.ts';
import { type Closing, closeDataset, type NamedStep, plain, refuse, refuseBindingKey } from './closing.ts';
import { constantText } from './constant.ts';
import { oneOf, quoted } from './diagnostic.ts';
import { filledBy, resolveTemplate, type Templates } from './members.ts';
import { parsePredicate } from './predicate.ts';
import { explain, keysOf } from './shape.ts';
import type { Path } from './source.ts';
import { hasTemplate, templatePath, textParts } from './template.ts';

/** The arguments as the engine fills them; undefined after noting the mistakes, or when one stands elsewhere. */
export function stepArgumentsOf(
  closing: Closing,
  step: NamedStep,
  templates: Templates,
): JsonObject | undefined {
  const { verb, raw, path } = step;
  const at = [...path, verb.name];
  const given = (raw[verb.name] ?? {}) as Json;
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    return refuse(
      closing,
      at,
      `${verb.name} is ${quoted(given)}; expected a mapping of its arguments, or {}`,
    );
  const before = closing.diagnostics.length;
  const unsure = { broken: false };
  const filled = Object.entries(given).map(
    ([key, value]) => [key, argument(closing, step, key, value, { ...templates, unsure })] as const,
  );
  // What has a mistake elsewhere cannot be checked here.
  if (unsure.broken || closing.diagnostics.length > before) return undefined;
  const args = Object.fromEntries(filled.map(([key, value]) => [key, value ?? null]));
  const texts = Object.fromEntries(filled.filter(([, value]) => isTextSlot(value)));
  // A text around templates is checked as the text that it will be.
  const asText = Object.fromEntries(Object.keys(texts).map(key => [key, String((given as JsonObject)[key])]));
  const result = verb.args.safeParse({ ...args, ...asText });
  if (!result.success) {
    const known = keysOf(verb.args);
    for (const issue of result.error.issues)
      closing.diagnostics.push(
        ...explain(issue, at, {
          source: closing.source,
          known: found => known(found.slice(at.length)),
          later: () => [],
          describe: found => found.slice(path.length).join('.'),
        }),
      );
    return undefined;
  }
  checkLists(closing, step, args);
  return plain({ ...(result.data as JsonObject), ...texts }) as JsonObject;
}

/** The templates of a step, and whether one of them has a mistake that is told elsewhere. */
interface Filling extends Templates {
  readonly unsure: { broken: boolean };
}

/** One argument with its filter parsed or its templates as slots and values; undefined after noting why it cannot be. */
function argument(
  closing: Closing,
  step: NamedStep,
  key: string,
  value: Json,
  templates: Filling,
): Json | undefined {
  const { verb, path } = step;
  const at = [...path, verb.name, key];
  const wanted = Object.hasOwn(verb.slots, key) ? verb.slots[key] : undefined;
  if (typeof value === 'string' && /\{\{.*\}\}/.test(value))
    return refuse(
      closing,
      at,
      `${key} holds {{…}}, which is no template here; expected \${…}`,
      `Write ${value.replace(/\{\{\s*(.*?)\s*\}\}/g, `\${$1}`)}.`,
    );
  if (wanted === 'predicate') return filter(closing, step, key, value, templates);
  if (typeof value !== 'string' || !hasTemplate(value)) {
    if (holdsTemplate(value))
      return refuse(
        closing,
        at,
        `${key} holds a template within; expected one as the whole value of an argument`,
      );
    return value;
  }
  const whole = templatePath(value);
  if (whole === undefined) return textArgument(closing, step, key, value, templates);
  const found = resolveTemplate(whole.split('.'), templates);
  if (found === 'broken') return unsure(templates);
  if ('message' in found) return refuse(closing, at, found.message, found.hint);
  const constant = 'value' in found;
  if (wanted === undefined && !constant)
    return refuse(
      closing,
      at,
      `${key} of ${verb.name} takes no template; expected a literal, \${params.NAME} or \${target.PATH}`,
    );
  const fits =
    wanted === undefined ||
    wanted === found.dimension ||
    (wanted === 'version' && constant && found.dimension === 'string') ||
    (wanted === 'string' && found.dimension !== 'predicate');
  if (!fits)
    return refuse(closing, at, `\${${whole}} is a ${found.dimension}; expected a ${wanted} for ${key}`);
  if (!constant) return { $: found.path };
  return wanted === 'string' ? constantText(found) : found.value;
}

/** Text around templates: only where a text is due, so that nothing else is ever put together from pieces. */
function textArgument(
  closing: Closing,
  { verb, path }: NamedStep,
  key: string,
  text: string,
  templates: Filling,
): Json | undefined {
  const at = [...path, verb.name, key];
  if (verb.slots[key] !== 'string')
    return refuse(
      closing,
      at,
      `${key} is text around a template; expected one \${path} and nothing around it, or a literal`,
    );
  const parts = textParts(text);
  if (parts === undefined)
    return refuse(
      closing,
      at,
      `${key} holds a \${ that begins no path; expected one such as \${worst.origin}`,
    );
  const known: (string | Slot)[] = [];
  for (const part of parts) {
    const found = typeof part === 'string' ? part : resolveTemplate(part.$.split('.'), templates);
    if (found === 'broken') return unsure(templates);
    if (typeof found === 'string') known.push(found);
    else if ('message' in found) return refuse(closing, at, found.message, found.hint);
    else known.push('value' in found ? constantText(found) : { $: found.path });
  }
  return known.every(part => typeof part === 'string') ? known.join('') : plain({ $text: known });
}

function unsure(templates: Filling): undefined {
  templates.unsure.broken = true;
  return undefined;
}

function isTextSlot(value: Json | undefined): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, '$text');
}

function holdsTemplate(value: Json): boolean {
  if (typeof value === 'string') return hasTemplate(value);
  return (
    value !== null &&
    typeof value === 'object' &&
    (Object.hasOwn(value, '$') ||
      Object.hasOwn(value, '$text') ||
      Object.values(value).some(one => holdsTemplate(one as Json)))
  );
}

/** `${members.x}` is a list: only an argument that takes lists may hold it. */
function checkLists(closing: Closing, { verb, path }: NamedStep, args: JsonObject): void {
  for (const [key, value] of Object.entries(args)) {
    const slot = (value as { readonly $?: string } | null)?.$;
    if (typeof slot !== 'string' || !slot.startsWith('members.')) continue;
    if (verb.args.safeParse({ ...args, [key]: ['one', 'two'] }).success) continue;
    refuse(
      closing,
      [...path, verb.name, key],
      `\${members.…} is a list, and ${key} takes one value; expected \${worst.…}`,
    );
  }
}

function filter(
  closing: Closing,
  { verb, path }: NamedStep,
  key: string,
  value: Json,
  templates: Filling,
): Json | undefined {
  const at = [...path, verb.name, key];
  if (typeof value !== 'string')
    return refuse(closing, at, `${key} is ${quoted(value)}; expected a filter such as origin == 'ORD'`);
  const { model } = closing;
  // Without a model the step has its own diagnostic already.
  if (model === undefined) return unsure(templates);
  const pipeline = verb.pipeline === undefined ? undefined : model.pipelines[verb.pipeline];
  if (pipeline && !pipeline.accepts.includes(key))
    return refuseBindingKey(
      closing,
      at,
      `pipeline ${verb.pipeline} of model ${model.name} does not accept ${key}; expected ${oneOf(pipeline.accepts)}`,
      'List it under accepts once the code honours it.',
    );
  if (pipeline && !JSON.stringify(pipeline.params).includes(JSON.stringify({ $: `data.${key}` })))
    return refuseBindingKey(
      closing,
      at,
      `pipeline ${verb.pipeline} of model ${model.name} is not told ${key}, so it would be ignored; expected \${data.${key}} in its params`,
    );
  const whole = templatePath(value);
  if (whole !== undefined) return wholeFilter(closing, key, whole, at, templates);
  const training = model.data.training && closeDataset(closing, model.data.training.dataset, at);
  if (training === undefined)
    return model.data.training
      ? undefined
      : refuse(
          closing,
          at,
          `model ${model.name} has no data.training, so ${key} has no columns; expected it there`,
        );
  const { predicate, diagnostics } = parsePredicate(value, {
    dataset: training.name,
    columns: training.columns,
    fill: filledBy(templates),
    at: index => closing.source.within(at, index),
  });
  closing.diagnostics.push(...diagnostics);
  return predicate && plain(predicate);
}

/** A whole filter that something observed gives. */
function wholeFilter(
  closing: Closing,
  key: string,
  path: string,
  at: Path,
  templates: Filling,
): Json | undefined {
  const found = resolveTemplate(path.split('.'), templates);
  if (found === 'broken') return unsure(templates);
  if ('message' in found) return refuse(closing, at, found.message, found.hint);
  if (!('value' in found) && found.dimension === 'predicate') return { $: found.path };
  return refuse(
    closing,
    at,
    `\${${path}} is a ${found.dimension}; expected a predicate for ${key}, or a filter such as origin == 'ORD'`,
  );
}
