/** Answers of the door that are no tool: what goes wrong in them is told without an exception's own text. */
import { ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server';
import { Refusal } from '../commands/index.ts';
import type { Log } from '../model.ts';

/** The work, whose errors are those of the protocol. */
export function guarded<A extends unknown[], T>(
  log: Log,
  work: (...args: A) => T | Promise<T>,
): (...args: A) => Promise<T> {
  return async (...args) => {
    try {
      return await work(...args);
    } catch (error) {
      if (error instanceof ProtocolError) throw error;
      if (error instanceof Refusal)
        throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'Refused: not there, or not for you.');
      log.error({ error: error instanceof Error ? error.message : String(error) }, 'mcp answer failed');
      throw new ProtocolError(
        ProtocolErrorCode.InternalError,
        'An error in Flyball itself; a person finds it in its log.',
      );
    }
  };
}
