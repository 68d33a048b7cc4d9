/** `target` and `targets`: one thing that is governed, with all that is known of it; and which there are. */
import { z } from 'zod';
import { chainOf } from '../engine/ids.ts';
import type { Own, TargetRow } from '../model.ts';
import { command } from './command.ts';
import { pageOf } from './cursor.ts';
import { nextCursor, paging } from './paging.ts';
import type { Ports } from './ports.ts';
import { groupText, ruleText } from './rule-text.ts';
import { requireTarget } from './targets.ts';
import { safe, table, when } from './time.ts';

const output = z.object({
  target: z.string(),
  /** Rises with every change: two readings with the same one are of the same state. */
  generation: z.int(),
  head: z.string().describe('Hash of the last entry of its chain.'),
  commit: z.string().optional(),
  lookedAt: z.number().optional(),
  nextLook: z.number(),
  champion: z.string().optional().describe('Version that serves, as it is read now.'),
  weights: z.record(z.string(), z.number()),
  rules: z.array(
    z.object({ rule: z.string(), group: z.string(), mode: z.string(), state: z.string(), since: z.number() }),
  ),
  episodes: z.array(
    z.object({
      episode: z.int(),
      rule: z.string(),
      group: z.string(),
      status: z.string(),
      openedAt: z.number(),
    }),
  ),
  actions: z.array(
    z.object({
      action: z.string(),
      verb: z.string(),
      subject: z.string(),
      state: z.string(),
      at: z.number(),
    }),
  ),
  approvals: z.array(z.string()),
  gates: z.array(z.object({ gate: z.string(), state: z.string(), since: z.number(), message: z.string() })),
  verified: z.array(z.string()).describe('Versions that were verified in service, oldest first.'),
  problems: z.array(z.string()),
});
type Output = z.output<typeof output>;

export const target = command({
  name: 'target',
  tool: 'flyball_get_target',
  title: 'State of one target',
  description:
    'Rules with their states, open episodes, recent actions, approvals, gates, what serves, the next look.',
  input: z.strictObject({
    target: z.string().min(1).max(200).describe('As kind/name: model/late-flights.'),
  }),
  output,
  details: ['verified', 'head'],
  positional: ['target'],
  role: 'viewer',
  effect: 'read',
  reach: 'targets',
  examples: ['flyball target model/late-flights'],
  run: async (ports, input) => {
    const rows = await ports.world.store.targets();
    requireTarget(
      input.target,
      rows.map(row => chainOf(row.target)),
    );
    const row = rows.find(one => chainOf(one.target) === input.target);
    return stateOf(ports, row as TargetRow);
  },
  text: (found, paint) =>
    [
      `${paint.bold(found.target)} · looked at ${found.lookedAt === undefined ? 'never' : when(found.lookedAt)} · next ${when(Math.min(found.nextLook, 8.64e15))}${found.champion === undefined ? '' : ` · serves ${found.champion}`}`,
      table([
        ...found.rules.map(one => [
          'rule',
          one.rule,
          one.group,
          `${one.state} since ${when(one.since)}`,
          one.mode,
        ]),
        ...found.episodes.map(one => [
          `episode ${one.episode}`,
          one.rule,
          one.group,
          one.status,
          when(one.openedAt),
        ]),
        ...found.actions.map(one => ['action', one.action.slice(0, 12), one.verb, one.state, one.subject]),
        ...found.approvals.map(one => ['approval', one]),
        ...found.gates.map(one => ['gate', one.gate, one.state, one.message]),
        ...found.problems.map(one => ['problem', one]),
      ]),
    ].join('\n'),
});

async function stateOf({ world }: Ports, row: TargetRow): Promise<Output> {
  const chain = chainOf(row.target);
  const { own } = row;
  const last = await world.store.last(chain);
  const policies = ((await world.store.revision())?.policies ?? []).filter(
    one => chainOf(one.target) === chain,
  );
  const served = policies.find(one => one.documents.model?.serving);
  const serving =
    served?.documents.model &&
    (await world.readServing(served.documents.model, served.documents.connections));
  const modes = new Map(policies.map(one => [one.policy, one.mode]));
  return {
    target: chain,
    generation: row.version,
    head: row.head,
    ...(own.commit === undefined ? {} : { commit: own.commit }),
    ...(row.lastTakenAt === undefined ? {} : { lookedAt: row.lastTakenAt }),
    nextLook: row.dueAt,
    ...(serving?.champion === undefined ? {} : { champion: serving.champion }),
    weights: { ...serving?.weights },
    rules: rulesOf(own, modes),
    episodes: Object.values(own.episodes).map(({ id, cause, labels, sequence, openedAt, ended }) => ({
      ...{ episode: id, rule: ruleText(cause), group: groupText(labels), openedAt },
      status: ended ? `ended, ${ended.how}` : sequence.status,
    })),
    actions: Object.values(own.actions).map(({ action, state, at }) => ({
      ...{ action: action.id, verb: action.verb, subject: action.call.subject, state, at },
    })),
    approvals: Object.values(own.asks).map(ask => ask.approval),
    gates: Object.entries(own.gates).map(([gate, { state, since, message }]) => ({
      ...{ gate, state, since, message: safe(message) },
    })),
    verified: [...own.verifiedVersions],
    problems: [
      ...(last?.problems ?? []).map(one => safe(`${one.policy}: ${one.message}`)),
      ...(serving?.unknown ? [`serving: ${safe(serving.unknown.message)}`] : []),
    ],
  };
}

function rulesOf(own: Own, modes: ReadonlyMap<string, string>): Output['rules'] {
  return Object.entries(own.rules).flatMap(([policy, rules]) =>
    Object.entries(rules).flatMap(([rule, states]) =>
      Object.values(states).map(({ state, since, labels }) => ({
        ...{ rule: ruleText({ policy, rule }), group: groupText(labels), state, since },
        mode: modes.get(policy) ?? 'not in force',
      })),
    ),
  );
}

export const targets = command({
  name: 'targets',
  title: 'List targets',
  description: 'Everything that is governed, with how many policies it has and when it was looked at.',
  input: z.strictObject(paging),
  output: z.object({
    targets: z.array(
      z.object({ target: z.string(), policies: z.int(), open: z.int(), lookedAt: z.number().optional() }),
    ),
    next: nextCursor,
  }),
  role: 'viewer',
  effect: 'read',
  reach: 'targets',
  examples: ['flyball targets'],
  run: async (ports, input) => {
    const rows = (await ports.world.store.targets()).map(({ target, own, lastTakenAt }) => ({
      target: chainOf(target),
      policies: Object.keys(own.policies).length,
      open: Object.values(own.episodes).filter(one => !one.ended).length,
      ...(lastTakenAt === undefined ? {} : { lookedAt: lastTakenAt }),
    }));
    const { items, next } = await pageOf(
      ports,
      { list: 'targets', filters: {} },
      input,
      rows,
      row => row.target,
    );
    return { targets: [...items], ...(next === undefined ? {} : { next }) };
  },
  text: (found, paint) =>
    table([
      ['TARGET', 'POLICIES', 'OPEN', 'LOOKED AT'].map(paint.bold),
      ...found.targets.map(one => [
        one.target,
        String(one.policies),
        String(one.open),
        one.lookedAt === undefined ? 'never' : when(one.lookedAt),
      ]),
      ...(found.next === undefined ? [] : [[`More: --cursor ${found.next}`]]),
    ]),
});
