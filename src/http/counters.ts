/** What this process did, as counters: each happening of its meter adds to them. Labels come from closed lists, or are capped. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Capability, Entry, Happening, Observation, Own } from '../model.ts';

/** Ticks and calls take from a millisecond to the 30 s of a call, and minutes where a query may. */
const SECONDS = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 30, 120];
/** Connections, verbs and evaluators by name; what comes after so many is `other`. */
const MOST_VALUES = 100;
const CAPABILITIES: readonly Capability[] = [
  'pipeline.run',
  'serving.shift',
  'registry.point',
  'notify.send',
];

export type Counters = ReturnType<typeof makeCounters>;

/** Registered, and at 0 where the labels are few: an increase from nothing is one that `rate` does not see. */
export function makeCounters(registry: Registry) {
  const counters = declared(registry);
  for (const result of ['ok', 'failed']) counters.ticks.inc({ result }, 0);
  for (const answer of ['ok', 'breach', 'unknown']) counters.verdicts.inc({ answer }, 0);
  for (const result of ['ok', 'failed', 'withheld']) counters.deadMan.inc({ result }, 0);
  for (const call of ['start', 'find', 'poll', 'cancel'])
    for (const result of ['ok', 'refused', 'failed'])
      for (const capability of CAPABILITIES) counters.effects.inc({ capability, call, result }, 0);
  return counters;
}

function declared(registry: Registry) {
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Counter({ name: `flyball_${name}`, help, labelNames, registers });
  const seconds = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Histogram({ name: `flyball_${name}`, help, labelNames, buckets: SECONDS, registers });
  return {
    ticks: counter('ticks_total', 'Looks at targets, by whether they could be finished.', ['result']),
    tickSeconds: seconds('tick_duration_seconds', 'How long looks at targets took.', []),
    lastTick: new Gauge({
      name: 'flyball_last_tick_timestamp_seconds',
      help: 'When this process last finished a look at a target; 0 before the first.',
      registers,
    }),
    rounds: counter('rounds_total', 'How often a loop of the engine went round.', ['loop']),
    observations: counter(
      'observations_total',
      'Observations by evaluator and outcome; a vector is ok when one of its label sets is known.',
      ['evaluator', 'outcome'],
    ),
    queries: counter('queries_total', 'Queries by connection and how they ended.', ['connection', 'result']),
    querySeconds: seconds('query_duration_seconds', 'How long queries took.', []),
    verdicts: counter('verdicts_total', 'Answers of rules that were due, by label set.', ['answer']),
    decisions: counter('decisions_total', 'Decisions that were new, with the first reason of a hold.', [
      'outcome',
      'reason',
    ]),
    actions: counter('actions_total', 'Actions that came to their end, as this process learned it.', [
      'verb',
      'state',
    ]),
    episodes: counter('episodes_total', 'Episodes opened, and ended by how.', ['how']),
    effects: counter('effect_calls_total', 'Calls of connectors for actions, and how they ended.', [
      'capability',
      'call',
      'result',
    ]),
    effectSeconds: seconds('effect_call_duration_seconds', 'How long calls for actions took.', [
      'capability',
    ]),
    entries: counter('appended_entries_total', 'Entries that this process appended to the ledger.', []),
    deadMan: counter('dead_man_calls_total', "Calls of the dead man's address; withheld while not alive.", [
      'result',
    ]),
  };
}

/** The first so many values of each label as they are, `other` for the rest. */
export function capping(): (label: string, value: string) => string {
  const known = new Map<string, Set<string>>();
  return (label, value) => {
    const values = known.get(label) ?? new Set();
    known.set(label, values);
    if (values.size < MOST_VALUES) values.add(value);
    return values.has(value) ? value : 'other';
  };
}

/** `now` is real time. */
export function count(
  to: Counters,
  capped: ReturnType<typeof capping>,
  what: Happening,
  now: () => number,
): void {
  switch (what.kind) {
    case 'round':
      to.rounds.inc({ loop: what.loop });
      break;
    case 'tick':
      to.ticks.inc({ result: what.failed ? 'failed' : 'ok' });
      to.tickSeconds.observe(what.ms / 1000);
      if (!what.failed) to.lastTick.set(now() / 1000);
      break;
    case 'looked':
      countLook(to, capped, what);
      break;
    case 'appended':
      to.entries.inc(what.entries.length);
      for (const entry of what.entries) countEntry(to, capped, entry, what.own);
      break;
    case 'effect':
      to.effects.inc({ capability: what.capability, call: what.call, result: what.result });
      to.effectSeconds.observe({ capability: what.capability }, what.ms / 1000);
      break;
    case 'query':
      to.queries.inc({ connection: capped('connection', what.connection), result: what.result });
      to.querySeconds.observe(what.ms / 1000);
      break;
  }
}

/** Verdicts of rules that were not due stand in `last` as they were, and are not counted again. */
function countLook(
  to: Counters,
  capped: ReturnType<typeof capping>,
  { snapshot, last }: Extract<Happening, { kind: 'looked' }>,
): void {
  if (!snapshot) return;
  for (const byName of Object.values(snapshot.observations))
    for (const one of Object.values(byName))
      to.observations.inc({ evaluator: capped('evaluator', one.evaluator), outcome: outcomeOf(one) });
  for (const { policy, answer } of last.verdicts)
    if (snapshot.due.includes(policy)) to.verdicts.inc({ answer });
}

function outcomeOf({ unknown, readings }: Observation): string {
  if (unknown) return unknown.reason;
  const [first] = readings;
  return (first && readings.every(reading => reading.unknown) && first.unknown?.reason) || 'ok';
}

function countEntry(
  to: Counters,
  capped: ReturnType<typeof capping>,
  { body }: Entry,
  own: Own | undefined,
): void {
  if (body.kind === 'decision') {
    const { outcome, holds } = body.decision;
    to.decisions.inc({ outcome, reason: holds[0]?.reason ?? 'none' });
  } else if (body.kind === 'episode-opened') to.episodes.inc({ how: 'opened' });
  else if (body.kind === 'episode-ended') to.episodes.inc({ how: body.how });
  const ended = endOf(body);
  if (ended === undefined) return;
  const verb = own?.actions[ended.action]?.action.verb ?? 'unknown';
  to.actions.inc({ verb: capped('verb', verb), state: ended.state });
}

/** The action that an entry brings to its end, or to where only a person or the other system can end it. */
function endOf(body: Entry['body']): { readonly action: string; readonly state: string } | undefined {
  if (body.kind === 'unresolved') return { action: body.action, state: body.kind };
  if (body.kind === 'withdrawn' && body.action !== undefined)
    return { action: body.action, state: body.kind };
  // One that was lost becomes unresolved.
  if (body.kind === 'outcome' && body.outcome !== 'lost') return { action: body.action, state: body.outcome };
  return undefined;
}
