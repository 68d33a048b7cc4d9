/**
 * One target driven through `wants`, `step` and `fold` alone: the test supplies the world (values, time, inputs) and this
 * keeps the chain, the facts and what a replay needs. It stands in for the store, never for the engine.
 */
import { canonical } from '../../src/canonical.ts';
import { ACTED, actedOf, withActed } from '../../src/engine/blast-radius.ts';
import { lockKey, lockValue } from '../../src/engine/draft.ts';
import { asObject } from '../../src/engine/fact-values.ts';
import { standingFacts } from '../../src/engine/fleet-facts.ts';
import { emptyOwn, fold } from '../../src/engine/fold.ts';
import { policyHashes } from '../../src/engine/ids.ts';
import { adoptersOf, outcomeKey, outcomeValue, withAdopter } from '../../src/engine/locks.ts';
import { qualified } from '../../src/engine/qualified.ts';
import { shortestEveryMs } from '../../src/engine/schedule.ts';
import { step } from '../../src/engine/step.ts';
import { wants } from '../../src/engine/wants.ts';
import type {
  ActionHistory,
  ClosedPolicy,
  Derived,
  EntryKind,
  Facts,
  Fresh,
  Input,
  Json,
  JsonObject,
  Labels,
  Observation,
  Outcome,
  Own,
  Principal,
  Scalar,
  Serving,
  Snapshot,
  Step,
} from '../../src/model.ts';
import { CATALOGUE, CHAIN, COMMIT, HOUR, observed, TARGET, vectorOf } from './closed-policy.ts';

export type Values = Readonly<
  Record<string, Scalar | undefined | Observation | Readonly<Record<string, Scalar | undefined>>>
>;

export const PERSON: Principal = { name: 'ben', door: 'cli', authenticated: true };

export interface Tick {
  readonly before: Own;
  readonly policies: readonly ClosedPolicy[];
  readonly snapshot: Snapshot;
  readonly facts: Facts;
  readonly entries: readonly Derived[];
}

export interface Simulation {
  /** Now. A tick or an input does not move it. */
  at: number;
  own: Own;
  facts: Facts;
  policies: readonly ClosedPolicy[];
  /** Policies of other targets in the same revision: their gates and inhibitors are known to this one. */
  others: readonly ClosedPolicy[];
  fleet(): readonly ClosedPolicy[];
  /** What another target says, as its own tick would write it. */
  say(key: string, value: Json): void;
  serving: Serving | undefined;
  readonly chain: Fresh[];
  readonly ticks: Tick[];
  readonly last: Step | undefined;
  /** Observes these values, steps, with rounds of needs, and folds. Every rule is due unless `due` says otherwise. */
  tick(values?: Values, due?: 'slots' | 'all'): readonly Derived[];
  /** Moves `hours` on in hourly ticks with the same values; gives every derived entry. */
  run(hours: number, values: Values): readonly Derived[];
  input(body: Input): void;
  enforce(policies: readonly ClosedPolicy[]): void;
  pause(scope: string): void;
  resume(scope: string): void;
  /** The check at start of an intended action: what it derived. Started when nothing was withdrawn. */
  start(action: ActionHistory): readonly Derived[];
  end(action: ActionHistory, outcome: Outcome, outputs?: JsonObject): void;
  /** Ends it badly; unless said, so that it may be tried again. */
  fail(action: ActionHistory, repeatable?: boolean): void;
  /** The live action of this verb. */
  live(verb: string): ActionHistory;
  kinds(): readonly EntryKind[];
  of<Kind extends EntryKind>(kind: Kind): readonly Extract<Fresh['body'], { kind: Kind }>[];
}

