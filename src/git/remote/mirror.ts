/**
 * Follows a remote repository: fetches its branch at every poll and whenever it is told, and takes its head if that may be
 * trusted. While the remote is down, or its head is refused, what was taken before stays.
 */
import { errorCode } from '../objects.ts';
import { branchRef, readRef } from '../refs.ts';
import type { PolicyRepository } from '../repository.ts';
import { fetchBranch, type Remote, takeHead } from './clone.ts';
import { type Keys, unsignedProblem } from './signatures.ts';

export interface MirrorState {
  readonly url: string;
  readonly fetchedAt?: number;
  readonly failing?: { readonly since: number; readonly problem: string };
  readonly refused?: { readonly sha: string; readonly problem: string };
}

export interface Mirror {
  look(): MirrorState;
  /** Looks at the remote now; of several who ask meanwhile, one look more serves all. Throws what kept it from being fetched. */
  fetch(): Promise<void>;
  /** The same without waiting, and without an error. */
  poke(): void;
  /** Polls until it is closed. */
  follow(pollMs: number): void;
  close(): Promise<void>;
}

export interface MirrorOptions {
  readonly repository: () => Promise<PolicyRepository>;
  readonly remote: () => Remote;
  /** When only signed commits are taken: whose. */
  readonly keys?: () => Promise<Keys>;
  readonly now: () => number;
  /** Told whenever something of it changes. */
  readonly onState?: (state: MirrorState) => Promise<void> | void;
}

/** Polls and pokes alike lead to one look at a time. */
export function mirror({
  repository,
  remote,
  keys,
  now,
  onState,
  url,
}: MirrorOptions & { readonly url: string }): Mirror {
  let state: MirrorState = { url };
  let running: Promise<void> | undefined;
  let queued: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const tell = async (next: MirrorState) => {
    const changed = JSON.stringify({ ...next, fetchedAt: 0 }) !== JSON.stringify({ ...state, fetchedAt: 0 });
    state = next;
    if (changed || next.failing === undefined) await onState?.(next);
  };
  const look = async () => {
    try {
      const opened = await repository();
      const sha = await fetchBranch(opened, remote(), opened.branch);
      const refused = await refusedHead(opened, sha, keys);
      if (!refused) await takeHead(opened, sha);
      await tell({ url, fetchedAt: now(), ...(refused ? { refused } : {}) });
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      // A branch that moved under us is seen at the next look, and is no trouble of the remote.
      if (errorCode(error) !== 'branch-moved')
        await tell({ ...state, failing: { since: state.failing?.since ?? now(), problem } });
      throw error;
    }
  };
  const start = () => {
    running = look().finally(() => {
      running = undefined;
    });
    return running;
  };
  const fetch = (): Promise<void> => {
    if (!running) return start();
    queued ??= running
      .catch(() => undefined)
      .then(() => {
        queued = undefined;
        return start();
      });
    return queued;
  };
  const poke = () => {
    if (!closed && !queued) fetch().catch(() => undefined);
  };
  return {
    look: () => state,
    fetch,
    poke,
    follow(pollMs) {
      const again = () => {
        if (closed) return;
        fetch()
          .catch(() => undefined)
          .finally(() => {
            if (!closed) timer = setTimeout(again, pollMs);
          });
      };
      again();
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await (queued ?? running)?.catch(() => undefined);
    },
  };
}

async function refusedHead(
  { gitDir, branch }: PolicyRepository,
  sha: string,
  keys: MirrorOptions['keys'],
): Promise<MirrorState['refused']> {
  const taken = await readRef(gitDir, branchRef(branch));
  if (!keys || taken === sha) return undefined;
  const problem = await unsignedProblem(gitDir, await keys(), sha, taken);
  return problem === undefined ? undefined : { sha, problem };
}
