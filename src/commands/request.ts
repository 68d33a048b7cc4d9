/** `request`: asks for one action, which goes through the same admission and approval as a policy's. */
import { z } from 'zod';
import { canonical } from '../canonical.ts';
import { closeRequests } from '../dsl/index.ts';
import { appendRequest } from '../engine/drive.ts';
import { targetOf } from '../engine/ids.ts';
import { look } from '../engine/look.ts';
import { type Preview, previewRequest } from '../engine/preview-request.ts';
import { requestPolicyName } from '../engine/records.ts';
import type { ClosedPolicy, JsonObject, RequestAction, TargetRef } from '../model.ts';
import { isAgent } from './access.ts';
import { command, type Paint } from './command.ts';
import { Refusal } from './perform.ts';
import type { Ports } from './ports.ts';
import { requestView, viewOf } from './request-view.ts';
import { orderRollout } from './rollout.ts';
import { requireTarget } from './targets.ts';
import { safe, when } from './time.ts';
import { periodOf } from './time-input.ts';

/** Verbs that can be asked for, and the orders of a rollout under way. */
const VERBS = ['retrain', 'evaluate', 'promote', 'rollback', 'advance', 'abort'] as const;
/** Verbs that will be: named so that whoever asks is told. */
const LATER = [
  ...(['refresh', 'restart', 'quarantine', 'release', 'start_experiment', 'stop_experiment'] as const),
] as const;

const DEFAULT_WAIT = '24h';
const MOST_WAIT_MS = 7 * 86_400_000;
/** Tries while commits come into force. */
const TRIES = 3;

const input = z.strictObject({
  verb: z
    .enum([...VERBS, ...LATER])
    .describe(
      'retrain (lookback; focus or only), evaluate, promote, rollback (version), advance, abort (a rollout).',
    ),
  target: z.string().min(1).max(200).describe('kind/name, or the name of a model.'),
  version: z.string().min(1).max(200).optional().describe('Of evaluate, promote and rollback.'),
  lookback: z.string().max(40).optional().describe('How far back, such as 90d.'),
  focus: z.string().max(2000).optional().describe("Rows to train on in full, such as: origin == 'ORD'."),
  only: z.string().max(2000).optional().describe('Rows to train on alone.'),
  rest: z.string().max(20).optional().describe('With focus: share of other rows, such as 10%.'),
  reason: z.string().min(1).max(500).optional().describe('Why. People who approve read it.'),
  wait: z.string().max(40).default(DEFAULT_WAIT).describe('How long it may be held, at most 7d.'),
  request: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9-]{7,63}$/, 'expected 8 to 64 letters, digits and dashes')
    .optional()
    .describe('Its id, such as that of a plan.'),
  plan: z.boolean().default(false).describe('Changes nothing: says what would be done.'),
});
type Input = z.output<typeof input>;

const output = z.object({
  ...requestView.partial().shape,
  verb: z.string(),
  target: z.string(),
  state: z.string(),
  message: z.string(),
  calls: z
    .array(
      z.object({ capability: z.string(), connection: z.string(), subject: z.string(), args: z.string() }),
    )
    .optional()
    .describe('With plan.'),
  approvers: z.array(z.string()).optional(),
  quorum: z.int().optional(),
  not_approvers: z.array(z.string()).optional(),
});
type Output = z.input<typeof output>;

export const request = command({
  name: 'request',
  tool: 'flyball_request_action',
  title: 'Request an action',
  description:
    'Asks for one action. It goes through the same admission as what policies do, and is queued, held with every reason, or waits for an approval that whoever asked cannot give; a disruptive one of an agent always needs one. flyball_get_action follows it by its request id.',
  input,
  output,
  positional: ['verb', 'target'],
  role: 'operator',
  effect: 'request',
  reach: 'targets',
  examples: [
    'flyball request retrain late-flights --lookback 90d --reason "new airport"',
    'flyball request promote late-flights --version v7 --plan',
    'flyball request rollback late-flights',
  ],
  run: async (ports, given) => {
    const later: readonly string[] = LATER;
    if (later.includes(given.verb))
      throw new Refusal(`request: ${given.verb} is not in this version; expected ${VERBS.join(', ')}.`);
    const { target, chain } = targetNamed(given.target);
    requireTarget(
      chain,
      (await ports.world.store.targets()).map(row => `${row.target.kind}/${row.target.name}`),
    );
    if (given.verb === 'advance' || given.verb === 'abort') return ordered(ports, given, chain, given.verb);
    return given.plan ? planned(ports, given, target, chain) : asked(ports, given, target, chain);
  },
  text,
});

