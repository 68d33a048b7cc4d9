/** `pause` and `resume`: nothing begins in a scope, and with `--cancel` what runs there is asked to end. Each is on record. */
import { z } from 'zod';
import { appendInput } from '../engine/drive.ts';
import { pauseKey, standingFact } from '../engine/folding.ts';
import { chainOf } from '../engine/ids.ts';
import type { ActionRow, Json } from '../model.ts';
import { command } from './command.ts';
import { inBatches } from './in-batches.ts';
import { Refusal } from './perform.ts';
import type { Ports } from './ports.ts';
import { safe, when } from './time.ts';
import { untilOf } from './time-input.ts';

/** `all`, a target as kind/name, or a verb: the key of its pause among the facts. */
async function keyOf(ports: Ports, scope: string): Promise<string> {
  const known =
    scope === 'all' || ports.world.catalogue.verbs[scope] || (await ports.world.store.target(scope));
  if (known) return pauseKey(scope);
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
    'Starts no action any more, queued ones included: of all targets, of one, or of one verb. Safe verbs such as rollback stay free, unless named or the Model says safe: [pause]. What runs goes on; with cancel it is asked to end (kill switch). A rollout stays where it is, its gates armed.',
  input: z.strictObject({
    scope: scopeInput,
    reason: z.string().min(1).max(500).default('no reason given'),
    until: z.string().min(1).max(40).optional().describe('Such as 4h, or a time.'),
    cancel: z.boolean().default(false).describe('Ends what runs, but messages and safe verbs.'),
  }),
  output: z.object({
    scope: z.string(),
    until: z.number().optional(),
    cancelled: z.array(z.string()),
    notCancelled: z.array(z.object({ action: z.string(), error: z.string() })),
  }),
  positional: ['scope'],
  role: 'operator',
  effect: 'safe',
  reach: ({ scope }) => (scope.includes('/') ? 'targets' : 'fleet'),
  examples: [
    'flyball pause --reason "warehouse migration"',
    'flyball pause model/late-flights --until 4h',
    'flyball pause --cancel --reason "wrong data everywhere"',
  ],
  run: pauseScope,
  text: found =>
    [
      `${found.scope} is paused${found.until === undefined ? '' : ` until ${when(found.until)} UTC`}.`,
      ...(found.cancelled.length > 0
        ? [`Asked to end: ${found.cancelled.map(id => id.slice(0, 12)).join(', ')}.`]
        : []),
      ...found.notCancelled.map(
        ({ action, error }) =>
          `NOT asked to end: ${action.slice(0, 12)}: ${error}. Repeat 'flyball pause ${found.scope} --cancel'.`,
      ),
    ].join('\n'),
  exit: found => (found.notCancelled.length > 0 ? 1 : 0),
});

/** Nothing begins in a scope until `until`; with `cancel` what runs there is asked to end. */
export async function pauseScope(
  ports: Ports,
  input: {
    readonly scope: string;
    readonly reason: string;
    readonly until?: string | undefined;
    readonly cancel: boolean;
  },
) {
  const key = await keyOf(ports, input.scope);
  const at = ports.world.clock();
  const { principal: by } = ports;
  const { scope, reason } = input;
  const until = input.until === undefined ? {} : { until: untilOf(input.until, at) };
  const cancel = input.cancel ? { cancel: true as const } : {};
  await ports.world.store.transaction(async tx => {
    const body = { kind: 'pause', scope, by, reason, ...until, ...cancel } as const;
    await tx.fleet([body], at);
    await tx.setFact(key, standingFact({ at, body })?.value ?? null);
  });
  // After the pause: what is begun meanwhile meets it at its start.
  const ended = input.cancel ? await endAll(ports, scope, reason) : { cancelled: [], notCancelled: [] };
  await wakeAll(ports);
  return { scope, ...until, ...ended };
}

/** Asks what runs in a scope to end, each on the record of its chain. One that cannot be asked keeps no other one running. */
async function endAll(ports: Ports, scope: string, reason: string) {
  const cancelled: string[] = [];
  const notCancelled: { action: string; error: string }[] = [];
  const rows = (await ports.world.store.actions({ live: true })).filter(row => mayEnd(ports, scope, row));
  for (const { chain, action } of rows) {
    const words = `the pause of ${scope}: ${reason}`;
    const by = ports.principal;
    try {
      await appendInput(ports.world, chain, { kind: 'cancel', action: action.id, by, reason: words });
      cancelled.push(action.id);
    } catch (error) {
      const message = safe(error instanceof Error ? error.message : String(error), 300);
      notCancelled.push({ action: action.id, error: message });
    }
  }
  return { cancelled, notCancelled };
}

/** Messages, and what brings back a known state, go on; a safe verb ends only when it is the scope itself. */
function mayEnd({ world }: Ports, scope: string, { chain, action }: ActionRow): boolean {
  if (action.call.capability === 'notify.send') return false;
  if (action.verb === scope) return true;
  return (scope === 'all' || scope === chain) && world.catalogue.verbs[action.verb]?.safe !== true;
}

export const resume = command({
  name: 'resume',
  title: 'Resume',
  description: 'Ends a pause. For people only.',
  input: z.strictObject({
    scope: scopeInput,
    reason: z.string().max(500).optional().describe('Kept in the ledger.'),
  }),
  output: z.object({ scope: z.string(), was: z.boolean() }),
  positional: ['scope'],
  role: 'approver',
  effect: 'decide',
  reach: ({ scope }) => (scope.includes('/') ? 'targets' : 'fleet'),
  examples: ['flyball resume'],
  run: async (ports, input) => {
    const key = await keyOf(ports, input.scope);
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

/** All targets look again soon. The pause, or its end, holds without it. */
async function wakeAll({ world }: Ports): Promise<void> {
  const chains = (await world.store.targets()).map(row => chainOf(row.target));
  await inBatches(world, chains, (tx, chain) => tx.setDue(chain, 0));
}

/** The pauses in force, one line each: what, who, why, since and until when. */
export async function pausesInForce({ world }: Ports): Promise<readonly string[]> {
  const found = Object.entries(await world.store.factsWithPrefix('pause:'));
  return found.flatMap(([key, { value }]) => pauseLine(key.slice('pause:'.length), value, world.clock()));
}

function pauseLine(scope: string, value: Json, now: number): readonly string[] {
  const said = value as { by?: string; reason?: string; at?: number; until?: number } | null;
  if (said === null || (said.until !== undefined && said.until <= now)) return [];
  const since = said.at === undefined ? '' : ` since ${when(said.at)}`;
  const until = said.until === undefined ? '' : `, until ${when(said.until)}`;
  return [`${scope} by ${said.by ?? '?'}${since}${until}: ${safe(said.reason ?? '')}`];
}
