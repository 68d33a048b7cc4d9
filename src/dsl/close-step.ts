/** One step of `then`, closed: its verb's arguments checked, its filters parsed, its templates typed slots. Pure. */
import type { ApprovalSpec, Condition, Json, JsonObject, StepSpec, Verb } from '../model.ts';
import { mergeApproval } from './approval.ts';
import { type Closing, closeConnection, closeDataset, plain, refuse, refuseKey } from './closing.ts';
import { didYouMean, oneOf, quoted } from './diagnostic.ts';
import { filledBy, resolveTemplate, type Templates } from './members.ts';
import { LATER_VERBS, laterKeys } from './not-in-this-version.ts';
import { type PolicySpec, stepArguments } from './policy.ts';
import { parsePredicate } from './predicate.ts';
import { explain, keysOf } from './shape.ts';
import type { Path } from './source.ts';
import { hasTemplate, templatePath } from './template.ts';

/** A step whose verb and id are known; the rest is checked once the conditions are. */
export interface NamedStep {
  readonly id: string;
  readonly verb: Verb;
  readonly raw: PolicySpec['then'][number];
  readonly path: Path;
  /** What `${steps.<id>.…}` may name: of a pipeline, what the Model says that it gives. */
  readonly outputs: Verb['outputs'];
}

const COMMON = Object.keys(stepArguments);

/** The steps with their verbs and ids, each once; those that name no verb are noted and left out. */
export function nameSteps(closing: Closing): NamedStep[] {
  const steps: NamedStep[] = [];
  for (const [i, raw] of closing.spec.then.entries()) {
    const path: Path = ['spec', 'then', i];
    const verb = verbOf(closing, raw, path);
    if (verb === undefined) continue;
    const id = raw.id ?? verb.name;
    const double = steps.find(one => one.id === id);
    if (double)
      refuse(
        closing,
        [...path, 'id'],
        `two steps are called ${id}; expected an id of its own for each`,
        `Write id: ${id}_${i + 1} on this one.`,
      );
    else steps.push({ id, verb, raw, path, outputs: outputsOf(closing, verb) });
  }
  return steps;
}

function verbOf(closing: Closing, raw: NamedStep['raw'], path: Path): Verb | undefined {
  const known = Object.keys(closing.catalogue.verbs);
  const own = Object.keys(raw).filter(key => !COMMON.includes(key));
  const named = own.filter(key => known.includes(key));
  const others = own.filter(key => !known.includes(key));
  const step = `step ${Number(path.at(-1)) + 1}`;
  if (named.length > 1)
    return refuseKey(
      closing,
      [...path, named[1] ?? ''],
      `${step} names the verbs ${named.join(' and ')}; expected exactly one`,
      'Write each as a step of its own.',
    );
  const later = laterKeys('Policy', path);
  for (const key of others) {
    const at = [...path, key];
    if (later.includes(key))
      refuseKey(
        closing,
        at,
        `${step} has ${key}, which is not in this version; expected ${oneOf(COMMON)} beside the verb`,
      );
    else if (LATER_VERBS.includes(key))
      refuseKey(closing, at, `verb ${key} is not in this version; expected ${oneOf(known)}`);
    else
      refuseKey(
        closing,
        at,
        `${step} has no key ${quoted(key)}; expected one verb (${oneOf(known)}) beside ${oneOf(COMMON)}`,
        didYouMean(key, [...known, ...COMMON]),
      );
  }
  const [name] = named;
  if (name === undefined)
    return others.length > 0
      ? undefined
      : refuse(closing, path, `${step} names no verb; expected ${oneOf(known)}`);
  return closing.catalogue.verbs[name];
}

function outputsOf({ model }: Closing, verb: Verb): Verb['outputs'] {
  const { '*': any, ...named } = verb.outputs;
  const given = verb.pipeline === undefined ? undefined : model?.pipelines[verb.pipeline]?.output;
  if (any === undefined || given === undefined) return verb.outputs;
  return { ...Object.fromEntries(Object.keys(given).map(name => [name, any])), ...named };
}

/** The step with everything checked; undefined after noting the mistakes. */
export function closeStep(
  closing: Closing,
  step: NamedStep,
  templates: Templates,
  require: Condition | undefined,
): StepSpec | undefined {
  const { raw, path, verb } = step;
  const before = closing.diagnostics.length;
  bind(closing, verb, [...path, verb.name]);
  const args = argumentsOf(closing, step, templates);
  const approval = approvalOf(closing, step);
  if (raw.onNotMet !== undefined && raw.require === undefined)
    refuse(
      closing,
      [...path, 'onNotMet'],
      'onNotMet stands without require; expected the condition that may not be met',
    );
  if (args === undefined || closing.diagnostics.length > before) return undefined;
  return {
    id: step.id,
    verb: verb.name,
    args,
    ...(require && { require }),
    onNotMet: raw.onNotMet ?? 'escalate',
    ...(raw.timeout !== undefined && { timeoutMs: raw.timeout }),
    ...(approval && { approval }),
    position: closing.source.atKey([...path, verb.name]),
  };
}

