/** One HTTP request to a connection: with a deadline, a limit on the answer, and no redirects. It knows nothing of what is asked. */
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { PortError } from '../model.ts';

export interface HttpRequest {
  /** The connection's name, for messages. */
  readonly connection: string;
  readonly url: URL;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/**
 * The answer, whatever its status below 300 or from 400. Node's own client and not `fetch`, which refuses ports that browsers
 * refuse. Throws PortError: `unreachable` (no connection, broken off, redirect), `timeout` (connected, and no whole answer in
 * time), `budget` (longer than `maxBytes`). Its text depends on the cause alone, so that one outage is one message.
 */
export function requestOf(asked: HttpRequest): Promise<HttpAnswer> {
  const { connection, url, timeoutMs, maxBytes } = asked;
  return new Promise((resolve, reject) => {
    let connected = false;
    const send = url.protocol === 'https:' ? requestHttps : requestHttp;
    // No kept socket: one that the server closed meanwhile would look like an outage.
    const sent = send(url, { method: asked.method, headers: asked.headers, agent: false });
    const fail = (error: PortError) => {
      clearTimeout(timer);
      reject(error);
      sent.destroy();
    };
    const timer = setTimeout(() => fail(late(asked, connected)), timeoutMs);
    sent.once('socket', socket => {
      socket.once('connect', () => {
        connected = true;
      });
    });
    sent.on('error', cause => fail(unreachable(connection, `${url.origin} ${refusal(cause)}`, cause)));
    sent.once('response', (response: IncomingMessage) => {
      const status = response.statusCode ?? 0;
      if (status >= 300 && status < 400)
        return fail(
          unreachable(connection, `${url.origin} redirects elsewhere (${status}), which is not followed`),
        );
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > maxBytes) fail(tooLong(asked));
        else chunks.push(chunk);
      });
      response.on('error', cause => fail(unreachable(connection, `${url.origin} ${refusal(cause)}`, cause)));
      response.once('end', () => {
        clearTimeout(timer);
        resolve({ status, body: Buffer.concat(chunks).toString('utf8') });
      });
    });
    sent.end(asked.body);
  });
}

/** The connection as a whole cannot be asked: the same text for the same cause, whatever the question was. */
export function unreachable(connection: string, found: string, cause?: unknown): PortError {
  return new PortError(
    `connection ${connection}: ${found}; check that the server runs and that the url of the connection is right.`,
    {
      code: 'unreachable',
      retry: 'later',
      subject: connection,
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

const REFUSALS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refuses connections',
  ENOTFOUND: 'has an unknown host name',
  EAI_AGAIN: 'has a host name that could not be looked up',
  ECONNRESET: 'broke the connection off',
  EHOSTUNREACH: 'is on a host that cannot be reached',
  ENETUNREACH: 'is on a network that cannot be reached',
};

function refusal(cause: Error): string {
  const { code = 'unknown' } = cause as NodeJS.ErrnoException;
  return `${REFUSALS[code] ?? 'cannot be reached'} (${code})`;
}

function late({ connection, url, timeoutMs }: HttpRequest, connected: boolean): PortError {
  if (!connected)
    return unreachable(connection, `${url.origin} accepted no connection within ${timeoutMs} ms`);
  return new PortError(
    `connection ${connection}: no answer within ${timeoutMs} ms; raise limits.timeout or ask for less.`,
    { code: 'timeout', retry: 'later', subject: connection },
  );
}

function tooLong({ connection, maxBytes }: HttpRequest): PortError {
  const mebibytes = Math.round(maxBytes / 1_048_576);
  return new PortError(
    `connection ${connection}: the answer is longer than ${mebibytes} MiB and was not read; ask for fewer series, by sum or topk.`,
    { code: 'budget', retry: 'never', subject: connection },
  );
}
