/** `pause`, `resume`, `cancel`, `retry`, `resolve`: how people steer what runs, each on record. */
import { z } from 'zod';
import { appendInput } from '../engine/drive.ts';
import { chainOf } from '../engine/ids.ts';
import type { ActionRow, Input } from '../model.ts';
import { command } from './command.ts';
import { Refusal } from './perform.ts';
import type { Ports } from './ports.ts';
import { safe } from './time.ts';

const reason = z.string().max(500).optional().describe('Kept in the ledger.');

/** `all`, a target as kind/name, or a verb: the key of its pause among the facts. */
async function pauseKey(ports: Ports, scope: string): Promise<string> {
  if (scope === 'all') return 'pause:all';
  if (ports.world.catalogue.verbs[scope]) return `pause:verb:${scope}`;
  if (await ports.world.store.target(scope)) return `pause:target:${scope}`;
  const targets = (await ports.world.store.targets()).map(row => chainOf(row.target));
  const verbs = Object.keys(ports.world.catalogue.verbs);
  throw new Refusal(
    `${safe(scope, 80)} cannot be paused; expected all, a target (${targets.join(', ')}) or a verb (${verbs.join(', ')}).`,
  );
}

const scopeInput = z
  .string()
  .min(1)
  .max(200)
  .default('all')
  .describe('all, a target as kind/name, or a verb such as retrain.');

export const pause = command({
  name: 'pause',
  title: 'Pause',
  description:
    'Starts no action any more: of all targets, of one, or of one verb. Safe verbs such as rollback stay free, unless they are named or the Model says safe: [pause]. What runs goes on; use cancel for that.',
  input: z.strictObject({ scope: scopeInput, reason: z.string().min(1).max(500).default('no reason given') }),
  output: z.object({ scope: z.string() }),
  positional: ['scope'],
  role: 'operator',
  effect: 'safe',
  examples: ['flyball pause --reason "warehouse migration"', 'flyball pause model/late-flights'],
  run: async (ports, input) => {
    const key = await pauseKey(ports, input.scope);
    const at = ports.world.clock();
    const by = ports.principal;
    await ports.world.store.transaction(async tx => {
      await tx.fleet([{ kind: 'pause', scope: input.scope, by, reason: input.reason }], at);
      await tx.setFact(key, { by: by.name, reason: input.reason, at });
    });
    await wakeAll(ports);
    return { scope: input.scope };
  },
  text: found => `${found.scope} is paused.`,
});

export const resume = command({
  name: 'resume',
  title: 'Resume',
  description: 'Ends a pause. For people only.',
  input: z.strictObject({ scope: scopeInput, reason }),
  output: z.object({ scope: z.string(), was: z.boolean() }),
  positional: ['scope'],
  role: 'approver',
  effect: 'decide',
  examples: ['flyball resume'],
  run: async (ports, input) => {
    const key = await pauseKey(ports, input.scope);
    const was = ((await ports.world.store.facts([key]))[key]?.value ?? null) !== null;
    const why = input.reason === undefined ? {} : { reason: input.reason };
    await ports.world.store.transaction(async tx => {
      await tx.fleet(
        [{ kind: 'resume', scope: input.scope, by: ports.principal, ...why }],
        ports.world.clock(),
      );
      await tx.setFact(key, null);
    });
    await wakeAll(ports);
    return { scope: input.scope, was };
  },
  text: found => (found.was ? `${found.scope} is no longer paused.` : `${found.scope} was not paused.`),
});

async function wakeAll(ports: Ports): Promise<void> {
  const rows = await ports.world.store.targets();
  await ports.world.store.transaction(async tx => {
    for (const row of rows) await tx.setDue(chainOf(row.target), 0);
  });
}

async function oneAction(ports: Ports, start: string): Promise<ActionRow> {
  const found = await ports.world.store.findAction(start);
  const newest = found.at(-1);
  if (!newest)
    throw new Refusal(`no action begins with ${safe(start, 64)}; 'flyball log --kind intent' lists them.`);
  if (found.some(row => row.action.id !== newest.action.id))
    throw new Refusal(`${safe(start, 64)} begins several actions; give more characters.`);
  return found.reduce((a, b) => (b.action.attempt > a.action.attempt ? b : a));
}

const TERMINAL = new Set(['succeeded', 'failed', 'timed-out', 'cancelled', 'withdrawn']);

export const cancel = command({
  name: 'cancel',
  title: 'Cancel an action',
  description: 'Asks the connector to end an action that runs, or withdraws one that has not started.',
  input: z.strictObject({ action: z.string().min(4).max(64).describe('Start of its id or key.'), reason }),
  output: z.object({ action: z.string(), state: z.string() }),
  positional: ['action'],
  role: 'operator',
  effect: 'safe',
  examples: ['flyball cancel f3a91c --reason "wrong slice"'],
  run: async (ports, input) => {
    const row = await oneAction(ports, input.action);
    if (TERMINAL.has(row.state) && !(await waitsForRetry(ports, row)))
      throw new Refusal(`action ${row.action.id.slice(0, 12)} is ${row.state} already.`);
    const why = input.reason === undefined ? {} : { reason: input.reason };
    await appendInput(ports.world, row.chain, {
      kind: 'cancel',
      action: row.action.id,
      by: ports.principal,
      ...why,
    });
    return { action: row.action.id, state: row.state };
  },
  text: found => `cancel of ${found.action.slice(0, 12)} is requested (it was ${found.state}).`,
});

