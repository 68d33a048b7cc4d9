/**
 * What a read tool costs over stdio and HTTP, against an echo tool on the same SDK in the same run, and how soon and how large
 * `flyball mcp` is with 1,000 policies. Raw clients: no library of a client stands between. `node bench/mcp.ts [CALLS]`
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

interface Figure {
  readonly name: string;
  readonly ratio: number;
  readonly limit?: number;
  readonly detail: string;
}

const CALLS = 1000;
const WARM_UP = 150;
const STARTS = 9;
const POLICIES = 1000;
const MOST_RATIO = 2;
const MOST_START_MS = 500;
const MOST_MB = 120;
/** As much as one asker can ask: limits are not what is measured. */
const LISTEN = `listen:
  address: 127.0.0.1:0
  limits: { principal: 100000, address: 100000, total: 100000, concurrent: 1000 }
`;
const BIN = join(import.meta.dirname, '../bin/flyball.js');
const ECHO = join(import.meta.dirname, 'echo-server.ts');
const HELLO = {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'bench', version: '1' },
};
const FLYBALL_CALL = { name: 'flyball_list_actions', arguments: {} };
const ECHO_CALL = { name: 'echo', arguments: { text: 'hello' } };

/** Ratios to the echo tool and to the limits. */
export async function runMcpBench(calls = CALLS): Promise<Figure[]> {
  const home = mkdtempSync(join(tmpdir(), 'flyball-bench-mcp-'));
  try {
    await run(home, 'init', '.');
    const figures = [await overStdio('stdio, no daemon', home, calls)];
    writeFileSync(join(home, '.flyball/daemon.yaml'), `${readYaml(home)}${LISTEN}`);
    const daemon = await startDaemon(home);
    try {
      figures.push(await overStdio('stdio, joined to a daemon', home, calls));
      figures.push(await overHttp(daemon.url, calls));
    } finally {
      await ended(daemon.child);
    }
    return [...figures.flat(), ...(await starts(home))];
  } finally {
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  }
}

const readYaml = (home: string) => readFileSync(join(home, '.flyball/daemon.yaml'), 'utf8');

async function run(cwd: string, ...args: readonly string[]): Promise<void> {
  await promisify(execFile)(process.execPath, [BIN, ...args], { cwd });
}

// ------------------------------------------------------------------------------------------------------ stdio

interface Line {
  ask(method: string, params: object): Promise<void>;
  readonly child: ChildProcess;
}

