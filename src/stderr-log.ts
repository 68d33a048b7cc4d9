/** Structured logs on stderr; standard output belongs to results and to the protocol. */
import { pino } from 'pino';
import type { Log } from './model.ts';

/** One JSON object a line, from `level` on: trace, debug, info, warn, error, silent. */
export function stderrLog(level: string): Log {
  return pino({ name: 'flyball', level }, pino.destination({ fd: 2, sync: true }));
}
