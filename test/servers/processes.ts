/** Starts real servers for tests: on loopback, with ports that are free, in a temporary folder; and ends exactly those. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../e2e/until.ts';

export interface Server {
  readonly url: string;
  /** Ends it and waits until it is gone. */
  stop(): Promise<void>;
}

/** A new folder for one test file, removed by whoever made it. */
export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(realpathSync(tmpdir()), 'flyball-servers-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }) };
}

/** A port on which nothing listens now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/** Starts a program and waits until its `ready` address answers with a status below 500. */
export async function startServer(
  program: string,
  argv: readonly string[],
  options: { readonly port: number; readonly ready: string },
): Promise<Server> {
  const child = spawn(program, argv, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  let failed: Error | undefined;
  child.stderr.on('data', chunk => {
    said = `${said}${chunk}`.slice(-4000);
  });
  child.once('error', error => {
    failed = error;
  });
  const url = `http://127.0.0.1:${options.port}`;
  try {
    await until(`${program} answers`, async () => {
      if (failed) throw failed;
      if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}: ${said}`);
      const status = await fetch(`${url}${options.ready}`).then(
        async answer => {
          await answer.arrayBuffer();
          return answer.status;
        },
        () => undefined,
      );
      return status !== undefined && status < 500 ? status : undefined;
    });
  } catch (error) {
    await ended(child);
    throw error;
  }
  return { url, stop: () => ended(child) };
}

/** Runs a program to its end. Throws with what it said when it fails. */
export async function run(program: string, argv: readonly string[]): Promise<void> {
  const child = spawn(program, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', chunk => {
      said += String(chunk);
    });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${said}`);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exit = new Promise(resolve => child.once('exit', resolve));
  child.kill('SIGTERM');
  const forced = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await exit;
  clearTimeout(forced);
}
