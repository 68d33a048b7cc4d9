/** How a door reaches commands: in this process, or over the socket of the daemon. It is the same table either way. */
import type { JsonObject, Principal } from '../model.ts';
import { mayPerform } from './access.ts';
import { type Change, followChanges } from './changes.ts';
import type { Command } from './command.ts';
import { type CallOptions, enforcementNote, perform } from './perform.ts';
import type { Ports } from './ports.ts';

export interface Called {
  readonly output: JsonObject;
  /** What is to be said with it: that nothing is being enforced. */
  readonly note?: string;
}

export interface Caller {
  /** Throws what `perform` throws. */
  call(command: Command, input: unknown, options?: CallOptions): Promise<Called>;
  /** Whether a command can be allowed at all. */
  may(command: Pick<Command, 'role' | 'effect' | 'scope'>): boolean;
  readonly principal: Principal;
  /** Tells what changes from now on, as far as the principal may see it, until what it gives is called. */
  changes?(listener: (change: Change) => void): () => void;
}

/** Commands in this process. */
export function callerOf(ports: Ports): Caller {
  return {
    principal: ports.principal,
    may: command => mayPerform(command, ports),
    changes: listener => followChanges(ports, listener),
    call: async (command, input, options) => {
      const output = await perform(command, ports, input, options);
      const note = await enforcementNote(command, ports);
      return { output, ...(note === undefined ? {} : { note }) };
    },
  };
}
