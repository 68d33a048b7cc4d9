/** Raw JSON-RPC with `flyball mcp`, for what no well-behaved client would send. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { BIN, type Home } from './home.ts';
import { until } from './until.ts';

export interface Asked {
  readonly method: string;
  readonly params: unknown;
}

/**
 * Says hello, sends each message once the one before was answered, and closes. `answers` has the hello's first; `stray` is
 * what stood on standard output and was no JSON-RPC.
 */
export async function conversation(
  home: Home,
  messages: readonly Asked[],
): Promise<{
  readonly answers: readonly object[];
  readonly stray: readonly string[];
  readonly code: number | null;
}> {
  const child = spawn(process.execPath, [BIN, 'mcp'], {
    cwd: home.dir,
    env: home.env,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const answers: { readonly id?: unknown }[] = [];
  const stray: string[] = [];
  createInterface({ input: child.stdout }).on('line', line => {
    const message = parsed(line);
    if (message === undefined) stray.push(line);
    else answers.push(message);
  });
  const exit = new Promise<number | null>(resolve => child.once('close', resolve));
  const send = (message: object) => child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  const hello = {
    protocolVersion: '2025-11-25',
    capabilities: { elicitation: {}, sampling: {}, roots: {} },
    clientInfo: { name: 'raw', version: '1' },
  };
  const all = [{ method: 'initialize', params: hello }, ...messages];
  for (const [id, message] of all.entries()) {
    send({ id, ...message });
    await until(
      `message ${id} is answered`,
      () => answers.find(answer => answer.id === id),
      () => [answers, stray],
    );
    if (id === 0) send({ method: 'notifications/initialized' });
  }
  child.stdin.end();
  return { answers, stray, code: await exit };
}

function parsed(line: string): { readonly id?: unknown } | undefined {
  try {
    const message = JSON.parse(line) as { readonly jsonrpc?: unknown; readonly id?: unknown } | null;
    return message?.jsonrpc === '2.0' ? message : undefined;
  } catch {
    return undefined;
  }
}
