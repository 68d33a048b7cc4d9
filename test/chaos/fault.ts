/** The k-th call of the ports, which fails or is the last of a process; calls count from 1. */
import { PortError } from '../../src/model.ts';
import type { Tap } from './tap.ts';

export interface Fault {
  /** None when it is more than there are. */
  readonly at: number;
  /** Before its effect, counting all calls; or after it, counting those that have one. */
  readonly when: 'before' | 'after';
}

/** A tap with that fault, and what it counted. */
export function faultyTap(
  { at, when }: Fault,
  strike: (name: string) => void,
): Tap & { readonly calls: () => number; readonly struck: () => string | undefined } {
  let calls = 0;
  let struck: string | undefined;
  const count = (name: string) => {
    calls += 1;
    if (calls !== at) return;
    struck = name;
    strike(name);
  };
  return {
    before: name => (when === 'before' ? count(name) : undefined),
    after: name => (when === 'after' ? count(name) : undefined),
    calls: () => calls,
    struck: () => struck,
  };
}

/** The call fails; the process lives on. */
export function fail(name: string): never {
  throw new PortError(`${name} broke`, { code: 'broken', retry: 'later', subject: 'test' });
}

/** `kill -9` of this process: nothing runs after it, no handler and no `finally`. */
export function die(): void {
  process.kill(process.pid, 'SIGKILL');
}
