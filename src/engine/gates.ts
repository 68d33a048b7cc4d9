/**
 * Gates on data: open only while their condition is known not to hold. A gate that is unknown, was never evaluated, or was
 * evaluated too long ago is closed. Each is judged on its own target's chain; others read it as a fact. Pure.
 */
import type {
  ClosedPolicy,
  Facts,
  GateHistory,
  Hold,
  Interval,
  Json,
  Own,
  Rule,
  Tainted,
  Verdict,
} from '../model.ts';
import { causeOf, type Draft, emit, note } from './draft.ts';
import { asObject, listOf, moment, objectOf } from './fact-values.ts';
import { ruleName } from './groups.ts';
import { chainOf, policyHashes } from './ids.ts';
import { readNames } from './names.ts';
import { isExcluded } from './schedule.ts';

/** The fact with which drive tells a step which gates reach its target. */
export const GATES = 'fleet:gates';
/** A gate of the revision in force, as those know it whom it reaches. */
export interface GateRef {
  readonly gate: string;
  readonly chain: string;
  readonly everyMs: number;
  readonly blocks: readonly string[];
  readonly taint: boolean;
  readonly running: 'finish' | 'cancel';
  /** Hash of its condition: what was judged under another one says nothing. */
  readonly timing: string;
}

export function gateKey(chain: string, gate: string): string {
  return `gate:${chain}:${gate}`;
}

/**
 * The gates on data that reach a chain, sorted. Whatever the mode of their policies: mode is about acting, and a gate only
 * holds. One whose policy does not apply to its target is not there.
 */
export function gatesReaching(
  policies: readonly ClosedPolicy[],
  chain: string,
  at: number,
): readonly GateRef[] {
  const found = policies.flatMap(policy => {
    if (isExcluded(policy, at)) return [];
    return policy.rules.flatMap(rule => {
      if (rule.gate?.on !== 'data' || !rule.gate.reaches.includes(chain)) return [];
      const { blocks, taint, running } = rule.gate;
      const gate = ruleName(policy, rule.name);
      const { everyMs } = policy;
      return [
        {
          gate,
          chain: chainOf(policy.target),
          everyMs,
          blocks,
          taint,
          running,
          timing: timingOf(policy, rule),
        },
      ];
    });
  });
  return found.sort((a, b) => (gateKey(a.chain, a.gate) < gateKey(b.chain, b.gate) ? -1 : 1));
}

const timings = new WeakMap<ClosedPolicy, Readonly<Record<string, string>>>();

function timingOf(policy: ClosedPolicy, rule: Rule): string {
  const known = timings.get(policy);
  const hashes = known ?? policyHashes(policy).rules ?? {};
  if (!known) timings.set(policy, hashes);
  return hashes[rule.name] ?? '';
}

/** The gates that drive told this step of. */
export function gateRefs(facts: Facts): readonly GateRef[] {
  return listOf(facts, GATES).flatMap(value => (asObject(value) ? [value as unknown as GateRef] : []));
}

/** How a gate stands for those whom it reaches: open, or why it is closed. */
interface Standing {
  readonly ref: GateRef;
  readonly closed?: string;
  /** Closed because its condition is known to hold. */
  readonly known: boolean;
}

function standingOf(ref: GateRef, facts: Facts, at: number): Standing {
  const said = objectOf(facts, gateKey(ref.chain, ref.gate));
  const closed = (why: string, known = false): Standing => ({
    ref,
    closed: `gate ${ref.gate} on ${ref.chain} is closed: ${why}`,
    known,
  });
  if (said === undefined || typeof said.at !== 'number') return closed('it was not evaluated yet');
  if (said.timing !== ref.timing) return closed('it was changed, and not evaluated since');
  if (at - said.at > 2 * ref.everyMs) return closed(`it was last evaluated ${moment(said.at)}`);
  const since = typeof said.since === 'number' ? ` since ${moment(said.since)}` : '';
  if (said.state === 'open') return { ref, known: false };
  return closed(
    `${said.state === 'closed' ? 'closed' : 'unknown'}${since}, ${String(said.message)}`,
    said.state === 'closed',
  );
}

/** A hold for each closed gate that blocks the verb. */
export function gatedBy(facts: Facts, verb: string, at: number): readonly Hold[] {
  return gateRefs(facts).flatMap(ref => {
    if (!ref.blocks.includes(verb)) return [];
    const { closed } = standingOf(ref, facts, at);
    return closed === undefined ? [] : [{ reason: 'gated' as const, message: closed }];
  });
}

/** Why a gate that blocks the verb is known to be closed; undefined when none is. `running`: only one that does so to what runs. */
export function closedBy(
  facts: Facts,
  verb: string,
  at: number,
  running?: GateRef['running'],
): string | undefined {
  for (const ref of gateRefs(facts)) {
    if ((running !== undefined && ref.running !== running) || !ref.blocks.includes(verb)) continue;
    const { closed, known } = standingOf(ref, facts, at);
    if (known) return closed;
  }
  return undefined;
}

