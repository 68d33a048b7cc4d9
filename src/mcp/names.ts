/** Names that a principal may see, for lists and completions. */
import { type Caller, type Command, commands } from '../commands/index.ts';
import type { JsonObject } from '../model.ts';

/** Of targets: `chains` are `model/churn`, `targets` and `models` are `churn`. */
export type NameKind = 'kinds' | 'chains' | 'targets' | 'models' | 'policies' | 'actions' | 'approvals';

/** Completions are at most so many, by the protocol. */
const MOST_COMPLETIONS = 100;
/** Lists are read to this many names. */
const MOST_NAMES = 10_000;

/** Those of a list that begin with what was typed, in order. */
export function startingWith(names: readonly string[], typed: string): string[] {
  return names.filter(name => name.startsWith(typed)).slice(0, MOST_COMPLETIONS);
}

/** Those names of a kind that the caller may see. */
export async function namesOf(caller: Caller, kind: NameKind): Promise<readonly string[]> {
  switch (kind) {
    case 'policies':
      return unique((await rowsOf(caller, 'policies', 'policies')).map(row => row.policy));
    case 'actions':
      return unique((await rowsOf(caller, 'actions', 'actions', 100)).map(row => row.id));
    case 'approvals':
      return unique((await rowsOf(caller, 'approvals', 'approvals')).map(row => row.approval));
    default:
      return ofTargets(unique((await rowsOf(caller, 'targets', 'targets')).map(row => row.target)), kind);
  }
}

function ofTargets(
  chains: readonly string[],
  kind: 'kinds' | 'chains' | 'targets' | 'models',
): readonly string[] {
  const named = (chain: string) => chain.slice(chain.indexOf('/') + 1);
  if (kind === 'kinds') return unique(chains.map(chain => chain.split('/')[0]));
  if (kind === 'targets') return unique(chains.map(named));
  return kind === 'models' ? chains.filter(chain => chain.startsWith('model/')).map(named) : chains;
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
