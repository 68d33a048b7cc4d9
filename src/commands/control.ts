/** `cancel`, `retry`, `resolve`: the ways out of every state that is not over, each on record. */
import { z } from 'zod';
import { appendInput } from '../engine/drive.ts';
import { chainOf } from '../engine/ids.ts';
import type { ActionRow, Episode, Input } from '../model.ts';
import { command } from './command.ts';
import { requestNamed } from './named-request.ts';
import { Refusal } from './perform.ts';
import type { Ports } from './ports.ts';
import { safe } from './time.ts';

const reason = z.string().max(500).optional().describe('Kept in the ledger.');

export async function oneAction(ports: Ports, start: string): Promise<ActionRow> {
  const found = await ports.world.store.findAction(start);
  const newest = found.at(-1);
  if (!newest)
    throw new Refusal(`no action begins with ${safe(start, 64)}; 'flyball log --kind intent' lists them.`);
  if (found.some(row => row.action.id !== newest.action.id))
    throw new Refusal(`${safe(start, 64)} begins several actions; give more characters.`);
  return found.reduce((a, b) => (b.action.attempt > a.action.attempt ? b : a));
}

const TERMINAL = new Set(['succeeded', 'failed', 'timed-out', 'cancelled', 'withdrawn']);

const episodeInput = {
  target: z
    .string()
    .max(200)
    .optional()
    .describe('kind/name, when several targets have that episode number.'),
  reason,
};

export const cancel = command({
  name: 'cancel',
  title: 'Cancel an action or an episode',
  description:
    'Asks the connector to end an action that runs, or withdraws one that has not started. Of an episode: ends what its sequence does now (a question is withdrawn, a rollout goes back); then it is stalled, and nobody is paged.',
  input: z.strictObject({
    action: z
      .string()
      .min(1)
      .max(64)
      .describe('Start of the id or key of an action or of a request, or an episode number.'),
    ...episodeInput,
  }),
  output: z.object({ action: z.string(), state: z.string() }),
  positional: ['action'],
  role: 'operator',
  effect: 'safe',
  reach: 'targets',
  examples: ['flyball cancel f3a91c --reason "wrong slice"', 'flyball cancel 118'],
  run: cancelNamed,
  text: found => `cancel of ${found.action.slice(0, 20)} is requested (it was ${found.state}).`,
});

/** Asks an action, a request or an episode to end, by whatever names it. Throws Refusal for what is over or is not there. */
export async function cancelNamed(
  ports: Ports,
  input: {
    readonly action: string;
    readonly target?: string | undefined;
    readonly reason?: string | undefined;
  },
): Promise<{ action: string; state: string }> {
  if (/^\d{1,9}$/.test(input.action)) return cancelEpisode(ports, Number(input.action), input);
  if (input.action.length < 4)
    throw new Refusal(`${safe(input.action, 64)} is too short; expected 4 characters or an episode number.`);
  const asked = await requestNamed(ports, input.action);
  if (asked) return cancelRequest(ports, asked, input.reason);
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
}

async function cancelRequest(
  ports: Ports,
  { chain, request }: NonNullable<Awaited<ReturnType<typeof requestNamed>>>,
  reason: string | undefined,
): Promise<{ action: string; state: string }> {
  const { id, fate } = request;
  if (fate) throw new Refusal(`request ${id.slice(0, 12)} is over: ${fate.how}.`);
  const why = reason === undefined ? {} : { reason };
  await appendInput(ports.world, chain, { kind: 'cancel', action: id, by: ports.principal, ...why });
  return { action: `request ${id}`, state: request.episode === undefined ? 'queued' : 'taken up' };
}

async function cancelEpisode(
  ports: Ports,
  id: number,
  input: { readonly target?: string | undefined; readonly reason?: string | undefined },
): Promise<{ action: string; state: string }> {
  const chain = await oneEpisode(ports, id, input.target);
  const { status, rollout } = (await episodeOf(ports, chain, id))?.sequence ?? { status: 'gone' };
  if (status === 'stalled' || status === 'done')
    throw new Refusal(
      `episode ${id} is ${status}: nothing of it goes on. 'flyball resolve ${id} --as resolved' ends it.`,
    );
  if (rollout?.state === 'aborted')
    throw new Refusal(`the rollout of episode ${id} goes back already: ${safe(rollout.message ?? '')}`);
  const why = input.reason === undefined ? {} : { reason: input.reason };
  await appendInput(ports.world, chain, { kind: 'cancel', episode: id, by: ports.principal, ...why });
  return { action: `episode ${id}`, state: status };
}

async function episodeOf(ports: Ports, chain: string, id: number): Promise<Episode | undefined> {
  return (await ports.world.store.target(chain))?.own.episodes[id];
}

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

/** What a retry means where the episode stands; refused where another word says it better. */
async function retryText(ports: Ports, chain: string, id: number): Promise<string> {
  const episode = await episodeOf(ports, chain, id);
  const status = episode?.sequence.status;
  switch (status) {
    case 'stalled':
    case 'done':
    case 'verifying':
      return 'its remedy begins anew, one round later';
    case 'asking':
      return 'its question is withdrawn and asked anew';
    case 'ready':
      return 'a pause between two attempts and a no are over; what else holds it holds it on';
    case 'acting':
      return 'its connector is asked at once what became of it';
    case 'holding':
      throw new Refusal(
        `episode ${id} is in a rollout; 'flyball rollout advance|abort ${chain}' says what next, or 'flyball cancel ${id}' takes it back.`,
      );
    default:
      throw new Refusal(
        `episode ${id} is ${status ?? 'gone'}: it takes back what it did. 'flyball cancel ${id}' ends that.`,
      );
  }
}

export const retry = command({
  name: 'retry',
  title: 'Retry an episode',
  description:
    'Begins the remedy of an episode that is stalled, is being verified or has nothing more to do anew, one round later; ends the pause between two attempts; takes back the no that keeps one from being asked again; asks a waiting question anew; asks a connector at once. Through the same admission and approval, which you may then not give yourself.',
  input: z.strictObject({ episode: z.coerce.number().int().min(1), ...episodeInput }),
  output: z.object({ episode: z.int(), target: z.string(), means: z.string() }),
  positional: ['episode'],
  role: 'operator',
  effect: 'decide',
  reach: 'targets',
  examples: ['flyball retry 118'],
  run: async (ports, input) => {
    const chain = await oneEpisode(ports, input.episode, input.target);
    const means = await retryText(ports, chain, input.episode);
    const why = input.reason === undefined ? {} : { reason: input.reason };
    await appendInput(ports.world, chain, {
      kind: 'retry',
      episode: input.episode,
      by: ports.principal,
      ...why,
    });
    return { episode: input.episode, target: chain, means };
  },
  text: found => `episode ${found.episode} of ${found.target} is tried again: ${found.means}.`,
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
  reach: 'targets',
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
