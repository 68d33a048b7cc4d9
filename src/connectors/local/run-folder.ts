/** What one run's folder holds: its files, their shapes, and how a result is read out. No process is touched here. */
import { join } from 'node:path';
import type { Json, JsonObject } from '../../model.ts';
import type { ProcessIdentity } from './processes.ts';

/** What the runner is given on its stdin. Folders are absolute. */
export interface RunSpec {
  readonly key: string;
  readonly runs: string;
  /** What paths of the connection are relative to. */
  readonly root: string;
  readonly cwd: string;
  readonly argv: readonly string[];
  readonly params: JsonObject;
  /** Output name → dotted path in what the command writes. */
  readonly output: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Machine uptime in ms after which nothing may begin any more: the starter has given up by then. */
  readonly startBy: number;
}

/** How a run ended. */
export interface RunResult {
  readonly state: 'succeeded' | 'failed' | 'timed-out' | 'cancelled';
  readonly outputs: JsonObject;
  readonly exitCode: number | null;
  readonly message: string;
  readonly durationMs: number;
  /** Of a failure: whether the same run may go better another time. */
  readonly repeatable: boolean;
}

export interface RunFiles {
  readonly folder: string;
  readonly spec: string;
  readonly runner: string;
  readonly params: string;
  readonly command: string;
  readonly cancel: string;
  readonly output: string;
  readonly result: string;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where everything of a run lies. */
export function runFiles(folder: string): RunFiles {
  const at = (name: string) => join(folder, name);
  return {
    folder,
    spec: at('spec.json'),
    runner: at('runner.json'),
    params: at('params.json'),
    command: at('command.json'),
    cancel: at('cancel'),
    output: at('output.json'),
    result: at('result.json'),
    stdout: at('stdout.log'),
    stderr: at('stderr.log'),
  };
}

/**
 * The outputs that `map` picks out of a result by dotted paths (list positions count from 0), or what is missing.
 * Only what the result itself holds is found, nothing that every object has.
 */
export function pickOutputs(
  map: Readonly<Record<string, string>>,
  result: Json,
): { readonly outputs: JsonObject } | { readonly missing: string } {
  const outputs: Record<string, Json> = {};
  for (const [name, path] of Object.entries(map)) {
    let at: unknown = result;
    for (const part of path.split('.'))
      at =
        typeof at === 'object' && at !== null && Object.hasOwn(at, part) ? Reflect.get(at, part) : undefined;
    if (at === undefined || at === null) return { missing: `${path} (output ${name})` };
    outputs[name] = at as Json;
  }
  return { outputs };
}

/** The result that a result file holds, or undefined when it holds none. */
export function parseResult(value: Json | undefined): RunResult | undefined {
  if (!isObject(value)) return undefined;
  const { state, outputs, exitCode, message, durationMs, repeatable } = value;
  if (state !== 'succeeded' && state !== 'failed' && state !== 'timed-out' && state !== 'cancelled')
    return undefined;
  if (!isObject(outputs) || typeof message !== 'string' || typeof durationMs !== 'number') return undefined;
  const code = typeof exitCode === 'number' ? exitCode : null;
  return { state, outputs, exitCode: code, message, durationMs, repeatable: repeatable === true };
}

/** The process that a runner or command file names, or undefined when it names none. */
export function parseIdentity(value: Json | undefined): ProcessIdentity | undefined {
  if (!isObject(value)) return undefined;
  const { pid, started, boot } = value;
  if (typeof pid !== 'number' || !Number.isInteger(pid) || pid <= 1) return undefined;
  return typeof started === 'string' && typeof boot === 'string' ? { pid, started, boot } : undefined;
}

/** What a run is made of, as the runner got it, or undefined when it was cut short or is something else. */
export function parseSpec(text: string): RunSpec | undefined {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
  if (!isObject(value)) return undefined;
  const { key, runs, root, cwd, argv, params, output, timeoutMs, startBy } = value;
  const texts = [key, runs, root, cwd].every(part => typeof part === 'string');
  const numbers = [timeoutMs, startBy].every(part => typeof part === 'number');
  const words = Array.isArray(argv) && argv.length > 0 && argv.every(word => typeof word === 'string');
  return texts && numbers && words && isObject(params) && isObject(output)
    ? (value as unknown as RunSpec)
    : undefined;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
