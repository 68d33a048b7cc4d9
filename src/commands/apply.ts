/** `apply`: does what a saved plan says, or says which input changed since and does nothing. */
import { z } from 'zod';
import { tick } from '../engine/drive.ts';
import { type Look, look } from '../engine/look.ts';
import { askedNothing, observe } from '../engine/observe.ts';
import { settleAll } from '../engine/reconcile.ts';
import { wants } from '../engine/wants.ts';
import { command } from './command.ts';
import { summary } from './entry-text.ts';
import { floorFacts, layFloors } from './lay-floors.ts';
import { Refusal } from './perform.ts';
import {
  actionDifferences,
  inputDifferences,
  inputsOf,
  type PlanFile,
  planFileHash,
  valuesOf,
} from './plan-value.ts';
import type { Ports } from './ports.ts';
import { sinceLast } from './since-last.ts';
import { compileRevision, takeRevision } from './take-revision.ts';
import { safe } from './time.ts';

const planSchema = z.strictObject({
  format: z.literal(1),
  hash: z.string(),
  commit: z.string(),
  target: z.string().optional(),
  actions: z.array(
    z.strictObject({
      target: z.string(),
      policy: z.string(),
      rule: z.string(),
      group: z.string(),
      outcome: z.enum(['act', 'ask']),
      step: z.string(),
      verb: z.string(),
      subject: z.string(),
      args: z.record(z.string(), z.json()),
      later: z.array(z.string()),
      planHash: z.string(),
      approval: z.string().optional(),
    }),
  ),
  inputs: z.record(
    z.string(),
    z.strictObject({
      takenAt: z.number(),
      policies: z.record(z.string(), z.string()),
      values: z.record(z.string(), z.union([z.number(), z.string(), z.boolean()])),
      serving: z.string(),
    }),
  ),
});

const output = z.object({
  hash: z.string(),
  applied: z.boolean(),
  differences: z.array(z.string()).describe('Why nothing was done: what changed since the plan was made.'),
  waiting: z.array(z.string()).describe('Approvals that it waits for; approve them and apply again.'),
  written: z.array(z.string()),
});

export const apply = command({
  name: 'apply',
  title: 'Apply a saved plan',
  description:
    'Does exactly what a plan saved by `flyball plan --out FILE` says. Looks again first: when the commit, a policy, a value of the time of the plan, what serves, or what would follow differs, nothing is done, the difference is named, and the exit code is 1. An action that needs approval is asked for; once it is approved, apply the same plan again. Other targets are left alone.',
  input: z.strictObject({ plan: z.string().max(500).describe('The file that `plan --out` wrote.') }),
  output,
  positional: ['plan'],
  role: 'operator',
  effect: 'operate',
  reach: 'fleet',
  terminal: true,
  examples: ['flyball plan --out plan.json && flyball apply plan.json'],
  run: async (ports, { plan }) => applyPlan(ports, await readPlan(ports, plan)),
  text: (found, paint) =>
    [
      found.applied
        ? paint.good(`plan ${found.hash.slice(0, 12)} was applied`)
        : paint.bad(`plan ${found.hash.slice(0, 12)} was not applied: something changed since`),
      ...found.differences.map(one => `  ${one}`),
      ...found.written.map(one => `  ${one}`),
      ...found.waiting.map(one => paint.warn(`waits for approval ${one}; then apply this plan again`)),
    ].join('\n'),
  exit: found => (!found.applied ? 1 : found.waiting.length > 0 ? 2 : 0),
});

async function readPlan(ports: Ports, path: string): Promise<PlanFile> {
  if (!ports.disk) throw new Refusal('apply: only a terminal may apply a plan.');
  const text = await ports.disk.read(path);
  const checked = planSchema.safeParse(parsed(text, path));
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw new Refusal(
      `${path}: ${issue?.path.join('.') || 'the whole'}: ${issue?.message ?? 'not understood'}; expected a file that 'flyball plan --out' wrote.`,
    );
  }
  const plan = checked.data as PlanFile;
  if (planFileHash(plan) !== plan.hash)
    throw new Refusal(
      `${path}: its content does not fit its hash ${plan.hash.slice(0, 12)}: it was edited. Make a new plan.`,
    );
  return plan;
}

