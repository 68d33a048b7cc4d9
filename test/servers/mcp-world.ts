/** Flyball's MCP over HTTP on a loopback listener, on a state of its own, for suites that know the protocol only. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localhostHostValidation, localhostOriginValidation } from '@modelcontextprotocol/node';
import { type Caller, callerOf, grantAll, type Ports } from '../../src/commands/index.ts';
import { initRepository } from '../../src/git/init.ts';
import { mcpHandler } from '../../src/mcp/http.ts';
import type { Fixtures } from '../../src/mcp/server.ts';
import { open } from '../../src/wiring.ts';

export interface World {
  readonly url: string;
  readonly ports: Ports;
  close(): Promise<void>;
}

const silent = { info: () => {}, warn: () => {}, error: () => {} };

/** Opens it with the fixtures that `of` gives; `change` is there for them to tell of changes. */
export async function mcpWorld(
  policies: Readonly<Record<string, string>>,
  of?: (change: { tools(): void; prompts(): void }) => Fixtures,
): Promise<World> {
  const home = mkdtempSync(join(tmpdir(), 'flyball-mcp-'));
  const repository = join(home, 'policies');
  const author = { name: 'Ana', email: 'ana@acme.example' };
  const files = Object.entries(policies).map(([path, text]) => ({ path, text }));
  await initRepository({ dir: repository, files, author, at: Date.now() });
  const settings = {
    home,
    state: join(home, 'state'),
    repository,
    branch: 'main',
    env: 'test',
    trust: 'local-user',
  } as const;
  const principal = { name: 'agent of tests', door: 'mcp', authenticated: false } as const;
  const opened = await open(settings, { principal, grants: grantAll('operator'), log: silent });
  const caller: Caller = callerOf(opened.ports);
  const change = {
    tools: () => door.told({ kind: 'tools_list_changed' }),
    prompts: () => door.told({ kind: 'prompts_list_changed' }),
  };
  const fixtures = of?.(change);
  const door = mcpHandler({
    callerFor: () => caller,
    version: '0.0.0',
    log: silent,
    ...(fixtures ? { fixtures } : {}),
  });
  const [host, origin] = [localhostHostValidation(), localhostOriginValidation()];
  const server = createServer((request, response) => {
    if (host(request, response) && origin(request, response))
      void door.handle(request as never, response as never);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    ports: opened.ports,
    close: async () => {
      await door.close();
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
      await opened.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
