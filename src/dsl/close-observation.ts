/** One line of `observe`, closed: its evaluator's arguments checked, its data resolved, its names and columns known. Pure. */
import type { DatasetSpec, Evaluator, Json, JsonObject, ObservationSpec } from '../model.ts';
import { boundTo, checkColumns } from './binding.ts';
import { type Closing, plain, refuse, refuseBinding, refuseKey } from './closing.ts';
import { withConstants } from './constant.ts';
import { didYouMean, oneOf } from './diagnostic.ts';
import { latenessOf, type StepOutputs } from './lateness.ts';
import { LATER_EVALUATORS, laterKeys } from './not-in-this-version.ts';
import { commonArguments } from './observation-fields.ts';
import { checkWords } from './observation-words.ts';
import type { PolicySpec } from './policy.ts';
import { parsePredicate } from './predicate.ts';
import { withEntry } from './query-entry.ts';
import { checkPromql, QUERY_TEXTS, queryTexts } from './query-text.ts';
import { isFreeName } from './reducer.ts';
import { referenceOf } from './reference.ts';
import { explain, keysOf } from './shape.ts';
import type { Path } from './source.ts';
import { withSlots } from './template.ts';
import type { Observed } from './variable.ts';

type Raw = PolicySpec['observe'][string];
const COMMON = Object.keys(commonArguments);

/** The observation without its thresholds and `needs`, and what conditions may know of it; undefined after noting the mistakes. */
export function closeObservation(
  closing: Closing,
  name: string,
  steps: StepOutputs,
): { readonly spec?: ObservationSpec; readonly observed: Observed } | undefined {
  const path: Path = ['spec', 'observe', name];
  const written = closing.spec.observe[name];
  if (written === undefined) return undefined;
  if (!isFreeName(name))
    refuseKey(closing, path, `${name} is a word of the language; expected another name for the observation`);
  const evaluator = evaluatorOf(closing, written, path);
  const raw = evaluator && withEntry(closing, written, evaluator.name, path);
  if (evaluator === undefined || raw === undefined) return undefined;
  const before = closing.diagnostics.length;
  const args = argumentsOf(closing, evaluator, raw, path);
  const source = args && boundTo(closing, evaluator, args, raw, path);
  const lateAfter = args && latenessOf(closing, args, steps, path, evaluator);
  const reference = referenceOf(closing, evaluator, raw, source?.dataset, path);
  const where = whereOf(closing, raw, source?.dataset, path, source !== undefined);
  if (args && source?.dataset) checkColumns(closing, evaluator, args, source.dataset, path);
  if (source) checkTimes(closing, raw, source.dataset, path);
  checkWords(closing, raw, path);
  const unfit = args && closing.model && evaluator.unfit?.(args, closing.model);
  if (unfit) refuseBinding(closing, [...path, evaluator.name], unfit);
  if (raw.unit !== undefined && evaluator.reads !== 'connection')
    refuse(
      closing,
      [...path, 'unit'],
      `${evaluator.name} knows its unit; expected unit only where a query is asked`,
    );
  if (args === undefined || closing.diagnostics.length > before) return undefined;
  const parts = { evaluator, args, lateAfter };
  const observed = observedBy(raw, parts);
  // Without a target its data is not known, but what conditions may say of it is.
  if (source === undefined) return closing.bound ? undefined : { observed };
  const spec: ObservationSpec = {
    name,
    evaluator: evaluator.name,
    args,
    ...(source.dataset && { dataset: source.dataset.name }),
    ...(source.connection !== undefined && { connection: source.connection }),
    ...(typeof raw.window === 'number' && { windowMs: raw.window }),
    ...(raw.window === 'step' && { windowIsStep: true }),
    ...(raw.every !== undefined && { everyMs: raw.every }),
    ...(raw.maxAge !== undefined && { maxAgeMs: raw.maxAge }),
    ...(raw.minSamples !== undefined && { minSamples: raw.minSamples }),
    ...(where && { where }),
    ...(reference && { reference }),
    ...(raw.unit !== undefined && { unit: raw.unit }),
    ...(raw.onMissing && { onMissing: { alertAfterMs: raw.onMissing.alertAfter } }),
    ...(raw.sides === true && { sides: true }),
    ...(lateAfter !== undefined && { lateAfter }),
    thresholds: [],
    position: closing.source.atKey(path),
  };
  return { spec, observed };
}

interface Parts {
  readonly evaluator: Evaluator;
  readonly args: JsonObject;
  readonly lateAfter: string | undefined;
}

function observedBy(raw: Raw, { evaluator, args, lateAfter }: Parts): Observed {
  return {
    dimension: raw.unit ?? evaluator.mainDimension(args),
    outputs: evaluator.outputs,
    vector: evaluator.isVector(args),
    labels: evaluator.labelNames(args),
    ...(lateAfter !== undefined && { lateAfter }),
    ...(raw.sides === true && { sides: true }),
  };
}

