/** The state before the replay: January has landed, v1 is trained on it and serves everything. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { refreshWith } from './features.ts';
import { landDay } from './land.ts';
import { daysBetween, layout } from './layout.ts';
import { firstDay, prepare } from './prepare.ts';
import { withWarehouse, writeJson } from './warehouse.ts';

/** The first day of the replay: the first one after the month that v1 is trained on. */
export const replayFrom = '2001-02-01';

/**
 * Prepares `root` for a replay from `replayFrom` and gives the version in service, `v1`. `training` says which days have landed
 * and are trained on; tests use few.
 */
export async function bootstrap(
  root: string,
  training: { readonly from: string; readonly to: string } = { from: firstDay, to: replayFrom },
): Promise<string> {
  await prepare(root);
  await withWarehouse(async warehouse => {
    for (const day of daysBetween(training.from, training.to)) {
      await refreshWith(warehouse, root, day);
      await landDay(root, day);
    }
  });
  const params = {
    since: `${training.from}T00:00:00Z`,
    until: `${training.to}T00:00:00Z`,
    seed: 'bootstrap',
  };
  const { version } = await runAlone('train.ts', root, params);
  const paths = layout(root);
  await writeJson(paths.champion, { version, key: 'bootstrap' });
  await writeJson(paths.weights, { weights: { [String(version)]: 1 }, key: 'bootstrap' });
  return String(version);
}

/** What a pipeline of this folder gives back, run in a process of its own. Throws with its last words when it fails. */
export async function runAlone(
  pipeline: 'train.ts' | 'evaluate.ts' | 'features.ts',
  root: string,
  params: Readonly<Record<string, unknown>>,
): Promise<Readonly<Record<string, unknown>>> {
  const folder = await mkdtemp(join(tmpdir(), 'flights-'));
  const result = join(folder, 'result.json');
  try {
    const file = join(folder, 'params.json');
    await writeJson(file, params);
    await finished(join(import.meta.dirname, pipeline), {
      ...process.env,
      FLYBALL_ROOT: root,
      FLYBALL_PARAMS: file,
      FLYBALL_RESULT: result,
    });
    return JSON.parse(await readFile(result, 'utf8')) as Readonly<Record<string, unknown>>;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function finished(script: string, env: NodeJS.ProcessEnv): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let words = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(-2000);
    });
    child.on('error', reject);
    child.on('close', code => {
      if (code === 0) resolve();
      else reject(new Error(`${script} ended with ${code}: ${words.trim()}`));
    });
  });
}
