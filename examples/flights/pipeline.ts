/** How a pipeline of the example is called: parameters and folder from the environment, its result as a file. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { writeJson } from './warehouse.ts';

/** What a run is given. `root` is the state folder, absolute. `params` are as they came: hostile until checked. */
export interface PipelineRun {
  readonly root: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** The key of the effect that this run is, when something with keys started it. */
  readonly key?: string | undefined;
}

/**
 * Runs `pipeline` as a `local` Connection does: `FLYBALL_PARAMS` names a file with a JSON object, `FLYBALL_ROOT` the state
 * folder, `FLYBALL_RESULT` the file for what it gives back. A failure is one line on stderr and exit code 1.
 */
export async function runPipeline(
  pipeline: (run: PipelineRun) => Promise<Readonly<Record<string, unknown>>>,
): Promise<void> {
  try {
    const result = variable('FLYBALL_RESULT');
    const root = resolve(variable('FLYBALL_ROOT'));
    const file = variable('FLYBALL_PARAMS');
    const params: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (typeof params !== 'object' || params === null || Array.isArray(params)) {
      throw new Error(`${file}: ${JSON.stringify(params)?.slice(0, 100)}; expected a JSON object`);
    }
    const key = process.env.FLYBALL_KEY;
    await writeJson(
      result,
      await pipeline({ root, params: params as Readonly<Record<string, unknown>>, key }),
    );
  } catch (cause) {
    process.stderr.write(`${cause instanceof Error ? cause.message : String(cause)}\n`);
    process.exitCode = 1;
  }
}

function variable(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; expected it from the runner of a local Connection`);
  return value;
}
