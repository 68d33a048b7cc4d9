/** `run`, `reconcile`, `mcp`: what keeps the engine going, works once, or serves agents. */
import { z } from 'zod';
import { appendInput } from '../engine/drive.ts';
import { chainOf } from '../engine/ids.ts';
import { settleAll } from '../engine/reconcile.ts';
import { command } from './command.ts';
import { summary } from './entry-text.ts';
import { followHead } from './follow.ts';
import { layFloors } from './lay-floors.ts';
import { Refusal } from './perform.ts';
import type { Ports } from './ports.ts';
import { requireTarget } from './targets.ts';
import { safe } from './time.ts';

export const run = command({
  name: 'run',
  title: 'Run the daemon',
  description:
    'Reconciles every target at its `every`, follows the enforced branch, carries out actions; until SIGTERM or SIGINT.',
  input: z.strictObject({
    worktree: z
      .boolean()
      .default(false)
      .describe('Development: enforce the files on disk instead of the head commit.'),
    behindProxy: z
      .boolean()
      .default(false)
      .describe(
        'A proxy with TLS stands before the HTTP door: it may listen beyond loopback without its own.',
      ),
  }),
  output: z.object({}),
  role: 'operator',
  effect: 'operate',
  reach: 'fleet',
  terminal: true,
  examples: ['flyball run', 'flyball run --worktree'],
  run: async (ports, input) => {
    if (!ports.daemon) throw new Refusal('run: only a terminal may start the daemon.');
    await ports.daemon.run(input);
    return {};
  },
  text: () => 'stopped',
});

const reconciled = z.object({
  by: z.enum(['this process', 'the running engine', 'nobody yet']),
  targets: z.array(z.string()),
  written: z.array(z.string()).describe('What was derived, when this process did the work.'),
  note: z.string(),
});

export const reconcile = command({
  name: 'reconcile',
  tool: 'flyball_request_reconcile',
  title: 'Request a reconcile',
  description:
    'Evaluates every rule of a target (or of all) now instead of at its next slot; what follows is admitted as always. A daemon does it when there is one; else, at a terminal, this process.',
  input: z.strictObject({
    target: z.string().max(200).optional().describe('As kind/name; default: all targets.'),
    reason: z.string().max(500).optional().describe('Kept in the ledger.'),
  }),
  output: reconciled,
  positional: ['target'],
  role: 'proposer',
  effect: 'request',
  scope: 'reconcile:request',
  reach: ({ target }) => (target === undefined ? 'fleet' : 'targets'),
  examples: ['flyball reconcile', 'flyball reconcile model/late-flights --reason "new data landed"'],
  run: request,
  text: found => [found.note, ...found.written.map(line => `  ${line}`)].join('\n'),
});

type Reconciled = z.input<typeof reconciled>;

async function request(
  ports: Ports,
  input: { target?: string | undefined; reason?: string | undefined },
): Promise<Reconciled> {
  const running = await ports.engine();
  const { daemon } = ports;
  if (running !== undefined || !daemon) {
    const targets = await ask(ports, input);
    const by = running === undefined ? 'nobody yet' : 'the running engine';
    const note =
      running === undefined
        ? 'The wish is recorded, but nothing is being enforced now: no engine runs.'
        : `Recorded; the engine (process ${running}) evaluates them now.`;
    return { by, targets, written: [], note };
  }
  let done: Reconciled | undefined;
  await daemon.once(async () => {
    await layFloors(ports);
    await followHead(ports);
    const heads = new Map((await ports.world.store.targets()).map(row => [chainOf(row.target), row.own.seq]));
    const targets = await ask(ports, input);
    await settleAll(ports.world, daemon.pause, daemon.stopped);
    done = {
      by: 'this process',
      targets,
      written: await writtenSince(ports, heads),
      note: targets.length === 1 ? '1 target was evaluated.' : `${targets.length} targets were evaluated.`,
    };
  });
  return done ?? { by: 'nobody yet', targets: [], written: [], note: 'stopped' };
}

async function ask(
  ports: Ports,
  input: { target?: string | undefined; reason?: string | undefined },
): Promise<string[]> {
  const all = (await ports.world.store.targets()).map(row => chainOf(row.target));
  const chains = all.filter(chain => input.target === undefined || chain === input.target);
  requireTarget(input.target, all);
  if (chains.length === 0) throw new Refusal('no target is known yet: nothing was ever in force here.');
  for (const chain of chains) {
    const why = input.reason === undefined ? {} : { reason: safe(input.reason, 500) };
    await appendInput(ports.world, chain, {
      kind: 'request',
      request: ports.newId(),
      what: 'reconcile',
      by: ports.principal,
      ...why,
    });
  }
  return chains;
}

async function writtenSince(ports: Ports, heads: ReadonlyMap<string, number>): Promise<string[]> {
  const lines: string[] = [];
  for (const [chain, seq] of heads) {
    for (const { body } of await ports.world.store.entries({ chain, from: seq + 1 })) {
      if ('cause' in body || body.kind === 'unresolved')
        lines.push(`${chain} ${summary(body as Parameters<typeof summary>[0])}`);
    }
  }
  return lines;
}

export const mcp = command({
  name: 'mcp',
  title: 'Serve agents over MCP',
  description:
    'Speaks the Model Context Protocol on standard input and output. Agents read, plan, propose and request; they cannot approve.',
  input: z.strictObject({}),
  output: z.object({}),
  role: 'viewer',
  effect: 'read',
  reach: 'fleet',
  terminal: true,
  examples: ['flyball mcp'],
  run: async ports => {
    if (!ports.serveMcp) throw new Refusal('mcp: only a terminal may start the server.');
    await ports.serveMcp();
    return {};
  },
  text: () => '',
});