/** Times of closed data on what the target descends from, oldest first; one that is closed now ends now. */
export function taintedOf(facts: Facts, at: number): readonly Tainted[] {
  const found = gateRefs(facts).flatMap(({ gate, chain, taint }) => {
    const said = taint ? objectOf(facts, gateKey(chain, gate)) : undefined;
    if (said === undefined) return [];
    const past = (Array.isArray(said.tainted) ? said.tainted : []).flatMap(intervalOf);
    const open =
      typeof said.taintedSince === 'number'
        ? [{ from: said.taintedSince, to: at, lasts: true as const }]
        : [];
    return [...past, ...open].map(interval => ({ ...interval, gate }));
  });
  return found.sort((a, b) => a.from - b.from);
}

function intervalOf(value: Json): Interval[] {
  const { from, to } = asObject(value) ?? {};
  return typeof from === 'number' && typeof to === 'number' ? [{ from, to }] : [];
}

/** Judges the gates of the policies that were evaluated at this tick: an entry when one changes, and the fact for others. */
export function judgeGates(
  draft: Draft,
  policies: readonly ClosedPolicy[],
  verdicts: ReadonlyMap<string, ReadonlyMap<string, Verdict>>,
): void {
  for (const policy of policies) {
    if (!draft.snapshot.due.includes(policy.policy)) continue;
    for (const rule of policy.rules) {
      if (rule.gate?.on !== 'data') continue;
      const verdict = verdicts.get(`${policy.policy}/${rule.name}`);
      judgeGate(draft, policy, rule, verdict);
    }
  }
}

function judgeGate(
  draft: Draft,
  policy: ClosedPolicy,
  rule: Rule,
  verdicts: ReadonlyMap<string, Verdict> | undefined,
): void {
  if (rule.gate?.on !== 'data') return;
  const gate = ruleName(policy, rule.name);
  const timing = timingOf(policy, rule);
  const known = draft.own.gates[gate];
  const before = known?.timing === timing ? known : undefined;
  const state = verdicts === undefined ? 'unknown' : stateOf(draft.own, policy, rule, before);
  const { blocks, reaches, taint } = rule.gate;
  const same =
    before?.state === state && sameNames(before.blocks, blocks) && sameNames(before.reaches, reaches);
  if (!same) {
    const reopened = taint && state === 'open' && known?.taintedSince !== undefined;
    emit(draft, {
      kind: 'gate',
      cause: causeOf(policy, rule.name, ''),
      gate,
      state,
      since: before?.state === state ? before.since : draft.at,
      timing,
      blocks,
      reaches,
      message: messageOf(gate, rule, state, verdicts),
      ...(taint && state === 'closed' ? { dataSince: dataSince(draft, policy, rule) } : {}),
      ...(reopened ? { tainted: { from: known.taintedSince ?? draft.at, to: draft.at } } : {}),
    });
  }
  const now = draft.own.gates[gate];
  if (now) note(draft, gateKey(chainOf(policy.target), gate), { ...plain(now), at: draft.at });
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.join() === b.join();
}

function plain(gate: GateHistory): Readonly<Record<string, Json>> {
  return { ...gate, tainted: gate.tainted.map(({ from, to }) => ({ from, to })) };
}

/** While a `for` runs, a gate stays as it was; one that was never judged is closed meanwhile. */
function stateOf(
  own: Own,
  policy: ClosedPolicy,
  rule: Rule,
  before: GateHistory | undefined,
): GateHistory['state'] {
  const states = Object.values(own.rules[policy.policy]?.[rule.name] ?? {});
  if (states.some(({ phase }) => phase === 'firing')) return 'closed';
  if (states.some(({ state }) => state === 'unknown' || state === 'vanished')) return 'unknown';
  return states.some(({ phase }) => phase === 'pending') ? (before?.state ?? 'unknown') : 'open';
}

function messageOf(
  gate: string,
  rule: Rule,
  state: GateHistory['state'],
  verdicts: ReadonlyMap<string, Verdict> | undefined,
): string {
  const wanted = state === 'closed' ? 'breach' : 'unknown';
  const verdict = [...(verdicts?.values() ?? [])].find(one => one.answer === wanted);
  if (state === 'open') return `gate ${gate} is open: ${rule.when.text} is known not to hold`;
  const why = verdict?.operands.find(one => one.unknown)?.unknown?.message;
  return `gate ${gate} ${state === 'closed' ? `closes: ${verdict?.clause ?? rule.when.text}` : `is unknown, and so closed: ${why ?? verdict?.clause ?? rule.when.text}`}`;
}

/** Where the data begins that closed the gate. */
function dataSince(draft: Draft, policy: ClosedPolicy, rule: Rule): number {
  const seen = draft.snapshot.observations[policy.policy] ?? {};
  const starts = readNames(rule.when.logic).flatMap(name => seen[name]?.interval?.from ?? []);
  return Math.min(draft.at, ...starts);
}

/** Asks running actions that a closed gate no longer lets go on to end. */
export function cancelGated(draft: Draft): void {
  for (const [id, record] of Object.entries(draft.own.actions).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (record.state !== 'intended' && record.state !== 'started') continue;
    const verb = draft.verbs[record.action.verb];
    if (record.cancelRequested || verb === undefined || verb.safe) continue;
    const why = closedBy(draft.facts, record.action.verb, draft.at, 'cancel');
    const episode = draft.own.episodes[record.episode];
    if (why === undefined || !episode) continue;
    emit(draft, {
      kind: 'cancelling',
      cause: episode.cause,
      episode: episode.id,
      action: id,
      attempt: record.action.attempt,
      message: `${record.action.verb} is asked to end: ${why}`,
    });
  }
}
