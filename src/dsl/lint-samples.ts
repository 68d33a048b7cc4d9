/** Statistics over too little: drift that chance alone explains, ratios of a handful of events. Pure. */
import type { Json, ObservationSpec } from '../model.ts';
import { type Finding, finding, type LintedPolicy } from './lint-finding.ts';
import { dimensionAt, neededRows, observationAt } from './lint-statistics.ts';
import { pathsOf } from './lint-timing.ts';
import { nodeOf } from './lint-truth.ts';
import type { Vocabulary } from './lint-words.ts';

/** Observations of the policy that its rules decide on, by what they need to be more than noise. */
export function sampleFindings(policy: LintedPolicy, vocabulary: Vocabulary): readonly Finding[] {
  const { closed } = policy;
  // Chance that keeps a firing from ending does less harm than chance that begins one.
  const conditions = closed.rules.map(rule => rule.when);
  const read = new Set(
    conditions.flatMap(({ logic }) =>
      pathsOf(logic).flatMap(path => observationAt(path, closed.observe) ?? []),
    ),
  );
  return [...read].flatMap(spec => [
    ...fewRows(
      spec,
      conditions.flatMap(({ logic }) => thresholdsOf(logic, spec.name)),
      policy,
    ),
    ...fewEvents(spec, policy, vocabulary),
  ]);
}

function fewRows(
  spec: ObservationSpec,
  thresholds: readonly number[],
  { source }: LintedPolicy,
): readonly Finding[] {
  const least = Math.min(...thresholds);
  const needed = Number.isFinite(least) ? neededRows(spec, least) : undefined;
  const { name, minSamples, args, evaluator } = spec;
  if (needed === undefined || (minSamples !== undefined && minSamples >= needed)) return [];
  const written = minSamples === undefined ? 'has no minSamples' : `has minSamples: ${minSamples}`;
  const position = source.at(['spec', 'observe', name, minSamples === undefined ? evaluator : 'minSamples']);
  const each = Array.isArray(args.by) ? ' of each slice' : '';
  const message = `${name} is compared with ${least} and ${written}, and below ${needed} rows${each} chance alone takes ${String(args.main)} above that; expected minSamples: ${needed} or more`;
  return [finding('min-samples', position, message)];
}

/** Numbers that the main value, alone or reduced, is compared with from below: what chance could take it above. */
function thresholdsOf(logic: Json, name: string): readonly number[] {
  const [op, args] = nodeOf(logic);
  if (!['>', '>=', '<', '<='].includes(op)) return args.flatMap(one => thresholdsOf(one, name));
  const [left = null, right = null] = args;
  const limit = typeof right === 'number' ? right : left;
  const term = typeof right === 'number' ? left : right;
  if (typeof limit !== 'number' || limit <= 0 || mainValueOf(term) !== name)
    return args.flatMap(one => thresholdsOf(one, name));
  // `psi < 0.1` is a threshold too, but one that too few rows only make harder to pass.
  const above = (op === '>' || op === '>=') === (term === left);
  return above ? [limit] : [];
}

function mainValueOf(term: Json): string | undefined {
  const [op, [first, second = null]] = nodeOf(term);
  if (op === 'var') return String(first);
  return op === 'reduce' && (first === 'max' || first === 'min' || first === 'avg')
    ? mainValueOf(second)
    : undefined;
}

/** P56: at low traffic one failed request is a burn rate. */
function fewEvents(
  spec: ObservationSpec,
  { closed, source }: LintedPolicy,
  { observe, catalogue }: Vocabulary,
): readonly Finding[] {
  const { name, evaluator, minSamples, needs } = spec;
  if (evaluator !== 'query' || needs !== undefined || minSamples !== undefined) return [];
  if (dimensionAt(spec.sides ? `${name}.canary` : name, observe, catalogue) !== 'ratio') return [];
  const readers = closed.rules.filter(rule =>
    pathsOf(rule.when.logic).some(path => observationAt(path, observe) === spec),
  );
  const proven = readers.every(({ gate, when }) =>
    gate?.on === 'rollout' && gate.needs !== undefined ? true : readsEvents(when.logic, observe, spec),
  );
  if (proven) return [];
  const message = `${name} is a ratio, and nothing says of how many events: with little traffic one failure is a large share; expected needs over a count of the same events, or minSamples`;
  return [
    finding(
      'low-traffic',
      source.atKey(['spec', 'observe', name]),
      message,
      'Such as needs: requests >= 100, or with promql also rows: and minSamples: 100.',
    ),
  ];
}

/** A condition that also asks for a count asks for traffic. */
function readsEvents(logic: Json, observe: Vocabulary['observe'], spec: ObservationSpec): boolean {
  return pathsOf(logic).some(path => {
    const other = observationAt(path, observe);
    return other !== undefined && (other === spec ? path === `${spec.name}.rows` : other.unit === 'count');
  });
}
