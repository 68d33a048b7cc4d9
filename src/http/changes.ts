/** `/api/v1/changes`: new entries of the ledger as server-sent events, for whoever may read, as far as they may see. */
import { setTimeout as sleep } from 'node:timers/promises';
import { entryStream, mayPerform, type Ports, type Streamed, status } from '../commands/index.ts';
import { API } from './api.ts';
import type { Identify } from './identify.ts';
import { Problem } from './problem.ts';
import type { Asked, Reply, Route } from './route.ts';
import type { Traffic } from './traffic.ts';

const LOOK_MS = 1000;
/** Looks without news between two comments, which keep proxies from closing the stream. */
const QUIET_LOOKS = 15;
/** Looks of one stream: then whoever follows asks again where it ended, and shows the token again. */
const MOST_LOOKS = 60;

export function changesRoute(ports: Ports, identify: Identify, traffic: Traffic): Route {
  const answer = async (asked: Asked): Promise<Reply> => {
    const speaker = await identify(asked, 'http');
    if (!mayPerform(status, speaker))
      throw new Problem('role', `changes: ${speaker.principal.name} has no role; expected viewer.`);
    traffic.stream(speaker.principal.name, asked);
    const since = sinceOf(asked);
    const pause = () => sleep(LOOK_MS, undefined, { signal: asked.signal }).catch(() => undefined);
    const stream = entryStream({ ...ports, ...speaker }, { since, signal: asked.signal, pause });
    const body = events(stream);
    return { status: 200, type: 'text/event-stream', body, headers: { 'x-accel-buffering': 'no' } };
  };
  return { path: `${API}/changes`, answers: { GET: answer } };
}

/** A stream that broke goes on where the last event that came through was. */
function sinceOf({ headers, query }: Asked): number | undefined {
  const given = headers['last-event-id'] ?? query.get('since') ?? undefined;
  if (given === undefined) return undefined;
  const at = Number(given);
  if (Number.isSafeInteger(at) && at >= 0) return at;
  throw new Problem(
    'input',
    'changes: Last-Event-ID is none of this stream; expected one that an event had.',
  );
}

/** The text of the stream. */
async function* events(stream: AsyncIterable<Streamed>): AsyncGenerator<string> {
  yield `retry: ${LOOK_MS}\n\n`;
  let looks = 0;
  for await (const one of stream) {
    if (one.what === 'entry') {
      const { chain, seq, at, kind } = one;
      yield `id: ${at}\nevent: entry\ndata: ${JSON.stringify({ chain, seq, at, kind })}\n\n`;
      continue;
    }
    if (one.what === 'reset') {
      yield `id: ${one.at}\nevent: reset\ndata: {}\n\n`;
      continue;
    }
    looks += 1;
    if (looks >= MOST_LOOKS) return;
    if (looks % QUIET_LOOKS === 0) yield ': quiet\n\n';
  }
}