function targetNamed(text: string): { readonly target: TargetRef; readonly chain: string } {
  const chain = text.includes('/') ? text : `model/${text}`;
  const target = targetOf(chain);
  if (target === undefined)
    throw new Refusal(`${safe(text, 80)} names no target; expected kind/name, such as model/late-flights.`);
  return { target, chain };
}

/** The order of a rollout under way. */
async function ordered(
  ports: Ports,
  given: Input,
  chain: string,
  what: 'advance' | 'abort',
): Promise<Output> {
  // An order has no approval of its own: what an agent may have is the way back.
  if (what === 'advance' && isAgent(ports.principal))
    throw new Refusal(
      'request: only a person ends the hold of a rollout before its time; its gates advance it by themselves. An agent may ask to abort.',
      'role',
    );
  if (given.plan)
    throw new Refusal(`request: ${what} has no plan; 'flyball status' says where the rollout stands.`);
  const { reason } = given;
  const { stands } = await orderRollout(ports, {
    what,
    target: chain,
    ...(reason === undefined ? {} : { reason }),
  });
  return {
    verb: what,
    target: chain,
    state: 'queued',
    message: `ordered; it stood at: ${stands}`,
    poll_after_ms: 1000,
  };
}

async function asked(ports: Ports, given: Input, target: TargetRef, chain: string): Promise<Output> {
  const id = given.request ?? ports.newId();
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const body = await requestOf(ports, given, target, chain, id);
    await refuseOther(ports, body);
    if (!(await appendRequest(ports.world, body))) continue;
    return standing(ports, chain, id);
  }
  throw new Refusal('request: commits come into force one after the other; ask again in a moment.', 'busy');
}

/** An id that is taken is for the same wish of the same principal only. */
async function refuseOther(
  { world }: Ports,
  { request: id, target, verb, args, by }: RequestAction,
): Promise<void> {
  const before = (await world.store.target(target))?.own.requests?.[id];
  if (before === undefined) return;
  const isSame =
    before.by.name === by.name && before.verb === verb && canonical(before.args) === canonical(args);
  if (!isSame)
    throw new Refusal(
      'request: this id was used for another request; expected a new one, or none.',
      'conflict',
    );
}

/** As the engine has left it by now; what it has not looked at is looked at here, without writing. */
async function standing(ports: Ports, chain: string, id: string): Promise<Output> {
  const { store, catalogue } = ports.world;
  const own = (await store.target(chain))?.own;
  const request = own?.requests?.[id];
  if (own === undefined || request === undefined) throw new Refusal(`request ${id} is not there any more.`);
  if (request.episode !== undefined) return viewOf(chain, own, request, ports.pageUrl);
  const seen = await look(ports.world, chain);
  const preview = seen && previewRequest(seen, id, catalogue);
  const next = preview?.own.requests?.[id];
  if (preview === undefined || next === undefined) return viewOf(chain, own, request, ports.pageUrl);
  // The question has its name once the engine has asked it.
  const { approval: _, approval_page: __, ...view } = viewOf(chain, preview.own, next);
  return { ...view, ...(preview.action ? { plan_hash: preview.action.planHash } : {}), poll_after_ms: 1000 };
}