/** A target that has just become governed by these policies, at hour 1000. */
export function simulate(policies: readonly ClosedPolicy[]): Simulation {
  let lastTakenAt: number | undefined;
  let last: Step | undefined;
  const sim: Simulation = {
    at: 1000 * HOUR,
    own: emptyOwn(TARGET),
    facts: {},
    policies: [],
    others: [],
    fleet: () => [...sim.policies, ...sim.others],
    say: (key, value) => setFact(sim, key, value),
    serving: { champion: 'v1', weights: { v1: 1 } },
    chain: [],
    ticks: [],
    get last() {
      return last;
    },
    tick(values = {}, due = 'all') {
      const every = shortestEveryMs(sim.policies, sim.at);
      if (lastTakenAt !== undefined && every !== undefined) {
        if (sim.at - lastTakenAt > 2 * every) append(sim, { kind: 'gap', from: lastTakenAt, to: sim.at });
      }
      const moment = { at: sim.at, last: due === 'all' ? undefined : lastTakenAt, all: due === 'all' };
      sim.facts = { ...sim.facts, ...standingFacts(sim.fleet(), CHAIN, sim.at) };
      const history = { own: sim.own, facts: sim.facts };
      const wanted = wants(sim.policies, history, moment, CATALOGUE.evaluators);
      let observations = qualified(sim.policies, take(wanted.wants, values, {}, sim.at));
      for (let round = 0; ; round++) {
        const snapshot: Snapshot = {
          target: TARGET,
          takenAt: sim.at,
          due: wanted.due,
          observations,
          ...(sim.serving ? { serving: sim.serving } : {}),
        };
        const answer = step(sim.policies, snapshot, history, CATALOGUE);
        if (answer.needs.length > 0 && round < 3) {
          observations = qualified(sim.policies, take(answer.needs, values, observations, sim.at));
          continue;
        }
        last = answer;
        lastTakenAt = sim.at;
        commit(sim, snapshot, answer);
        return answer.entries;
      }
    },
    run(hours, values) {
      const found: Derived[] = [];
      for (let hour = 0; hour < hours; hour++) {
        sim.at += HOUR;
        found.push(...sim.tick(values));
      }
      return found;
    },
    input(body) {
      append(sim, body);
    },
    enforce(next) {
      sim.policies = next;
      const commit = next[0]?.commit ?? COMMIT;
      const hashes = Object.fromEntries(next.map(policy => [policy.policy, policyHashes(policy)]));
      append(sim, { kind: 'revision', commit, policies: hashes });
    },
    pause: scope => setFact(sim, `pause:${scope}`, { by: 'ana', reason: 'holidays' }),
    resume: scope => setFact(sim, `pause:${scope}`, null),
    start(record) {
      const { id: action, attempt } = record.action;
      append(sim, { kind: 'start-due', action, attempt });
      const snapshot = { target: TARGET, takenAt: sim.at, due: [], observations: {}, starting: action };
      const answer = step(sim.policies, snapshot, { own: sim.own, facts: sim.facts }, CATALOGUE);
      commit(sim, snapshot, answer);
      const withdrawn = answer.entries.some(body => body.kind === 'withdrawn' && body.action === action);
      if (!withdrawn) append(sim, { kind: 'started', action, attempt, handle: record.action.key });
      return answer.entries;
    },
    end(record, outcome, outputs) {
      const { id: action, attempt } = record.action;
      append(sim, { kind: 'outcome', action, attempt, outcome, ...(outputs ? { outputs } : {}) });
    },
    fail(record, repeatable = true) {
      const { id: action, attempt } = record.action;
      append(sim, {
        kind: 'outcome',
        action,
        attempt,
        outcome: 'failed',
        repeatable,
        message: 'no slot free',
      });
    },
    live(verb) {
      const found = Object.values(sim.own.actions).find(
        one => one.action.verb === verb && ['intended', 'started', 'unresolved'].includes(one.state),
      );
      if (!found) throw new Error(`no live action of ${verb}`);
      return found;
    },
    kinds: () => sim.chain.map(entry => entry.body.kind),
    of: kind => sim.chain.flatMap(({ body }) => (body.kind === kind ? [body as never] : [])),
  };
  sim.enforce(policies);
  return sim;
}

