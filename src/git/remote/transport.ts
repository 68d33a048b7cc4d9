/** How the remote repository is spoken to: with its token to its own host only, in bounds of time and size. */
import type { HttpClient } from 'isomorphic-git';
import { PortError } from '../../model.ts';

/** Bytes of one answer: far above any policy repository. */
export const ANSWER_MAX = 256 * 1024 * 1024;
const TIMEOUT_MS = 120_000;
const REDIRECTS_MAX = 5;

export interface TransportOptions {
  readonly token?: string | undefined;
  /** Bytes of one answer. */
  readonly most?: number;
  readonly timeoutMs?: number;
}

/**
 * An HTTP client for isomorphic-git. The token goes to the origin of `url` and nowhere else; a redirect elsewhere is refused,
 * as whoever serves it would say what is enforced. Throws PortError; no message holds the token.
 */
export function transport(
  url: string,
  { token, most = ANSWER_MAX, timeoutMs = TIMEOUT_MS }: TransportOptions,
): HttpClient {
  const { origin } = new URL(url);
  const authorization =
    token === undefined
      ? {}
      : { authorization: `Basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}` };
  return {
    request: async ({ url: asked, method = 'GET', headers = {}, body }) => {
      const sent = body === undefined ? undefined : await collected(body);
      let at = new URL(asked);
      for (let hop = 0; hop <= REDIRECTS_MAX; hop++) {
        if (at.origin !== origin)
          throw refused(
            origin,
            `it redirects to ${at.origin}; expected its own host, so nothing was sent there`,
          );
        const answer = await fetch(at, {
          method,
          headers: { ...headers, ...authorization },
          ...(sent ? { body: sent } : {}),
          redirect: 'manual',
          signal: AbortSignal.timeout(timeoutMs),
        }).catch(cause => {
          throw unreachable(origin, cause, timeoutMs);
        });
        const next = answer.headers.get('location');
        if (answer.status >= 300 && answer.status < 400 && next !== null) {
          await answer.body?.cancel();
          at = new URL(next, at);
          continue;
        }
        if (answer.status === 401 || answer.status === 403) {
          await answer.body?.cancel();
          throw refused(
            origin,
            `it answers ${answer.status}: ${token === undefined ? 'it wants a token; set remote.token' : 'the token is not one that may do this, or is over'}`,
          );
        }
        return {
          url: at.href,
          method,
          statusCode: answer.status,
          statusMessage: answer.statusText,
          headers: Object.fromEntries(answer.headers),
          body: bounded(answer, origin, most),
        };
      }
      throw refused(origin, `it redirects more than ${REDIRECTS_MAX} times`);
    },
  };
}

async function collected(
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  return new Uint8Array(Buffer.concat(parts));
}

async function* bounded(answer: Response, origin: string, most: number): AsyncIterableIterator<Uint8Array> {
  let size = 0;
  if (!answer.body) return;
  for await (const part of answer.body as unknown as AsyncIterable<Uint8Array>) {
    size += part.length;
    if (size > most)
      throw refused(
        origin,
        `it sends more than ${most} bytes; expected a repository of policies, without large files in its history`,
      );
    yield part;
  }
}

function refused(origin: string, problem: string): PortError {
  return new PortError(`remote repository at ${origin}: ${problem}.`, {
    code: 'remote-refused',
    retry: 'later',
    subject: origin,
  });
}

function unreachable(origin: string, cause: unknown, timeoutMs: number): PortError {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const timedOut = inner instanceof Error && inner.name === 'TimeoutError';
  const why = timedOut
    ? `no answer within ${timeoutMs / 1000} s`
    : inner instanceof Error
      ? inner.message
      : String(inner);
  return new PortError(`remote repository at ${origin}: it cannot be reached (${why}).`, {
    code: 'remote-unreachable',
    retry: 'later',
    subject: origin,
  });
}