/** That the target has what the verb acts on; keeps its connections and data in the closure. */
function bind(closing: Closing, verb: Verb, path: Path): undefined {
  const { model, target } = closing;
  const needsModel = verb.pipeline !== undefined || verb.needs.length > 0;
  if (!needsModel) return undefined;
  if (model === undefined)
    return refuseKey(
      closing,
      path,
      `${verb.name} is about a model, and the target is a ${target.kind}; expected a model as target`,
    );
  for (const part of verb.needs) {
    const place = model[part];
    if (place) closeConnection(closing, place.connection, path);
    else
      refuseKey(
        closing,
        path,
        `model ${model.name} has no ${part}, and ${verb.name} needs it; expected spec.${part} there`,
      );
  }
  if (verb.pipeline === undefined) return undefined;
  const pipeline = model.pipelines[verb.pipeline];
  if (pipeline === undefined)
    return refuseKey(
      closing,
      path,
      `model ${model.name} has no pipeline ${verb.pipeline}, and ${verb.name} runs it; expected spec.pipelines.${verb.pipeline} there`,
    );
  closeConnection(closing, pipeline.connection, path);
  for (const role of [model.data.training, model.data.holdout])
    if (role) closeDataset(closing, role.dataset, path);
  for (const output of Object.keys(verb.outputs))
    if (output !== '*' && !Object.hasOwn(pipeline.output, output))
      refuseKey(
        closing,
        path,
        `pipeline ${verb.pipeline} of model ${model.name} gives no ${output}, and ${verb.name} promises it; expected spec.pipelines.${verb.pipeline}.output.${output} there`,
      );
  return undefined;
}

function argumentsOf(closing: Closing, step: NamedStep, templates: Templates): JsonObject | undefined {
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
  const args = Object.fromEntries(
    Object.entries(given).map(([key, value]) => [
      key,
      argument(closing, step, key, value, templates) ?? null,
    ]),
  );
  if (closing.diagnostics.length > before) return undefined;
  const result = verb.args.safeParse(args);
  if (!result.success) {
    const known = keysOf(verb.args);
    for (const issue of result.error.issues)
      closing.diagnostics.push(
        ...explain(issue, at, {
          source: closing.source,
          known: found => known(found.slice(at.length)),
          later: () => [],
          describe: found => found.slice(3).join('.'),
        }),
      );
    return undefined;
  }
  checkLists(closing, step, args);
  return plain(result.data) as JsonObject;
}

/** One argument with its filter parsed or its template as a slot. */
function argument(
  closing: Closing,
  step: NamedStep,
  key: string,
  value: Json,
  templates: Templates,
): Json | undefined {
  const { verb, path } = step;
  const at = [...path, verb.name, key];
  const wanted = Object.hasOwn(verb.slots, key) ? verb.slots[key] : undefined;
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
  if (whole === undefined)
    return refuse(
      closing,
      at,
      `${key} is text around a template, which is not in this version; expected one \${path} and nothing around it, or text without \${`,
    );
  if (wanted === undefined)
    return refuse(closing, at, `${key} of ${verb.name} takes no template; expected a literal`);
  const found = resolveTemplate(whole.split('.'), templates);
  if ('message' in found) return refuse(closing, at, found.message, found.hint);
  const fits = wanted === found.dimension || (wanted === 'string' && found.dimension !== 'predicate');
  if (!fits)
    return refuse(closing, at, `\${${whole}} is a ${found.dimension}; expected a ${wanted} for ${key}`);
  return { $: found.path };
}

function holdsTemplate(value: Json): boolean {
  if (typeof value === 'string') return hasTemplate(value);
  return (
    value !== null &&
    typeof value === 'object' &&
    (Object.hasOwn(value, '$') || Object.values(value).some(one => holdsTemplate(one as Json)))
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
  templates: Templates,
): Json | undefined {
  const at = [...path, verb.name, key];
  if (typeof value !== 'string')
    return refuse(closing, at, `${key} is ${quoted(value)}; expected a filter such as origin == 'ORD'`);
  const { model } = closing;
  // Without a model the step has its own diagnostic already.
  if (model === undefined) return undefined;
  const pipeline = verb.pipeline === undefined ? undefined : model.pipelines[verb.pipeline];
  if (pipeline && !pipeline.accepts.includes(key))
    return refuseKey(
      closing,
      at,
      `pipeline ${verb.pipeline} of model ${model.name} does not accept ${key}; expected ${oneOf(pipeline.accepts)}`,
      'List it under accepts once the code honours it.',
    );
  if (pipeline && !JSON.stringify(pipeline.params).includes(JSON.stringify({ $: `data.${key}` })))
    return refuseKey(
      closing,
      at,
      `pipeline ${verb.pipeline} of model ${model.name} is not told ${key}, so it would be ignored; expected \${data.${key}} in its params`,
    );
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

function approvalOf(closing: Closing, { verb, raw, path }: NamedStep): ApprovalSpec | undefined {
  return mergeApproval(closing, closing.model?.actions[verb.name]?.approval, raw.approval, [
    ...path,
    'approval',
  ]);
}
