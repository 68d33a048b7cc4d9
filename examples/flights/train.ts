/** Pipeline `train`: a new version of the model, trained on a slice of the landed flights, with its card. */
import { readdir, readFile } from 'node:fs/promises';
import { dirname, relative } from 'node:path';
import { featureNames, fitClassifier, score } from './classifier.ts';
import { addDays, layout, modelName } from './layout.ts';
import { type Metrics, measure } from './metrics.ts';
import { type PipelineRun, runPipeline } from './pipeline.ts';
import { claimVersion, type ModelCard, readChampion, writeVersion } from './registry.ts';
import {
  holdoutSql,
  joinedFlights,
  readFlights,
  type Sample,
  type SampleRequest,
  sampleOf,
} from './sample.ts';
import { literal, type Warehouse, withWarehouse, writeParquet } from './warehouse.ts';

/** Versions are compared on the held-out flights of this many last days of the window. */
const holdoutDays = 14;

/**
 * Trains a version and gives its name and numbers. `params`: `since` and `until` (ISO 8601), `focus` and `only` (predicate
 * trees or null), `rest` (0..1, default 0 with a focus and else 1), `seed`. Throws without leaving a card when a parameter is
 * not sound or no row is left.
 */
export async function train({ root, params, key }: PipelineRun): Promise<Readonly<Record<string, unknown>>> {
  const began = performance.now();
  const request = requestOf(params);
  const sample = sampleOf(request, await landedDays(root));
  const leak = (await injectedFault(root)) === 'leak';
  return withWarehouse(async warehouse => {
    const files = { flights: layout(root).allFlights, features: layout(root).allFeatures };
    const counted = await count(warehouse, files.flights, sample);
    const table = joinedFlights(files, leak);
    await warehouse.run(`CREATE TABLE chosen AS SELECT * FROM (${table}) WHERE ${sample.used}`);
    const rows = await readFlights(warehouse, 'FROM chosen');
    const model = fitClassifier(rows.flights, rows.late, { seed: seedNumber(request.seed) });
    const version = await claimVersion(root);
    const holdout = await judge(warehouse, table, sample, root, version, model);
    const [sum] =
      await warehouse.rows(`SELECT hex(coalesce(bit_xor(md5_number_lower(concat_ws('|', flight_id, hour, weekday,
      distance, origin, destination, coalesce(late_rate::VARCHAR, '-'), late))), 0)) AS hash FROM chosen`);
    const card: ModelCard = {
      model: modelName,
      version,
      created: new Date(request.until).toISOString(),
      parent: await readChampion(root),
      trained: { from: iso(sample.since), to: iso(sample.until), missing: sample.missing },
      slice: {
        focus: request.focus,
        only: request.only,
        rest: request.rest,
        seed: request.seed,
        sql: sample.used,
      },
      rows: { used: rows.flights.rows, ...counted },
      countingSql: countingSql(relative(root, files.flights), sample),
      holdout,
      features: featureNames,
      dataHash: `${sum?.hash}/${rows.flights.rows}`,
      trainedInMs: Math.round(performance.now() - began),
      ...(leak ? { injected: 'leak' } : {}),
      ...(key === undefined ? {} : { key }),
    };
    await writeVersion(root, card, model);
    const { rows: holdoutRows, ...metrics } = holdout.metrics;
    return {
      version,
      rows: card.rows.used,
      focus_rows: card.rows.focus,
      rest_rows: card.rows.rest,
      holdout_rows: holdoutRows,
      ...metrics,
    };
  });
}

/** The holdout as this run joined it, kept with the version: evaluations read it, with whatever was wrong in it. */
async function judge(
  warehouse: Warehouse,
  table: string,
  sample: Sample,
  root: string,
  version: string,
  model: ReturnType<typeof fitClassifier>,
): Promise<ModelCard['holdout']> {
  const from = [
    sample.since,
    `${addDays(sample.until.slice(0, 10), -holdoutDays)} 00:00:00`,
  ].sort()[1] as string;
  const recent = `departed_at >= TIMESTAMP '${from}'`;
  const path = `${layout(root).version(version)}/holdout.parquet`;
  await writeParquet(
    warehouse,
    `SELECT * FROM (${table}) WHERE ${sample.holdout} AND ${recent} ORDER BY flight_id`,
    path,
  );
  const held = await readFlights(warehouse, `FROM read_parquet(${literal(path)})`);
  const metrics: Metrics = measure(score(model, held.flights), held.late);
  const rule = `never trained on, by any version: ${holdoutSql}; of them the last ${holdoutDays} days of the window`;
  return { rule, from: iso(from), to: iso(sample.until), metrics };
}

/** One query that counts what was used and what there was to choose from. */
function countingSql(flights: string, sample: Sample): string {
  return `SELECT count(*) FILTER (WHERE used AND focus)::INTEGER AS focus, count(*) FILTER (WHERE used AND NOT focus)::INTEGER AS rest,
    count(*) FILTER (WHERE NOT held AND focus)::INTEGER AS focus_population,
    count(*) FILTER (WHERE NOT held AND NOT focus)::INTEGER AS others_population, count(*) FILTER (WHERE held)::INTEGER AS holdout
    FROM (SELECT ${sample.used} AS used, ${sample.focus} AS focus, ${holdoutSql} AS held
      FROM read_parquet(${literal(flights)}) WHERE ${sample.window})`;
}

async function count(
  warehouse: Warehouse,
  flights: string,
  sample: Sample,
): Promise<Omit<ModelCard['rows'], 'used'>> {
  const [found] = await warehouse.rows(countingSql(flights, sample));
  return {
    focus: Number(found?.focus),
    rest: Number(found?.rest),
    population: { focus: Number(found?.focus_population), others: Number(found?.others_population) },
    holdout: Number(found?.holdout),
  };
}

function requestOf(params: PipelineRun['params']): SampleRequest {
  const focus = params.focus ?? null;
  const seed = String(params.seed ?? '0');
  if (seed.length > 200) throw new Error(`seed: ${seed.length} characters; expected at most 200`);
  return {
    since: String(params.since),
    until: String(params.until),
    focus,
    only: params.only ?? null,
    rest: Number(params.rest ?? (focus === null ? 1 : 0)),
    seed,
  };
}

/** The days whose flights have landed, oldest first. */
async function landedDays(root: string): Promise<readonly string[]> {
  const names = await readdir(dirname(layout(root).allFlights)).catch(() => []);
  return names.flatMap(name => /^(\d{4}-\d{2}-\d{2})\.parquet$/.exec(name)?.[1] ?? []).sort();
}

function iso(moment: string): string {
  return `${moment.replace(' ', 'T')}Z`;
}

/** The fault that a run is asked to have, by `inject.json` in the state folder; see `morning.ts`. */
async function injectedFault(root: string): Promise<string | undefined> {
  const text = await readFile(layout(root).injection, 'utf8').catch(() => '{}');
  return (JSON.parse(text) as { readonly train?: string }).train;
}

/** A 32-bit number of a seed's text (FNV-1a). */
function seedNumber(seed: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(seed)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

if (import.meta.main) await runPipeline(train);