async function planned(ports: Ports, given: Input, target: TargetRef, chain: string): Promise<Output> {
  const id = given.request ?? ports.newId();
  const body = await requestOf(ports, given, target, chain, id);
  const seen = await look(ports.world, chain, { told: [body] });
  const preview = seen && previewRequest(seen, id, ports.world.catalogue);
  if (preview === undefined) throw new Refusal(`request: ${chain} is not known any more.`);
  const { action, holds, approval, refused } = preview;
  const state =
    refused !== undefined
      ? 'refused'
      : holds.length > 0
        ? 'held'
        : approval
          ? 'awaiting-approval'
          : 'running';
  return {
    request: id,
    verb: given.verb,
    target: chain,
    state,
    message: safe(refused ?? planMessage(preview), 1000),
    holds: holds.map(hold => ({ ...hold, message: safe(hold.message) })),
    expires: body.until,
    ...(action === undefined ? {} : { plan_hash: action.planHash, calls: callsOf(action.calls) }),
    ...(approval && {
      approvers: [...approval.from],
      quorum: approval.quorum,
      not_approvers: [...approval.refused],
    }),
  };
}

function planMessage({ holds, approval }: Preview): string {
  const held = holds.map(hold => hold.message).join('; ');
  const asks = approval && `${approval.quorum} yes from ${approval.from.join(', ')}`;
  if (holds.length > 0) return `it would be held: ${held}${asks ? `; then it asks for ${asks}` : ''}`;
  return asks ? `it would ask for ${asks}` : 'it would begin at once';
}

function callsOf(calls: NonNullable<Preview['action']>['calls']): NonNullable<Output['calls']> {
  return calls.map(({ capability, connection, subject, args }) => ({
    capability,
    connection,
    subject,
    args: safe(JSON.stringify(args), 1000),
  }));
}

async function requestOf(
  ports: Ports,
  given: Input,
  target: TargetRef,
  chain: string,
  id: string,
): Promise<RequestAction> {
  const { verb, reason } = given;
  const args = argsOf(given);
  const closed = await closedFor(ports, { name: requestPolicyName(id), verb, target, args });
  const waitMs = periodOf(given.wait);
  if (waitMs <= 0 || waitMs > MOST_WAIT_MS)
    throw new Refusal(`wait is ${safe(given.wait, 40)}; expected a duration up to 7d, such as 24h.`);
  return {
    ...{ kind: 'request', what: 'action', request: id, verb, target: chain, args, by: ports.principal },
    ...(reason === undefined ? {} : { reason: safe(reason, 500) }),
    until: ports.world.clock() + waitMs,
    closed,
  };
}

function argsOf({ version, lookback, focus, only, rest }: Input): JsonObject {
  const given = { version, lookback, focus, only, rest };
  return Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/** What it would be in a policy of the commit in force; a mistake in it is the asker's. */
async function closedFor(
  ports: Ports,
  asks: Parameters<typeof closeRequests>[0][number],
): Promise<ClosedPolicy> {
  const { world, repository, settings } = ports;
  const commit = (await world.store.revision())?.commit;
  if (commit === undefined) throw new Refusal('request: no commit is in force yet, so nothing may act.');
  const files = await repository.files(commit.sha);
  const [closed] = closeRequests([asks], { files, commit, env: settings.env, catalogue: world.catalogue });
  if (closed === undefined || 'refused' in closed)
    throw new Refusal(
      `request ${asks.verb}: ${safe(closed?.refused ?? 'it cannot be closed', 1000).replace(/\.$/, '')}.`,
    );
  return closed;
}

function text(found: z.output<typeof output>, paint: Paint): string {
  const lines = [
    `${paint.bold(found.state)}  ${found.verb} on ${found.target}: ${safe(found.message, 1000)}`,
  ];
  for (const call of found.calls ?? [])
    lines.push(`  ${call.capability} ${call.subject} through ${call.connection} ${call.args}`);
  if (found.not_approvers?.length) lines.push(`  not by ${found.not_approvers.join(', ')}`);
  if (found.plan_hash !== undefined) lines.push(`  plan ${found.plan_hash}`);
  if (found.approval !== undefined)
    lines.push(`  approval ${found.approval} ${found.approval_page ?? ''}`.trimEnd());
  if (found.calls !== undefined) lines.push(`  ask for it with --request ${found.request}`);
  else if (found.request !== undefined)
    lines.push(
      `  request ${found.request}${found.expires === undefined ? '' : `, over at ${when(found.expires)} UTC if it has not begun`}`,
    );
  return lines.join('\n');
}