/** A failed action may have a further attempt before it: a cancel in the pause ends it. */
async function waitsForRetry(ports: Ports, { action, chain }: ActionRow): Promise<boolean> {
  const own = (await ports.world.store.target(chain))?.own;
  return Object.values(own?.episodes ?? {}).some(
    ({ sequence, ended }) => !ended && sequence.action === action.id && sequence.retryAt !== undefined,
  );
}

async function oneEpisode(ports: Ports, id: number, target: string | undefined): Promise<string> {
  const rows = (await ports.world.store.targets()).filter(
    row => row.own.episodes[id] && !row.own.episodes[id]?.ended,
  );
  const chains = rows
    .map(row => chainOf(row.target))
    .filter(chain => target === undefined || chain === target);
  const [chain] = chains;
  if (chain === undefined)
    throw new Refusal(`episode ${id} is not open; 'flyball status' shows those that need you.`);
  if (chains.length > 1)
    throw new Refusal(`episode ${id} is open on ${chains.join(' and ')}; name one with --target.`);
  return chain;
}

const episodeInput = {
  target: z
    .string()
    .max(200)
    .optional()
    .describe('kind/name, when several targets have that episode number.'),
  reason,
};

/** Only what stands still can be tried again: a stall, or a no that is in force. */
async function requireStuck(ports: Ports, chain: string, id: number): Promise<void> {
  const own = (await ports.world.store.target(chain))?.own;
  const episode = own?.episodes[id];
  const { policy, rule, group } = episode?.cause ?? { policy: '', rule: '', group: '' };
  const denied = Object.entries(own?.denials ?? {}).some(
    ([key, denial]) => key.startsWith(`${policy}/${rule}/${group}/`) && denial.until > ports.world.clock(),
  );
  const status = episode?.sequence.status;
  if (status === 'stalled' || denied) return;
  throw new Refusal(
    `episode ${id} is ${status ?? 'gone'}, neither stalled nor denied: there is nothing to try again.`,
  );
}

export const retry = command({
  name: 'retry',
  title: 'Retry a stalled or denied episode',
  description:
    'Begins the remedy of a stalled episode anew, one round later, or takes back the no that keeps one from being asked again; through the same admission and approval.',
  input: z.strictObject({ episode: z.coerce.number().int().min(1), ...episodeInput }),
  output: z.object({ episode: z.int(), target: z.string() }),
  positional: ['episode'],
  role: 'operator',
  effect: 'decide',
  examples: ['flyball retry 118'],
  run: async (ports, input) => {
    const chain = await oneEpisode(ports, input.episode, input.target);
    await requireStuck(ports, chain, input.episode);
    const why = input.reason === undefined ? {} : { reason: input.reason };
    await appendInput(ports.world, chain, {
      kind: 'retry',
      episode: input.episode,
      by: ports.principal,
      ...why,
    });
    return { episode: input.episode, target: chain };
  },
  text: found => `episode ${found.episode} of ${found.target} is tried again.`,
});

export const resolve = command({
  name: 'resolve',
  title: 'Resolve',
  description:
    'Settles what Flyball cannot: an unresolved action (as succeeded or failed, after you looked at the real system), or an open episode that you have dealt with (as resolved).',
  input: z.strictObject({
    what: z.string().min(1).max(64).describe('An episode number, or the start of an action id or key.'),
    as: z.enum(['succeeded', 'failed', 'resolved']).describe('What is true in the world.'),
    outputs: z.string().max(4000).optional().describe('Outputs of an action as JSON, when it succeeded.'),
    ...episodeInput,
  }),
  output: z.object({ what: z.string(), as: z.string(), target: z.string() }),
  positional: ['what'],
  role: 'operator',
  effect: 'decide',
  examples: ['flyball resolve 118 --as resolved', 'flyball resolve f3a91c --as failed'],
  run: async (ports, input) => {
    const why = input.reason === undefined ? {} : { reason: input.reason };
    const base = { kind: 'resolve' as const, as: input.as, by: ports.principal, ...why };
    if (/^\d{1,9}$/.test(input.what)) {
      if (input.as !== 'resolved')
        throw new Refusal(`episode ${input.what} can only be resolved --as resolved.`);
      const chain = await oneEpisode(ports, Number(input.what), input.target);
      await appendInput(ports.world, chain, { ...base, episode: Number(input.what) });
      return { what: `episode ${input.what}`, as: input.as, target: chain };
    }
    const row = await oneAction(ports, input.what);
    if (input.as === 'resolved') throw new Refusal('an action is resolved --as succeeded or --as failed.');
    if (TERMINAL.has(row.state))
      throw new Refusal(`action ${row.action.id.slice(0, 12)} is ${row.state} already.`);
    const body: Input = {
      ...base,
      action: row.action.id,
      ...(input.outputs === undefined ? {} : { outputs: parsed(input.outputs) }),
    };
    await appendInput(ports.world, row.chain, body);
    return { what: `action ${row.action.id.slice(0, 12)}`, as: input.as, target: row.chain };
  },
  text: found => `${found.what} of ${found.target} is ${found.as}.`,
});

function parsed(text: string) {
  try {
    const value: unknown = JSON.parse(text);
    if (value !== null && typeof value === 'object' && !Array.isArray(value))
      return value as Record<string, string>;
  } catch {
    // Said below, in the same words as for any other value that is no object.
  }
  throw new Refusal('--outputs must be a JSON object, such as {"version":"v4"}.');
}
