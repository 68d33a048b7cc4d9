/** One step of `then`, closed: its verb bound to what the target has, its arguments, retry and approval. Pure. */
import type { ApprovalSpec, Condition, StepSpec, Verb } from '../model.ts';
import { mergeApproval } from './approval.ts';
import {
  type Closing,
  closeConnection,
  closeDataset,
  type NamedStep,
  refuse,
  refuseBindingKey,
  refuseKey,
} from './closing.ts';
import { didYouMean, oneOf, quoted } from './diagnostic.ts';
import type { Templates } from './members.ts';
import { LATER_VERBS, laterKeys } from './not-in-this-version.ts';
import { formatDuration } from './quantity.ts';
import { stepArguments } from './rule-fields.ts';
import type { Path } from './source.ts';
import { stepArgumentsOf } from './step-arguments.ts';
import type { WrittenRule } from './written-rules.ts';

export type { NamedStep } from './closing.ts';

const COMMON = Object.keys(stepArguments);

/** The steps of a rule with their verbs and ids, each once; those that name no verb are noted and left out. */
export function nameSteps(closing: Closing, rule: WrittenRule): NamedStep[] {
  const steps: NamedStep[] = [];
  for (const [i, raw] of (rule.text.then ?? []).entries()) {
    const path: Path = [...rule.path, 'then', i];
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
  conditions: { readonly if: Condition | undefined; readonly require: Condition | undefined },
): StepSpec | undefined {
  const { raw, path, verb } = step;
  const before = closing.diagnostics.length;
  bind(closing, verb, [...path, verb.name]);
  const args = stepArgumentsOf(closing, step, templates);
  const approval = approvalOf(closing, step);
  if (raw.onNotMet !== undefined && raw.require === undefined)
    refuse(
      closing,
      [...path, 'onNotMet'],
      'onNotMet stands without require; expected the condition that may not be met',
    );
  const retry = retryOf(closing, step);
  refuseUndo(closing, step);
  if (args === undefined || closing.diagnostics.length > before) return undefined;
  return {
    id: step.id,
    verb: verb.name,
    args,
    ...(conditions.if && { if: conditions.if }),
    ...(conditions.require && { require: conditions.require }),
    onNotMet: raw.onNotMet ?? 'escalate',
    ...(raw.timeout !== undefined && { timeoutMs: raw.timeout }),
    ...(retry && { retry }),
    ...(approval && { approval }),
    ...(raw.undo && { undo: true as const }),
    position: closing.source.atKey([...path, verb.name]),
  };
}

function refuseUndo(closing: Closing, { raw, path, verb, id }: NamedStep): void {
  if (raw.undo === undefined || verb.undo !== undefined) return;
  const able = Object.values(closing.catalogue.verbs).filter(one => one.undo !== undefined);
  refuseKey(
    closing,
    [...path, 'undo'],
    `step ${id} asks to undo ${verb.name}, and nothing takes that back; expected it on ${oneOf(able.map(one => one.name))} only`,
  );
}

const BACKOFF_MS = 60_000;
const BACKOFF_MAX_MS = 3_600_000;

/** The first pause is a minute and the longest an hour unless said. */
function retryOf(closing: Closing, { raw, path }: NamedStep): StepSpec['retry'] {
  if (raw.retry === undefined) return undefined;
  const { attempts, backoff, max, within }: RetryText = raw.retry;
  const backoffMs = backoff ?? Math.min(BACKOFF_MS, max ?? BACKOFF_MS);
  const backoffMaxMs = max ?? Math.max(BACKOFF_MAX_MS, backoffMs);
  if (backoffMaxMs < backoffMs)
    return refuse(
      closing,
      [...path, 'retry', 'max'],
      `max is ${formatDuration(backoffMaxMs)} and backoff ${formatDuration(backoffMs)}; expected at least that`,
    );
  if (within !== undefined && within <= backoffMs)
    return refuse(
      closing,
      [...path, 'retry', 'within'],
      `within is ${formatDuration(within)}, and the first pause is ${formatDuration(backoffMs)}, so no second attempt would ever begin; expected more than that`,
    );
  return { attempts, backoffMs, backoffMaxMs, ...(within !== undefined && { withinMs: within }) };
}

interface RetryText {
  readonly attempts: number;
  readonly backoff?: number;
  readonly max?: number;
  readonly within?: number;
}

/** That the target has what the verb acts on; keeps its connections and data in the closure. */
function bind(closing: Closing, verb: Verb, path: Path): undefined {
  const { model, target } = closing;
  const needsModel = verb.pipeline !== undefined || verb.needs.length > 0;
  if (!needsModel) return undefined;
  if (model === undefined && target.kind === 'model') return undefined;
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
      refuseBindingKey(
        closing,
        path,
        `model ${model.name} has no ${part}, and ${verb.name} needs it; expected spec.${part} there`,
      );
  }
  if (verb.pipeline === undefined) return undefined;
  const pipeline = model.pipelines[verb.pipeline];
  if (pipeline === undefined)
    return refuseBindingKey(
      closing,
      path,
      `model ${model.name} has no pipeline ${verb.pipeline}, and ${verb.name} runs it; expected spec.pipelines.${verb.pipeline} there`,
    );
  closeConnection(closing, pipeline.connection, path);
  for (const role of [model.data.training, model.data.holdout])
    if (role) closeDataset(closing, role.dataset, path);
  for (const output of Object.keys(verb.outputs))
    if (output !== '*' && !Object.hasOwn(pipeline.output, output))
      refuseBindingKey(
        closing,
        path,
        `pipeline ${verb.pipeline} of model ${model.name} gives no ${output}, and ${verb.name} promises it; expected spec.pipelines.${verb.pipeline}.output.${output} there`,
      );
  return undefined;
}

function approvalOf(closing: Closing, { verb, raw, path }: NamedStep): ApprovalSpec | undefined {
  // What a policy may tighten is not known without the Model.
  if (closing.target.kind === 'model' && !closing.bound) return undefined;
  return mergeApproval(closing, closing.model?.actions[verb.name]?.approval, raw.approval, [
    ...path,
    'approval',
  ]);
}
