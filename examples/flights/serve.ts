/** The serving process: scores a day's flights on request, by the weights file, until it is told to stop. */
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Classifier } from './classifier.ts';
import { layout, startOf } from './layout.ts';
import { scoreDay } from './scoring.ts';
import { appear, openWarehouse } from './warehouse.ts';

const bodyBytesMax = 10_000;

/**
 * A server on 127.0.0.1 whose port stands in `serving/late-flights/port`. `POST /score` with `{"day":"2001-02-01"}` answers
 * `{"day":…,"versions":{"v1":16500}}`; it follows the weights file at every request. `close` ends it and removes the port file.
 */
export async function startServing(
  root: string,
  port = 0,
): Promise<{ readonly port: number; readonly close: () => Promise<void> }> {
  const warehouse = await openWarehouse();
  const models = new Map<string, Classifier>();
  let turn: Promise<unknown> = Promise.resolve();
  const server = createServer((request, response) => {
    answer(request, response, day => {
      const scored = turn.then(() => scoreDay(warehouse, models, root, day));
      turn = scored.catch(() => undefined);
      return scored;
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const bound = (server.address() as AddressInfo).port;
  await appear(layout(root).port, temporary => writeFile(temporary, `${bound}\n`));
  return {
    port: bound,
    close: async () => {
      server.close();
      server.closeIdleConnections();
      await turn;
      warehouse.close();
      await rm(layout(root).port, { force: true });
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  scoreOne: (day: string) => Promise<Readonly<Record<string, number>>>,
): Promise<void> {
  try {
    if (request.method === 'GET' && request.url === '/health') return reply(response, 200, { ok: true });
    if (request.method !== 'POST' || request.url !== '/score')
      return reply(response, 404, { error: `${request.method} ${request.url}; expected POST /score` });
    const day = (JSON.parse(await bodyOf(request)) as { readonly day?: unknown }).day;
    if (typeof day !== 'string')
      return reply(response, 400, { error: 'day: none; expected {"day":"YYYY-MM-DD"}' });
    startOf(day);
    reply(response, 200, { day, versions: await scoreOne(day) });
  } catch (cause) {
    reply(response, 400, { error: cause instanceof Error ? cause.message : String(cause) });
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const part of request.setEncoding('utf8')) {
    body += part;
    if (body.length > bodyBytesMax)
      throw new Error(`body: over ${bodyBytesMax} characters; expected {"day":…}`);
  }
  return body;
}

function reply(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  response.end(`${JSON.stringify(value)}\n`);
}

if (import.meta.main) {
  const root = process.env.FLYBALL_ROOT ?? process.argv[2];
  if (!root) {
    process.stderr.write('serve: no state folder; expected it in FLYBALL_ROOT or as the first argument\n');
    process.exitCode = 1;
  } else {
    const serving = await startServing(root);
    process.stdout.write(`${serving.port}\n`);
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void serving.close());
  }
}
