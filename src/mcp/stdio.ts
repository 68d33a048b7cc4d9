/** MCP on standard input and output, which carries nothing else. */
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import type { Caller } from '../commands/index.ts';
import type { Log } from '../model.ts';
import { buildServer } from './server.ts';
import { serveSubscriptions, tellAll } from './subscriptions.ts';

/** Serves until the client closes its end. */
export async function serve(caller: Caller, version: string, log: Log): Promise<void> {
  keepStdoutClean(log);
  const closed = new Promise<void>(resolve => process.stdin.once('close', resolve).once('end', resolve));
  const handle = serveStdio(
    ({ era }) => {
      const server = buildServer(caller, version, { log, subscribe: true });
      if (era === 'legacy') serveSubscriptions(server, caller);
      else tellAll(server, caller);
      return server;
    },
    { onerror: error => log.warn({ error: error.message }, 'mcp connection') },
  );
  await closed;
  await handle.close();
}

/** A library that prints would break the protocol: its words go to the log. */
function keepStdoutClean(log: Log): void {
  const say = (...words: readonly unknown[]) =>
    log.warn({ words: words.map(String).join(' ').slice(0, 500) }, 'printed');
  Object.assign(console, { log: say, info: say, debug: say, dir: say, table: say });
}