function parsed(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(`${path}: it is no JSON; expected a file that 'flyball plan --out' wrote.`);
  }
}

type Applied = z.input<typeof output>;

async function applyPlan(ports: Ports, plan: PlanFile): Promise<Applied> {
  const running = await ports.engine();
  if (running !== undefined || !ports.daemon)
    throw new Refusal(
      `apply: the engine (process ${running ?? 'elsewhere'}) runs and acts by itself when its policies say enforce; stop it to apply a plan by hand.`,
    );
  let done: Applied | undefined;
  await ports.daemon.once(async () => {
    done = await underLock(ports, plan);
  });
  if (done === undefined) throw new Refusal('apply: stopped before anything was done.');
  return done;
}

async function underLock(ports: Ports, plan: PlanFile): Promise<Applied> {
  const { world, repository, settings, daemon } = ports;
  const refused = (differences: string[]): Applied => ({
    ...{ hash: plan.hash, applied: false, differences, waiting: [], written: [] },
  });
  await layFloors(ports);
  const head = await repository.head();
  if (head.sha !== plan.commit)
    return refused([`the branch was at ${plan.commit.slice(0, 7)}, is at ${head.sha.slice(0, 7)}`]);
  const taken = await compileRevision(world, settings.env, head, await repository.files(head.sha));
  const { revision } = taken;
  if (!revision) return refused(['the commit has mistakes, and nothing is in force']);
  const chains = Object.keys(plan.inputs);
  const differences: string[] = [];
  for (const chain of chains) {
    const seen = await look(world, chain, { all: true, revision, facts: floorFacts(settings) });
    differences.push(
      ...(seen ? await compared(ports, plan, chain, seen) : [`${chain} is not known any more`]),
    );
  }
  if (differences.length > 0 || !daemon) return refused(differences);
  const before = await world.store.revision();
  if (before?.commit.sha !== head.sha)
    await takeRevision(world, taken, await sinceLast(repository, before, head, world.clock()));
  const heads = new Map<string, number>();
  for (const chain of chains) {
    heads.set(chain, (await world.store.target(chain))?.own.seq ?? 0);
    // No input of its own: the plan's episodes are named by where they open in the chain.
    await tick(world, chain, { all: true });
  }
  await settleAll(world, daemon.pause, daemon.stopped, chain => heads.has(chain));
  return { ...(await outcome(ports, heads)), hash: plan.hash, applied: true, differences: [] };
}

/** Values of the plan's own time, taken again: late rows and corrections show. Then what would follow now. */
async function compared(ports: Ports, plan: PlanFile, chain: string, seen: Look): Promise<string[]> {
  const before = plan.inputs[chain];
  if (!before) return [`${chain} is not in the plan`];
  const { world } = ports;
  const moment = { at: before.takenAt, last: undefined, all: true, ...trainedOf(seen) };
  const history = { own: seen.row.own, facts: seen.facts };
  const wanted = wants(seen.policies, history, moment, world.catalogue.evaluators);
  const again = await observe(world, wanted.wants, askedNothing());
  const known = new Set(wanted.wants.map(want => `${want.policy}/${want.name}`));
  const now = { ...inputsOf(seen), values: valuesOf(again) };
  const values = Object.fromEntries(
    Object.entries(before.values).filter(([name]) => known.has(name.split(' [')[0] ?? '')),
  );
  return [...inputDifferences(chain, { ...before, values }, now), ...actionDifferences(plan, chain, seen)];
}

function trainedOf({ snapshot }: Look) {
  return snapshot.serving?.trained ? { trained: snapshot.serving.trained } : {};
}

async function outcome(ports: Ports, heads: ReadonlyMap<string, number>) {
  const written: string[] = [];
  const waiting: string[] = [];
  for (const [chain, seq] of heads) {
    for (const { body } of await ports.world.store.entries({ chain, from: seq + 1 }))
      if ('cause' in body) written.push(`${chain} ${safe(summary(body as Parameters<typeof summary>[0]))}`);
    const row = await ports.world.store.target(chain);
    waiting.push(...Object.keys(row?.own.asks ?? {}));
  }
  return { written, waiting };
}
