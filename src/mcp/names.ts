/** Names that a principal may see, for lists and completions. */
import { type Caller, type Command, commands } from '../commands/index.ts';
import type { JsonObject } from '../model.ts';

export interface Names {
  readonly kinds: readonly string[];
  /** `model/churn`. */
  readonly chains: readonly string[];
  /** `churn`, of any kind. */
  readonly targets: readonly string[];
  readonly models: readonly string[];
  readonly policies: readonly string[];
  readonly actions: readonly string[];
  readonly approvals: readonly string[];
}

/** Completions are at most so many, by the protocol. */
const MOST_COMPLETIONS = 100;
/** Lists are read to this many names. */
const MOST_NAMES = 10_000;

/** Those of a list that begin with what was typed, in order. */
export function startingWith(names: readonly string[], typed: string): string[] {
  return names.filter(name => name.startsWith(typed)).slice(0, MOST_COMPLETIONS);
}

/** All names that are known to the caller; none of a kind that it may not list. */
export async function knownNames(caller: Caller): Promise<Names> {
  const [targets, policies, actions, approvals] = await Promise.all([
    rowsOf(caller, 'targets', 'targets'),
    rowsOf(caller, 'policies', 'policies'),
    rowsOf(caller, 'actions', 'actions', 100),
    rowsOf(caller, 'approvals', 'approvals'),
  ]);
  const chains = unique(targets.map(row => row.target));
  return {
    kinds: unique(chains.map(chain => chain.split('/')[0])),
    chains,
    targets: unique(chains.map(chain => chain.slice(chain.indexOf('/') + 1))),
    models: chains.filter(chain => chain.startsWith('model/')).map(chain => chain.slice('model/'.length)),
    policies: unique(policies.map(row => row.policy)),
    actions: unique(actions.map(row => row.action ?? row.id)),
    approvals: unique(approvals.map(row => row.approval)),
  };
}

function unique(values: readonly unknown[]): readonly string[] {
  return [...new Set(values.filter(value => typeof value === 'string'))].sort();
}

/** The rows of a list, page after page. */
async function rowsOf(
  caller: Caller,
  name: string,
  list: string,
  most = MOST_NAMES,
): Promise<readonly JsonObject[]> {
  const command = commands.find(one => one.name === name);
  if (!command || !caller.may(command)) return [];
  const rows: JsonObject[] = [];
  for (let cursor: unknown; rows.length < most; ) {
    const { output } = await caller.call(command, { ...pageInput(command, cursor) });
    rows.push(...((output[list] ?? []) as readonly JsonObject[]));
    cursor = output.next;
    if (typeof cursor !== 'string') break;
  }
  return rows;
}

function pageInput(command: Command, cursor: unknown): JsonObject {
  const paged = 'limit' in command.input.shape;
  return { ...(paged ? { limit: 100 } : {}), ...(typeof cursor === 'string' ? { cursor } : {}) };
}
