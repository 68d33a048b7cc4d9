/**
 * One policy over past observations, by the live driver on a virtual clock. Open loop: what would have been done changes
 * nothing that was observed. People and effects are assumed, or taken from the ledger where it holds them.
 */
import { chainOf } from '../engine/ids.ts';
import { type SeenTick, type Simulated, simulate } from '../engine/simulate.ts';
import type {
  Action,
  Catalogue,
  Cause,
  ClosedPolicy,
  Commit,
  Entry,
  Interval,
  Observation,
  Store,
  Verdict,
  Want,
} from '../model.ts';

export interface Assumed {
  /** A yes comes this long after it was asked for. */
  readonly approvalMs: number;
  /** Every effect succeeds after this long, or halfway to its deadline. */
  readonly effectMs: number;
}

export interface Past {
  readonly policy: ClosedPolicy;
  readonly commit: Commit;
  readonly within: Interval;
  readonly catalogue: Catalogue;
  readonly observe: (want: Extract<Want, { request: unknown }>, at: number) => Promise<Observation>;
  /** When it was looked at, where that is on record; else at its slots. */
  readonly ticks?: readonly number[];
  /** Entries of the chain, for what people and effects really did. */
  readonly ledger: readonly Entry[];
  readonly assumed: Assumed;
  readonly champion?: string;
}

export interface Backtested {
  readonly entries: readonly Entry[];
  readonly verdicts: readonly (Verdict & { readonly at: number })[];
  /** When it was looked at. */
  readonly ticks: readonly number[];
  readonly problems: readonly string[];
}

/** Runs the policy as if enforced, over an empty store that it closes. */
export async function backtestPolicy(past: Past, store: Store): Promise<Backtested> {
  const { policy, commit, within, catalogue, observe, ticks } = past;
  const chain = chainOf(policy.target);
  const enforced: ClosedPolicy = { ...policy, mode: 'enforce', modeFrom: 'a backtest' };
  const verdicts: (Verdict & { at: number })[] = [];
  const looked: number[] = [];
  const onTick = ({ at, last }: SeenTick) => {
    looked.push(at);
    for (const verdict of last.verdicts) verdicts.push({ ...verdict, at });
  };
  const done = didOf(past.ledger, policy.policy);
  const options: Simulated = {
    revision: { commit, policies: [enforced] },
    ...within,
    store,
    catalogue,
    observe,
    effects: action => done.effect(action) ?? assumedEnding(action, past.assumed),
    approvals: (ask, _, at) => {
      const real = done.vote(ask.action);
      if (real) return { ...real, afterMs: Math.max(0, real.afterMs) };
      const by = { name: 'backtest', door: 'daemon', authenticated: false } as const;
      return at >= within.to ? undefined : { decision: 'yes', by, afterMs: past.assumed.approvalMs };
    },
    onTick,
    ...(past.champion === undefined ? {} : { champion: past.champion }),
    ...(ticks === undefined ? {} : { looks: { [chain]: ticks } }),
  };
  try {
    const { problems } = await simulate(options);
    return { entries: await store.entries({ chain }), verdicts, ticks: looked, problems };
  } finally {
    await store.close();
  }
}

type Ending = ReturnType<Simulated['effects']>;

/** It succeeds, in time; a version is named after the action, other outputs stay unknown. */
function assumedEnding(action: Action, { effectMs }: Assumed): Ending {
  const outputs = 'version' in action.call.output ? { version: `backtest-${action.id.slice(0, 6)}` } : {};
  const afterMs = Math.min(effectMs, (action.timeoutMs ?? Number.POSITIVE_INFINITY) / 2);
  return { afterMs, outcome: 'succeeded', outputs };
}

/** What the ledger holds of the same step of the same rule and group, one after the other. */
function didOf(ledger: readonly Entry[], policy: string) {
  const endings = new Map<string, Ending[]>();
  const begun = new Map<string, { readonly at: number; readonly key: string }>();
  const asked = new Map<string, { readonly at: number; readonly key: string }>();
  const said = new Map<string, NonNullable<ReturnType<NonNullable<Simulated['approvals']>>>[]>();
  for (const { at, body } of ledger) {
    if (body.kind === 'intent' && body.cause.policy === policy)
      begun.set(`${body.action.id} ${body.action.attempt}`, { at, key: placeOf(body.cause, body.action) });
    if (body.kind === 'ask' && body.cause.policy === policy)
      asked.set(body.approval, { at, key: placeOf(body.cause, body.action) });
    if (body.kind === 'outcome') {
      const start = begun.get(`${body.action} ${body.attempt}`);
      const { outcome, outputs, message, repeatable } = body;
      if (start)
        push(endings, start.key, {
          afterMs: at - start.at,
          outcome,
          ...(outputs === undefined ? {} : { outputs }),
          ...(message === undefined ? {} : { message }),
          ...(repeatable === undefined ? {} : { repeatable }),
        });
    }
    if (body.kind === 'approval') {
      const start = asked.get(body.approval);
      const { decision, by } = body;
      if (start) push(said, start.key, { decision, by, afterMs: at - start.at });
    }
  }
  return {
    effect: (action: Action) => endings.get(placeOfAction(action))?.shift(),
    vote: (action: Action) => said.get(placeOfAction(action))?.shift(),
  };
}

function placeOf(cause: Cause, action: Action): string {
  return [cause.policy, cause.rule, cause.group, action.step, action.phase].join('/');
}

function placeOfAction(action: Action): string {
  const { origin, step, phase } = action;
  return 'policy' in origin ? [origin.policy, origin.rule, origin.group, step, phase].join('/') : '';
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const there = map.get(key);
  if (there) there.push(value);
  else map.set(key, [value]);
}
