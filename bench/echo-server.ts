/** The least that a server of the same SDK can be: one tool that gives back what it is given. Stdio, or `http` on a free port. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { z } from 'zod';

const schema = z.object({ text: z.string() });

function build(): McpServer {
  const server = new McpServer({ name: 'echo', version: '1.0.0' }, { capabilities: { tools: {} } });
  const tool = {
    title: 'Echo',
    description: 'Gives back its text.',
    inputSchema: schema,
    outputSchema: schema,
  };
  server.registerTool('echo', tool, async ({ text }) => ({
    content: [{ type: 'text', text }],
    structuredContent: { text },
  }));
  return server;
}

if (process.argv[2] === 'http') {
  const handle = toNodeHandler(createMcpHandler(build));
  const server = createServer(
    (request, response) => void handle(request as Parameters<typeof handle>[0], response),
  );
  server.listen(0, '127.0.0.1', () => {
    process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
  });
} else serveStdio(build);
