/** Pipeline `evaluate`: a candidate and the champion on the same held-out flights. */
import { join } from 'node:path';
import { score } from './classifier.ts';
import { checkedVersion, layout } from './layout.ts';
import { measure } from './metrics.ts';
import { type PipelineRun, runPipeline } from './pipeline.ts';
import { readChampion, readModel } from './registry.ts';
import { readFlights } from './sample.ts';
import { literal, withWarehouse } from './warehouse.ts';

/**
 * The metrics of `params.version`, those of the champion with the prefix `champion_`, and `delta`: the mean of the paired
 * differences in log loss (candidate less champion; below 0 the candidate is better) with its 95% interval from
 * `delta_lower` to `delta_upper`. All on the holdout that the candidate's training run wrote: flights of its last 14 days that no
 * version ever trains on (one in ten, by a hash of the flight's id), joined with their features by that run. `params.champion`
 * defaults to the registry's; without one there are no comparisons.
 */
export async function evaluate({ root, params }: PipelineRun): Promise<Readonly<Record<string, unknown>>> {
  const version = checkedVersion(params.version);
  const champion = params.champion ? checkedVersion(params.champion) : await readChampion(root);
  const path = join(layout(root).version(version), 'holdout.parquet');
  const held = await withWarehouse(warehouse =>
    readFlights(warehouse, `FROM read_parquet(${literal(path)})`),
  );
  if (held.flights.rows === 0)
    throw new Error(`evaluate: 0 rows in the holdout of ${version}; expected at least 1`);
  const scores = score(await readModel(root, version), held.flights);
  const own = { version, ...measure(scores, held.late) };
  if (champion === null) return own;
  const championScores = score(await readModel(root, champion), held.flights);
  const theirs = Object.entries(measure(championScores, held.late)).map(([name, value]) => [
    `champion_${name}`,
    value,
  ]);
  return { ...own, champion, ...Object.fromEntries(theirs), ...compared(scores, championScores, held.late) };
}

function compared(candidate: Float64Array, champion: Float64Array, late: Int32Array): Record<string, number> {
  const differences = candidate.map(
    (own, row) => loss(own, late[row]) - loss(champion[row] as number, late[row]),
  );
  const delta = mean(differences);
  const spread = differences.map(difference => (difference - delta) ** 2);
  const half = (1.96 * Math.sqrt(mean(spread))) / Math.sqrt(Math.max(1, differences.length - 1));
  return { delta, delta_lower: delta - half, delta_upper: delta + half };
}

function loss(score: number, late: number | undefined): number {
  return -Math.log(Math.max(1e-9, late === 1 ? score : 1 - score));
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

if (import.meta.main) await runPipeline(evaluate);