function evaluatorOf(closing: Closing, raw: Raw, path: Path): Evaluator | undefined {
  const known = Object.keys(closing.catalogue.evaluators);
  const own = Object.keys(raw).filter(key => !COMMON.includes(key));
  const words = own.filter(key => known.includes(key));
  // `rows` beside `query` is an argument of it, not a second evaluator.
  const named = words.filter(key => !words.some(other => other !== key && isArgument(closing, other, key)));
  if (named.length > 1)
    return refuseKey(
      closing,
      [...path, named[1] ?? ''],
      `${path.at(-1)} names the evaluators ${named.join(' and ')}; expected exactly one`,
    );
  const [name = ''] = named;
  const evaluator = Object.hasOwn(closing.catalogue.evaluators, name)
    ? closing.catalogue.evaluators[name]
    : undefined;
  if (evaluator) return evaluator;
  const later = own.find(key => LATER_EVALUATORS.includes(key));
  if (later !== undefined)
    return refuseKey(
      closing,
      [...path, later],
      `evaluator ${later} is not in this version; expected ${oneOf(known)}`,
    );
  const slip = own.find(key => didYouMean(key, known) !== undefined) ?? own[0];
  return refuseKey(
    closing,
    slip === undefined ? path : [...path, slip],
    `${path.at(-1)} names no evaluator${slip === undefined ? '' : ` (${slip} is none)`}; expected ${oneOf(known)}`,
    slip === undefined ? undefined : didYouMean(slip, known),
  );
}

function isArgument({ catalogue }: Closing, evaluator: string, key: string): boolean {
  const found = catalogue.evaluators[evaluator];
  return found !== undefined && keysOf(found.args)([]).includes(key);
}

/** The evaluator's own arguments: its key's value under `main`, the rest as they are, without the common ones. */
function argumentsOf(closing: Closing, evaluator: Evaluator, raw: Raw, path: Path): JsonObject | undefined {
  const common =
    evaluator.reads === 'dataset' && evaluator.datasetArgument === 'dataset'
      ? [...COMMON, 'dataset']
      : COMMON;
  const given: Record<string, Json> = {};
  for (const [key, value] of Object.entries(raw))
    if (key !== evaluator.name && !common.includes(key)) given[key] = value as Json;
  const where = (found: Path): Path => [
    ...path,
    ...(found[0] === 'main' ? [evaluator.name, ...found.slice(1)] : found),
  ];
  // In the text of a query values stand as its own literals: that is parsed for itself.
  const texts = evaluator.reads === 'connection' ? QUERY_TEXTS : [];
  const { args: written, broken } = withConstants(
    closing,
    { main: raw[evaluator.name] as Json, ...given },
    where,
    texts,
  );
  if (broken) return undefined;
  let sound = true;
  const slots = (value: JsonObject) =>
    withSlots(
      value,
      (found, _text, message) => {
        sound = false;
        refuse(closing, where(found), `${String(found.at(-1))} holds a template; ${message}`);
      },
      texts,
    );
  const slotted = slots(written);
  if (!sound) return undefined;
  // A schema may take the template as the text that it is, or as the slot that it becomes.
  const asText = evaluator.args.safeParse(written);
  const result = asText.success ? asText : evaluator.args.safeParse(slotted);
  if (result.success) {
    if (texts.length > 0) checkPromql(closing, written, raw, path);
    return {
      ...slots(plain(result.data) as JsonObject),
      ...(texts.length > 0 && queryTexts(closing, written, path)),
    };
  }
  const known = keysOf(evaluator.args);
  for (const issue of asText.success ? [] : asText.error.issues) {
    const parts = issue.path.map(part => (typeof part === 'number' ? part : String(part)));
    closing.diagnostics.push(
      ...explain({ ...issue, path: [] }, where(parts), {
        source: closing.source,
        known: at =>
          at.length === path.length
            ? [...known([]).filter(key => key !== 'main'), ...COMMON]
            : known(at.slice(path.length)),
        later: () => laterKeys('Policy', path),
        describe: at => at.slice(2).join('.'),
      }),
    );
  }
  return undefined;
}

function checkTimes(closing: Closing, raw: Raw, dataset: DatasetSpec | undefined, path: Path): void {
  if (dataset === undefined && raw.maxAge !== undefined)
    refuse(
      closing,
      [...path, 'maxAge'],
      'maxAge is about the newest row of a dataset, and this observation reads none; expected no maxAge (let the SQL look, and give no row when the data is old)',
    );
  if (dataset === undefined || dataset.time !== undefined) return;
  for (const key of ['window', 'maxAge'] as const)
    if (raw[key] !== undefined)
      refuse(
        closing,
        [...path, key],
        `${key} needs to know when rows happened, and dataset ${dataset.name} has no time; expected spec.time there`,
      );
}

function whereOf(
  closing: Closing,
  raw: Raw,
  dataset: DatasetSpec | undefined,
  path: Path,
  known: boolean,
): ObservationSpec['where'] {
  if (raw.where === undefined) return undefined;
  const at = [...path, 'where'];
  if (dataset === undefined && !known) return undefined;
  if (dataset === undefined)
    return refuse(
      closing,
      at,
      'where filters the rows of a dataset, and this observation reads none; expected no where',
    );
  const { predicate, diagnostics } = parsePredicate(raw.where, {
    dataset: dataset.name,
    columns: dataset.columns,
    at: index => closing.source.within(at, index),
  });
  closing.diagnostics.push(...diagnostics);
  return predicate;
}
