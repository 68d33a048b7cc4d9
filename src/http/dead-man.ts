/** The dead man's switch: an address that is asked again and again while the engine lives, and that alarms when that ends. */
import type { Log } from '../model.ts';

/** One call may take this long; the engine's end waits for it. */
const TIMEOUT_MS = 5000;

export interface DeadMan {
  /** It may hold secrets, and is never logged. */
  readonly url: string;
  readonly everyMs: number;
  readonly alive: () => boolean;
  /** Waits in real time, less when the engine is told to stop. */
  readonly pause: (ms: number) => Promise<unknown>;
  readonly stopped: () => boolean;
  readonly log: Log;
  readonly told: (result: 'ok' | 'failed' | 'withheld') => void;
}

/** Until `stopped`. It waits before its first call: an engine that dies at each start must not look alive. */
export async function keepDeadManQuiet(of: DeadMan): Promise<void> {
  for (;;) {
    await of.pause(of.everyMs);
    if (of.stopped()) return;
    if (!of.alive()) {
      of.told('withheld');
      of.log.warn({}, 'dead man is not told: the engine is not alive');
      continue;
    }
    const failure = await call(of.url);
    of.told(failure === undefined ? 'ok' : 'failed');
    if (failure !== undefined) of.log.warn({ failure }, 'dead man could not be told');
  }
}

/** Undefined when it answered well, else a word for why not. Errors of the network may quote the address. */
async function call(url: string): Promise<string | undefined> {
  try {
    const answer = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS) });
    await answer.body?.cancel();
    return answer.ok ? undefined : `status ${answer.status}`;
  } catch (error) {
    const { name, cause } = error as Error & { cause?: { code?: string } };
    return cause?.code ?? name;
  }
}
