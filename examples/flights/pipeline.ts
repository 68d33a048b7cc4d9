/** How a pipeline of the example is called: parameters and folder from the environment, its result as a file. */
import { resolve } from 'node:path';
import { writeJson } from './warehouse.ts';

/** What a run is given. `root` is the state folder, absolute. `params` are as they came: hostile until checked. */
export interface PipelineRun {
  readonly root: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** The key of the effect that this run is, when something with keys started it. */
  readonly key: string | undefined;
}

/**
 * Runs `pipeline` with `FLYBALL_PARAMS` (a JSON object) and `FLYBALL_ROOT`, and writes what it gives back to the file
 * `FLYBALL_RESULT`, or to the standard output without one. A failure is one line on stderr and exit code 1.
 */
export async function runPipeline(
  pipeline: (run: PipelineRun) => Promise<Readonly<Record<string, unknown>>>,
): Promise<void> {
  try {
    const root = process.env.FLYBALL_ROOT;
    if (!root) throw new Error('FLYBALL_ROOT is not set; expected the state folder of the example');
    const params: unknown = JSON.parse(process.env.FLYBALL_PARAMS ?? '{}');
    if (typeof params !== 'object' || params === null || Array.isArray(params)) {
      throw new Error(`FLYBALL_PARAMS: ${JSON.stringify(params)}; expected a JSON object`);
    }
    const result = await pipeline({
      root: resolve(root),
      params: params as Readonly<Record<string, unknown>>,
      key: process.env.FLYBALL_KEY,
    });
    if (process.env.FLYBALL_RESULT) await writeJson(process.env.FLYBALL_RESULT, result);
    else process.stdout.write(`${JSON.stringify(result)}\n`);
  } catch (cause) {
    process.stderr.write(`${cause instanceof Error ? cause.message : String(cause)}\n`);
    process.exitCode = 1;
  }
}
