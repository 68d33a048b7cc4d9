/** What changed in the ledger, for whoever follows a target, an action or an approval. */
import type { Entry, EntryBody } from '../model.ts';
import { targetsWith } from './access.ts';
import type { Ports } from './ports.ts';

/** A chain that grew, with what its new entries are about. */
export interface Change {
  readonly chain: string;
  readonly actions: readonly string[];
  readonly approvals: readonly string[];
  readonly policies: readonly string[];
}

/** How many entries of one chain are read at once for what they are about. */
const MOST_ENTRIES = 200;

/**
 * Looks every `everyMs` which chains grew that this principal may see, and tells the listener. Gives what ends it. What was
 * there before is not told.
 */
export function followChanges(ports: Ports, listener: (change: Change) => void, everyMs = 1000): () => void {
  let ended = false;
  let timer: NodeJS.Timeout | undefined;
  let known: Readonly<Record<string, string>> | undefined;
  const look = async () => {
    const sees = await targetsWith(ports.grants, 'viewer', ports.world.store);
    const { heads } = await ports.world.store.census(ports.world.clock());
    const grown = Object.keys(heads).filter(chain => heads[chain] !== known?.[chain]);
    for (const chain of known === undefined ? [] : grown) {
      if (sees !== undefined && !sees(chain)) continue;
      const change = changeOf(
        chain,
        (await newEntries(ports, chain, known?.[chain])).map(entry => entry.body),
      );
      if (!ended) listener(change);
    }
    known = heads;
  };
  const again = () => {
    if (ended) return;
    timer = setTimeout(() => void look().catch(tell).finally(again), known === undefined ? 0 : everyMs);
    timer.unref();
  };
  const tell = (error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    ports.world.log.warn({ error: message }, 'changes were not looked for');
  };
  again();
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}

/** Entries after the one with this hash. */
async function newEntries(ports: Ports, chain: string, after: string | undefined): Promise<readonly Entry[]> {
  const newest = await ports.world.store.entries({ chain, newestFirst: true, limit: MOST_ENTRIES });
  const end = newest.findIndex(entry => entry.hash === after);
  return end < 0 ? newest : newest.slice(0, end);
}

/** What the new entries of a chain are about. */
export function changeOf(chain: string, bodies: readonly EntryBody[]): Change {
  const each = (of: (body: EntryBody) => readonly string[]) => [...new Set(bodies.flatMap(of))];
  return { chain, actions: each(actionsIn), approvals: each(approvalsIn), policies: each(policiesIn) };
}

function actionsIn(body: EntryBody): readonly string[] {
  if (!('action' in body) || body.action === undefined) return [];
  return [typeof body.action === 'string' ? body.action : body.action.id];
}

function approvalsIn(body: EntryBody): readonly string[] {
  return 'approval' in body && body.approval !== undefined ? [body.approval] : [];
}

function policiesIn(body: EntryBody): readonly string[] {
  return body.kind === 'revision' ? Object.keys(body.policies) : [];
}
