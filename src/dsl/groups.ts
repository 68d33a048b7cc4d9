/** What a rule acts for: the target as a whole, or one group for each value of its labels. Pure. */
import type { ObservationSpec } from '../model.ts';
import { type Observeds, vectorsOf } from './close-condition.ts';
import { type Closing, type NamedStep, refuse } from './closing.ts';
import type { CheckedCondition } from './condition.ts';
import { didYouMean, oneOf } from './diagnostic.ts';
import type { RuleText } from './policy.ts';
import type { Path } from './source.ts';

/** Labels of the groups: those of `per`, else those of the vectors that `when` leaves; none for the whole target. */
export function labelsOf(
  text: RuleText,
  when: CheckedCondition | undefined,
  observed: Observeds,
): readonly string[] {
  return text.per ?? (when?.vector ? labelsOfVectors(when, observed) : []);
}

function labelsOfVectors(when: CheckedCondition, observed: Observeds): readonly string[] {
  return [...new Set(vectorsOf(when).flatMap(name => observed.get(name)?.labels ?? []))];
}

interface Grouped {
  readonly text: RuleText;
  readonly path: Path;
  readonly steps: readonly NamedStep[];
  readonly observed: Observeds;
  readonly when: CheckedCondition;
  readonly clear: CheckedCondition | undefined;
}

/** Notes a rule that would act once per label set, and groups that there are not. */
export function checkGroups(closing: Closing, rule: Grouped): void {
  const { text, path, when, clear, observed } = rule;
  if (text.per) checkPer(closing, rule, text.per);
  else if (when.vector) refuseMany(closing, rule);
  if (clear && clear.vector !== when.vector)
    refuse(
      closing,
      [...path, 'clear'],
      `clear has ${answers(clear)} and when has ${answers(when)}; expected the same of both`,
    );
  if (clear?.vector && when.vector) checkSameLabels(closing, path, when, clear, observed);
}

function answers({ vector }: CheckedCondition): string {
  return vector ? 'one answer per label set' : 'one answer';
}

function checkSameLabels(
  closing: Closing,
  path: Path,
  when: CheckedCondition,
  clear: CheckedCondition,
  observed: Observeds,
): void {
  const [of, other] = [when, clear].map(one => labelsOfVectors(one, observed).toSorted().join(', '));
  if (of !== other)
    refuse(
      closing,
      [...path, 'clear'],
      `clear has one answer per ${other} and when one per ${of}; expected vectors with the same labels`,
    );
}

function checkPer(closing: Closing, { path, when, observed }: Grouped, per: readonly string[]): void {
  if (!when.vector) {
    refuse(
      closing,
      [...path, 'per'],
      'per gives each value of a label a group of its own, and when has one answer for all; expected a vector in when without a reducer, or no per',
    );
    return;
  }
  const known = labelsOfVectors(when, observed);
  for (const [i, label] of per.entries()) {
    if (!known.includes(label))
      refuse(
        closing,
        [...path, 'per', i],
        `${vectorsOf(when).join(', ')} has no label ${label}; expected ${oneOf(known)}`,
        didYouMean(label, known),
      );
    else if (per.indexOf(label) < i)
      refuse(closing, [...path, 'per', i], `${label} is in per twice; expected it once`);
  }
}

/** Messages may be one per label set; anything that acts needs to say for how many. */
function refuseMany(closing: Closing, { path, steps, when, observed }: Grouped): void {
  const acting = steps.filter(step => step.verb.name !== 'notify' && step.verb.name !== 'escalate');
  if (acting.length === 0) return;
  const labels = labelsOfVectors(when, observed);
  const vectors = vectorsOf(when).join(', ');
  const sets = setsOf(closing, vectorsOf(when));
  const many =
    sets === undefined
      ? `one answer per label set of ${vectors} (${labels.join(', ')})`
      : `${sets} answers, one per ${labels.join(', ')} of ${vectors}`;
  refuse(
    closing,
    [...path, 'when'],
    `when has ${many}, so ${acting.map(step => step.verb.name).join(' and ')} would run once for each; expected per: [${labels.join(', ')}], a reducer such as count(psi > 0.2) >= 3, or only notify and escalate`,
  );
}

/** How many label sets the vectors have, where the documents say it: one per feature of the model. */
function setsOf(closing: Closing, vectors: readonly string[]): number | undefined {
  const [name, ...others] = vectors;
  const raw = name === undefined ? undefined : closing.spec.observe[name];
  if (raw === undefined || others.length > 0 || raw.feature !== '*' || raw.by !== undefined) return undefined;
  const { model } = closing;
  const dataset = closing.datasets.get(datasetOf(closing, raw.dataset) ?? '');
  if (model === undefined || dataset === undefined) return undefined;
  const { predictions, labels } = model.data;
  const never: readonly (string | undefined)[] = [
    ...[dataset.key, dataset.time?.column, predictions?.key, predictions?.version, predictions?.score],
    ...[labels?.key, labels?.value, ...model.features.exclude],
  ];
  const only = model.features.only;
  return Object.entries(dataset.columns).filter(
    ([column, spec]) =>
      spec.type !== 'timestamp' &&
      spec.sensitive !== true &&
      !never.includes(column) &&
      (only === undefined || only.includes(column)),
  ).length;
}

function datasetOf({ model }: Closing, given: unknown): ObservationSpec['dataset'] {
  const roles: Readonly<Record<string, { readonly dataset: string } | undefined>> = { ...model?.data };
  if (given === undefined) return model?.data.predictions?.dataset;
  return typeof given === 'string' ? (roles[given]?.dataset ?? given) : undefined;
}
