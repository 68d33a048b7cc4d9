/** MCP on standard input and output, which carries nothing else. */
import type { Transport } from '@modelcontextprotocol/server';
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio';
import type { Caller } from '../commands/index.ts';
import type { Log } from '../model.ts';
import { buildServer } from './server.ts';
import { serveSubscriptions, tellAll } from './subscriptions.ts';

/** Serves until the client closes its end. */
export async function serve(caller: Caller, version: string, log: Log): Promise<void> {
  keepStdoutClean(log);
  const closed = new Promise<void>(resolve => process.stdin.once('close', resolve).once('end', resolve));
  // The first message of a connection may be the one that listens, before there is a server.
  let listens = false;
  let follow = () => {};
  const subscribe = caller.changes !== undefined;
  const handle = serveStdio(
    ({ era }) => {
      const server = buildServer(caller, version, { log, subscribe });
      if (subscribe && era === 'legacy') serveSubscriptions(server, caller);
      if (subscribe && era === 'modern') follow = tellAll(server, caller);
      if (listens) follow();
      return server;
    },
    {
      transport: heard(new StdioServerTransport(), 'subscriptions/listen', () => {
        listens = true;
        follow();
      }),
      onerror: error => log.warn({ error: error.message }, 'mcp connection'),
    },
  );
  await closed;
  await handle.close();
}

/** The same transport, which tells when a method is asked for: the library serves that one by itself. */
function heard(wire: Transport, method: string, tell: () => void): Transport {
  const outer: Transport = {
    start: () => {
      wire.onmessage = (message, extra) => {
        if ('method' in message && message.method === method) tell();
        outer.onmessage?.(message, extra);
      };
      wire.onclose = () => outer.onclose?.();
      wire.onerror = error => outer.onerror?.(error);
      return wire.start();
    },
    send: (message, options) => wire.send(message, options),
    close: () => wire.close(),
  };
  return outer;
}

/** A library that prints would break the protocol: its words go to the log. */
function keepStdoutClean(log: Log): void {
  const say = (...words: readonly unknown[]) =>
    log.warn({ words: words.map(String).join(' ').slice(0, 500) }, 'printed');
  Object.assign(console, { log: say, info: say, debug: say, dir: say, table: say });
}