/** A JSON-RPC conversation, one question at a time. */
function lineWith(argv: readonly string[], cwd: string): Line {
  const child = spawn(process.execPath, argv, { cwd, stdio: ['pipe', 'pipe', 'ignore'] });
  let answered: (line: string) => void = () => {};
  createInterface({ input: child.stdout }).on('line', line => answered(line));
  let id = 0;
  return {
    child,
    ask: (method, params) =>
      new Promise((resolve, reject) => {
        const asked = id++;
        answered = line => {
          const message = JSON.parse(line) as {
            id?: number;
            error?: unknown;
            result?: { isError?: boolean };
          };
          if (message.id !== asked) return;
          if (message.error !== undefined || message.result?.isError === true) reject(new Error(line));
          else resolve();
        };
        child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id: asked, method, params })}\n`);
      }),
  };
}

async function greet(line: Line): Promise<void> {
  await line.ask('initialize', HELLO);
  line.child.stdin?.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n');
}

async function overStdio(name: string, home: string, calls: number): Promise<Figure[]> {
  const lines = [lineWith([ECHO], home), lineWith([BIN, 'mcp'], home)] as const;
  for (const line of lines) await greet(line);
  const [echo, own] = lines;
  const found = await compared(
    () => echo.ask('tools/call', ECHO_CALL),
    () => own.ask('tools/call', FLYBALL_CALL),
    calls,
  );
  for (const { child } of lines) await ended(child);
  return figures(name, found);
}

// ------------------------------------------------------------------------------------------------------- HTTP

async function overHttp(url: string, calls: number): Promise<Figure[]> {
  const echo = spawn(process.execPath, [ECHO, 'http'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const address = await new Promise<string>(resolve =>
    createInterface({ input: echo.stdout }).once('line', resolve),
  );
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    const found = await compared(
      () => post(agent, `${address}/mcp`, ECHO_CALL),
      () => post(agent, `${url}/mcp`, FLYBALL_CALL),
      calls,
    );
    return figures('HTTP', found);
  } finally {
    agent.destroy();
    await ended(echo);
  }
}

async function post(agent: Agent, url: string, params: object): Promise<void> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2025-11-25',
    'content-length': Buffer.byteLength(body),
  };
  const answer = await new Promise<string>((resolve, reject) => {
    const asked = request(url, { method: 'POST', agent, headers }, response => resolve(text(response)));
    asked.on('error', reject);
    asked.end(body);
  });
  if (!answer.includes('"result"') || answer.includes('"isError":true')) throw new Error(answer);
}

async function startDaemon(home: string): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const child = spawn(process.execPath, [BIN, 'run'], { cwd: home, stdio: ['ignore', 'ignore', 'pipe'] });
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', code => reject(new Error(`flyball run ended with ${code}`)));
    createInterface({ input: child.stderr }).on('line', line => {
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(line);
      if (found) resolve(found[0]);
    });
  });
  while (!existsSync(join(home, '.flyball/state/daemon.sock'))) await sleep(50);
  return { child, url };
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise(resolve => {
    if (child.exitCode !== null) resolve();
    else child.once('exit', () => resolve());
    child.kill();
  });
}

// ---------------------------------------------------------------------------------------------------- figures

interface Compared {
  readonly peer: readonly number[];
  readonly own: readonly number[];
}

/** Both in turns, so that whatever else the machine does meets both. */
async function compared(
  peer: () => Promise<void>,
  own: () => Promise<void>,
  calls: number,
): Promise<Compared> {
  const times: { peer: number[]; own: number[] } = { peer: [], own: [] };
  for (let i = 0; i < WARM_UP + calls; i++) {
    const [a, b] = [await timed(peer), await timed(own)];
    if (i < WARM_UP) continue;
    times.peer.push(a);
    times.own.push(b);
  }
  return times;
}

async function timed(work: () => Promise<void>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}

function figures(name: string, { peer, own }: Compared): Figure[] {
  return [0.5, 0.99].map(share => {
    const [theirs, ours] = [quantile(peer, share), quantile(own, share)];
    return {
      name: `${FLYBALL_CALL.name} / echo over ${name}, p${share * 100}`,
      ratio: ours / theirs,
      limit: MOST_RATIO,
      detail: `${ours.toFixed(2)} ms against ${theirs.toFixed(2)} ms, ${own.length} calls each in turns`,
    };
  });
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

async function starts(home: string): Promise<Figure[]> {
  const policy = readFileSync(join(home, 'policies', firstPolicy(home)), 'utf8');
  for (let i = 0; i < POLICIES; i++)
    writeFileSync(
      join(home, 'policies', `copy-${i}.yaml`),
      policy.replace(/(metadata: *\{ *name: *|^ {2}name: *)([\w-]+)/m, `$1copy-${i}`),
    );
  await promisify(execFile)('git', ['add', '.'], { cwd: home });
  const who = ['-c', 'user.name=Bench', '-c', 'user.email=bench@localhost'];
  await promisify(execFile)('git', [...who, 'commit', '-qm', `${POLICIES} policies`], { cwd: home });
  await run(home, 'reconcile');
  const found: { ms: number; mb: number }[] = [];
  for (let i = 0; i < STARTS; i++) found.push(await start(home));
  const ms = quantile(
    found.map(one => one.ms),
    0.5,
  );
  const mb = Math.max(...found.map(one => one.mb));
  return [
    {
      name: `start of flyball mcp to the answer of initialize, ${POLICIES} policies / ${MOST_START_MS} ms`,
      ratio: ms / MOST_START_MS,
      limit: 1,
      detail: `median ${ms.toFixed(0)} ms of ${STARTS} (${found.map(one => one.ms.toFixed(0)).join(', ')})`,
    },
    {
      name: `memory of flyball mcp after initialize and tools/list, ${POLICIES} policies / ${MOST_MB} MB`,
      ratio: mb / MOST_MB,
      limit: 1,
      detail: `${mb.toFixed(0)} MB resident at most, of ${STARTS} starts`,
    },
  ];
}

/** The policy that `init` wrote. */
function firstPolicy(home: string): string {
  const [name] = readdirSync(join(home, 'policies'));
  if (name === undefined) throw new Error('init wrote no policy');
  return name;
}

async function start(home: string): Promise<{ readonly ms: number; readonly mb: number }> {
  const from = performance.now();
  const line = lineWith([BIN, 'mcp'], home);
  await line.ask('initialize', HELLO);
  const ms = performance.now() - from;
  line.child.stdin?.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n');
  await line.ask('tools/list', {});
  const status = readFileSync(`/proc/${line.child.pid}/status`, 'utf8');
  const mb = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1024;
  await ended(line.child);
  return { ms, mb };
}

if (import.meta.main) {
  const calls = Number(process.argv[2] ?? CALLS);
  for (const { name, ratio, limit, detail } of await runMcpBench(calls))
    process.stdout.write(
      `${ratio.toFixed(2)}× (limit ${limit}×${ratio > (limit ?? 1) ? ', EXCEEDED' : ''})  ${name}\n   ${detail}\n`,
    );
}