function append(sim: Simulation, body: Fresh['body']): void {
  const entry = { seq: sim.own.seq + 1, at: sim.at, body };
  const live = (id: string | undefined) => (id === undefined ? undefined : sim.own.actions[id]?.action);
  sim.chain.push(entry);
  const subject = subjectFreed(body, live);
  sim.own = fold(sim.own, entry);
  if (body.kind === 'intent') {
    const { action } = body;
    setFact(sim, lockKey(action.call.subject), lockValue(action, CHAIN, sim.at));
    if (body.impact) {
      const { id } = action;
      const one = { at: sim.at, chain: CHAIN, policy: body.cause.policy, action: id };
      setFact(sim, ACTED, withActed(actedOf(sim.facts), one));
    }
  }
  if (body.kind === 'adopted' && body.outcome === undefined)
    share(sim, body.action.call.subject, body.running);
  if (subject !== undefined) free(sim, subject, body);
}

function share(sim: Simulation, subject: string, running: string): void {
  const lock = asObject(sim.facts[lockKey(subject)]?.value);
  if (lock) setFact(sim, lockKey(subject), withAdopter(lock, CHAIN));
  if (sim.facts[outcomeKey(running, CHAIN)]?.value) setFact(sim, outcomeKey(running, CHAIN), null);
}

/** As `project.ts` does it: the subject is free unless another holds it by now, and who adopted the action learns of its end. */
function free(sim: Simulation, subject: string, body: Fresh['body']): void {
  const lock = asObject(sim.facts[lockKey(subject)]?.value);
  if (!('action' in body) || lock?.action !== body.action) return;
  setFact(sim, lockKey(subject), null);
  if (adoptersOf(lock).length === 0) return;
  const state = body.kind === 'outcome' && body.outcome !== 'lost' ? body.outcome : 'withdrawn';
  const outputs = body.kind === 'outcome' ? body.outputs : undefined;
  setFact(sim, outcomeKey(String(body.action), CHAIN), outcomeValue(state, sim.at, { outputs }));
}

type Live = (id: string | undefined) => ActionHistory['action'] | undefined;

function subjectFreed(body: Fresh['body'], live: Live): string | undefined {
  const ends =
    (body.kind === 'outcome' && body.outcome !== 'lost') ||
    body.kind === 'withdrawn' ||
    body.kind === 'resolve';
  return ends ? live(body.action)?.call.subject : undefined;
}

function commit(sim: Simulation, snapshot: Snapshot, answer: Step): void {
  if (answer.problems.length > 0) throw new Error(JSON.stringify(answer.problems));
  const { own: before, facts, policies } = sim;
  sim.ticks.push({ before, policies, snapshot, facts, entries: answer.entries });
  for (const body of answer.entries) append(sim, body);
  for (const [key, value] of Object.entries(answer.facts ?? {})) setFact(sim, key, value);
  // As the store gives it back: plain JSON, so that nothing depends on the order of keys or on shared objects.
  sim.own = JSON.parse(canonical(sim.own));
}

function setFact(sim: Simulation, key: string, value: Json): void {
  const version = (sim.facts[key]?.version ?? 0) + 1;
  sim.facts = { ...sim.facts, [key]: { version, value } };
}

function take(wanted: Step['needs'], values: Values, taken: Snapshot['observations'], at: number) {
  const merged: Record<string, Record<string, Observation>> = {};
  for (const [owner, byName] of Object.entries(taken)) merged[owner] = { ...byName };
  for (const want of wanted) {
    const observation =
      'unavailable' in want ? observed(want.name, undefined) : windowed(observationOf(want.name, values), at);
    merged[want.policy] = { ...merged[want.policy], [want.name]: observation };
  }
  return merged;
}

/** Of the last hour, unless the test says otherwise. */
function windowed(observation: Observation, at: number): Observation {
  return { interval: { from: at - HOUR, to: at }, ...observation };
}

function observationOf(name: string, values: Values): Observation {
  const value = values[name];
  if (value === null || typeof value !== 'object') return observed(name, value);
  return 'readings' in value
    ? (value as Observation)
    : vectorOf(name, value as Record<Labels[string], Scalar>);
}
