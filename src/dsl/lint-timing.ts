/** How long a rule waits beside what it reads: windows that overlap, seasons, and how often anybody looks. Pure. */
import type { Condition, Json, ObservationSpec } from '../model.ts';
import { type Finding, finding, type LintedPolicy, type LintedRule } from './lint-finding.ts';
import { observationAt } from './lint-statistics.ts';
import { nodeOf } from './lint-truth.ts';
import type { Vocabulary } from './lint-words.ts';
import { formatDuration } from './quantity.ts';
import type { Path } from './source.ts';

/** A window's share that `for` should at least wait. */
const LEAST_PART = 0.1;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** `for` and `within` beside windows and `every`. */
export function timingFindings(
  linted: LintedRule,
  policy: LintedPolicy,
  vocabulary: Vocabulary,
): readonly Finding[] {
  const { rule, text, path } = linted;
  const { source, closed } = policy;
  const every = `every ${closed.cron ? 'by its schedule up to ' : ''}${formatDuration(closed.everyMs)}`;
  const within = rule.verify?.withinMs ?? Number.POSITIVE_INFINITY;
  const judged =
    closed.everyMs < within
      ? []
      : [
          finding(
            'slow-every',
            source.at([...path, 'verify', 'within']),
            `within is ${formatDuration(within)}, and the policy is looked at ${every}, so the remedy is judged once at most; expected several looks within it`,
          ),
        ];
  if (text.for === undefined || text.for === 0 || closed.everyMs < 2 * text.for)
    return [...judged, ...waitFindings(linted, policy, vocabulary)];
  const message = `for is ${formatDuration(text.for)}, and the policy is looked at ${every}, so it waits that long in fact; expected an every below for, or a for of several looks`;
  return [...judged, finding('slow-every', source.at([...path, 'for']), message)];
}

/** A rule that waits less than a tenth of its window asks the same rows again, and takes that for a confirmation. */
function waitFindings(
  { rule, text, path }: LintedRule,
  { source, closed }: LintedPolicy,
  { observe, catalogue }: Vocabulary,
): readonly Finding[] {
  if (rule.gate) return [];
  const acts = rule.then.some(({ verb }) => catalogue.verbs[verb]?.disruptive && !catalogue.verbs[verb].safe);
  if (rule.forMs === 0 && !acts) return [];
  const [widest] = readBy(rule.when, observe)
    .filter(({ windowMs = 0 }) => windowMs > closed.everyMs && rule.forMs < LEAST_PART * windowMs)
    .sort((a, b) => (b.windowMs ?? 0) - (a.windowMs ?? 0));
  if (widest?.windowMs === undefined) return [];
  const waits = text.for === undefined ? 'there is no for' : `for is ${formatDuration(rule.forMs)}`;
  const unit = widest.windowMs > 20 * HOUR_MS ? HOUR_MS : MINUTE_MS;
  const tenth = Math.ceil((LEAST_PART * widest.windowMs) / unit) * unit;
  const at: Path = [...path, text.for === undefined ? 'when' : 'for'];
  const message = `${waits}, and ${widest.name} looks back ${formatDuration(widest.windowMs)}, so looks that follow each other see nearly the same rows, and one odd spell flaps; expected at least ${formatDuration(tenth)}, a tenth of the window`;
  return [finding('for-window', source.at(at), message)];
}

/** Windows that hold a part of a season more often than the rest of it. */
export function seasonFindings({ closed, source }: LintedPolicy): readonly Finding[] {
  const seasonMs = closed.documents.model?.seasonMs;
  if (seasonMs === undefined) return [];
  return Object.values(closed.observe).flatMap(spec => {
    const { windowMs, reference, name } = spec;
    if (windowMs === undefined || windowMs % seasonMs === 0 || spec.dataset === undefined) return [];
    // Compared with the same part of earlier seasons, it is like with like.
    if (reference?.kind === 'offset' && reference.offsetsMs.every(ms => ms % seasonMs === 0)) return [];
    const season = formatDuration(seasonMs);
    const message = `window is ${formatDuration(windowMs)}, and the data of the model repeats itself every ${season}, so ${name} rises and falls with the season; expected a multiple of ${season}`;
    const hint = reference
      ? `Or compare with the same time of earlier seasons: offset: [${season}].`
      : undefined;
    return [finding('window-season', source.at(['spec', 'observe', name, 'window']), message, hint)];
  });
}

/** The observations that a condition reads. */
export function readBy(
  { logic }: Pick<Condition, 'logic'>,
  observe: Vocabulary['observe'],
): readonly ObservationSpec[] {
  return [...new Set(pathsOf(logic).flatMap(path => observationAt(path, observe) ?? []))];
}

/** Every path of a condition, as it is written in JSON Logic. */
export function pathsOf(logic: Json): readonly string[] {
  const [op, args] = nodeOf(logic);
  return op === 'var' ? [String(args[0])] : args.flatMap(pathsOf);
}
