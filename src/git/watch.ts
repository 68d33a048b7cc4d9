/** Notices that a branch has a new head: file watching for speed, a poll in case the watching is lost. */
import { join } from 'node:path';
import { watch } from 'chokidar';
import type { Commit } from '../model.ts';
import { branchRef } from './refs.ts';
import type { PolicyRepository } from './repository.ts';

export interface Watch {
  /** Stops watching and waits for a callback that is under way. */
  close(): Promise<void>;
}

export interface WatchOptions {
  /** The commit that the caller has already taken; without it the present head is reported too. */
  readonly from?: string;
  /** Real time between polls. */
  readonly pollMs?: number;
  /** Told once per distinct message when looking or the callback fails; the next poll tries again. */
  readonly onError?: (error: unknown) => void;
}

/**
 * Calls `onChange` with the branch's head whenever it is not the one that was last taken, and again at the next poll if
 * the callback threw. Calls never overlap; heads that came and went in between are skipped. Nothing is thrown: trouble
 * goes to `onError`.
 */
export function watchBranch(
  repository: PolicyRepository,
  onChange: (head: Commit) => Promise<void> | void,
  options: WatchOptions = {},
): Watch {
  const { gitDir, branch } = repository;
  let taken = options.from;
  const look = async () => {
    const head = await repository.head();
    if (head.sha === taken) return;
    await onChange(head);
    taken = head.sha;
  };
  const paths = [branchRef(branch), 'packed-refs', 'HEAD'].map(name => join(gitDir, name));
  return follow({ paths, look, ...options });
}

/** Runs `look` at once, after every change below `paths`, and every `pollMs`; never twice at the same time. */
export function follow(options: {
  readonly paths: readonly string[];
  readonly look: () => Promise<void>;
  readonly pollMs?: number;
  readonly onError?: (error: unknown) => void;
  readonly ignored?: (path: string) => boolean;
}): Watch {
  const { paths, look, pollMs = 1000, onError } = options;
  let running: Promise<void> | undefined;
  let again = false;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let reported: string | undefined;

  const attempt = async () => {
    try {
      await look();
      reported = undefined;
    } catch (error) {
      const text = String(error);
      if (text !== reported) onError?.(error);
      reported = text;
    }
  };
  const run = async () => {
    do {
      again = false;
      await attempt();
    } while (again && !closed);
  };
  const trigger = () => {
    if (closed) return;
    again = true;
    clearTimeout(timer);
    running ??= run().finally(() => {
      running = undefined;
      if (!closed) timer = setTimeout(trigger, pollMs);
    });
  };

  const watcher = watch([...paths], {
    ignoreInitial: true,
    ...(options.ignored && { ignored: options.ignored }),
  });
  watcher.on('all', trigger);
  // Watching may be refused (no inotify watches left, a network disk): the poll goes on.
  watcher.on('error', () => undefined);
  trigger();

  return {
    async close() {
      closed = true;
      clearTimeout(timer);
      await watcher.close();
      await running;
    },
  };
}
