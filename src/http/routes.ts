/** `/metrics`, `/healthz` and `/readyz`: what the command `health` says, as probes and scrapers take it. */
import { type Health, health, lifeless, type Ports, perform } from '../commands/index.ts';
import type { Clock } from '../model.ts';
import type { Metrics } from './metrics.ts';
import { type Answer, plain, type Reply, type Route } from './route.ts';

/** Probes and scrapes within this time share one look at the state, in milliseconds. */
const SHARED_MS = 2000;

/** The routes over one engine's ports. `steady` is a clock that nobody sets. */
export function healthRoutes(ports: Ports, metrics: Metrics, steady: Clock): readonly Route[] {
  const look = shared(() => perform(health, ports, {}) as Promise<unknown> as Promise<Health>, steady);
  const faults = () => (ports.progress ? lifeless(ports.progress.look()) : ['no engine runs here']);
  const asked = (path: string, GET: Answer): Route => ({ path, answers: { GET } });
  return [
    asked('/metrics', async () => {
      const found = await look().catch(() => undefined);
      const body = await metrics.exposition(faults().length === 0, found);
      return { status: 200, type: metrics.type, body };
    }),
    // Without a look at the state: a database that is slow is no reason to end the process.
    asked('/healthz', async () => verdict(faults())),
    asked('/readyz', async () =>
      look().then(
        ({ ready }) => verdict(ready.reasons),
        error => verdict([error instanceof Error ? error.message : String(error)]),
      ),
    ),
  ];
}

function verdict(reasons: readonly string[]): Reply {
  return reasons.length === 0 ? plain(200, 'ok') : plain(503, reasons.join('\n'));
}

/** The same answer for all who ask within `SHARED_MS`; one that failed is not kept. */
function shared<T>(look: () => Promise<T>, steady: Clock): () => Promise<T> {
  let last: { readonly at: number; readonly answer: Promise<T> } | undefined;
  return () => {
    const at = steady();
    if (last && at - last.at < SHARED_MS) return last.answer;
    const answer = look();
    last = { at, answer };
    answer.catch(() => {
      if (last?.answer === answer) last = undefined;
    });
    return answer;
  };
}
