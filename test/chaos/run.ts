/**
 * The long form: `npm run chaos`. Every call of every scenario fails, before its effect and after it, and every one is a
 * `kill -9`; then engines die at random, several in a row, until `--kills` are reached. With `--replicas` instead a storm over
 * several engines on one PostgreSQL. docs/chaos.md says more.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startPostgres } from '../servers/postgres-server.ts';
import type { Fault } from './fault.ts';
import { chosen, failAt, killAt, killInRows, sum, type Tally, tallied } from './fault-loop.ts';
import { fleetTrial, linesOf } from './fleet-trial.ts';
import { engines } from './killed-engine.ts';
import type { PlantSpec } from './plant.ts';
import { startPlants } from './plant-client.ts';
import { postgresStates } from './postgres-states.ts';
import { randomOf } from './random.ts';
import { SCENARIOS } from './scenarios.ts';
import { type States, sqliteStates, temporaryFolder } from './states.ts';
import { type Place, type Trials, trialsOf } from './trials.ts';

/** Shorter than a daemon's, so that a storm of minutes has many ends of leases in it. */
const STORM_LEASE_MS = 3000;
const MODES: readonly PlantSpec['mode'][] = ['searched', 'keyed'];

const { values: options } = parseArgs({
  options: {
    /** `sqlite`, `postgres` or `both`. */
    state: { type: 'string', default: 'both' },
    scenario: { type: 'string' },
    mode: { type: 'string' },
    /** At least so many engines are killed, on each kind of state. */
    kills: { type: 'string', default: '1000' },
    /** 5: every fifth k. */
    every: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    lanes: { type: 'string', default: '2' },
    /** One trial, as a failure names it: `before:57,after:3`. */
    fail: { type: 'string' },
    kill: { type: 'string' },
    within: { type: 'boolean', default: false },
    /** A storm over so many replicas, for so long, with the seed. Their logs go to a file that is kept. */
    replicas: { type: 'string' },
    minutes: { type: 'string', default: '5' },
  },
});
const lanes = Number(options.lanes);
const seed = Number(options.seed);

const folder = temporaryFolder();
const plants = await startPlants(join(folder.path, 'plants.log'));
const killers = engines();
const began = performance.now();
// Engines are killed here, never the server: what it has not synced is safe.
const postgres =
  options.state === 'sqlite' || options.replicas ? undefined : await startPostgres(['fsync=off']);
try {
  if (options.replicas) process.exitCode = await underStorm(Number(options.replicas));
  else process.exitCode = await underFaults();
} finally {
  killers.stop();
  await plants.stop();
  await postgres?.remove();
  folder.remove();
}

/** Gives the exit code. */
async function underFaults(): Promise<number> {
  const tallies: Tally[] = [];
  for (const states of statesAsked()) {
    const place = { states, plants, engines: killers };
    const one = options.fail ?? options.kill;
    tallies.push(one === undefined ? await everything(place) : await again(place, one));
  }
  const { trials, kills, wrongs } = sum(tallies);
  for (const wrong of wrongs) console.error(wrong);
  const seconds = Math.round((performance.now() - began) / 1000);
  say(`${trials} trials, ${kills} kills, ${wrongs.length} wrong, ${seconds} s, seeds from ${seed}`);
  return wrongs.length > 0 ? 1 : 0;
}

/** Gives the exit code. */
async function underStorm(replicas: number): Promise<number> {
  const ms = Number(options.minutes) * 60_000;
  const log = join(tmpdir(), `flyball-storm-${seed}-${replicas}.log`);
  const server = await startPostgres();
  try {
    const report = await fleetTrial({
      ...{ seed, replicas, ms, log, postgres: server, plant: { port: plants.port, plant: 'fleet' } },
      leaseMs: STORM_LEASE_MS,
      models: Math.max(8, Math.ceil(ms / 60_000) * 8),
      say: text => say(`${Math.round((performance.now() - began) / 1000)} s: ${text}`),
    });
    for (const line of linesOf(report)) say(line);
    for (const wrong of report.wrongs) console.error(wrong);
    say(
      `${replicas} replicas, ${options.minutes} min, lease ${STORM_LEASE_MS} ms, seed ${seed}: ${report.wrongs.length} wrong; their logs: ${log}`,
    );
    return report.wrongs.length > 0 ? 1 : 0;
  } finally {
    await server.remove();
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function statesAsked(): readonly States[] {
  return [
    ...(options.state === 'postgres' ? [] : [sqliteStates(folder.path)]),
    ...(postgres ? [postgresStates(postgres)] : []),
  ];
}

/** What a failure says to do. */
async function again(place: Place, told: string): Promise<Tally> {
  const faults = told.split(',').map((text): Fault => {
    const [when, at] = text.split(':');
    return { when: when === 'after' ? 'after' : 'before', at: Number(at) };
  });
  const how = options.fail === undefined ? 'kill' : 'fail';
  const trials = await trialsOf(place, options.scenario ?? 'remedy', modes()[0] ?? 'searched');
  return tallied(trials, how, faults, options.within);
}

function modes(): readonly PlantSpec['mode'][] {
  return MODES.filter(mode => options.mode === undefined || options.mode === mode);
}

async function everything(place: Place): Promise<Tally> {
  const done: Tally[] = [];
  const counted: { trials: Trials; calls: number }[] = [];
  const names = Object.keys(SCENARIOS).filter(
    name => options.scenario === undefined || options.scenario === name,
  );
  for (const [i, name] of names.entries()) {
    // Every k in one mode a scenario, the other mode in the random part.
    for (const mode of modes()) {
      const trials = await trialsOf(place, name, mode);
      counted.push({ trials, calls: (await trials.calls('before', true)).length });
      if (modes().length > 1 && mode !== MODES[i % 2]) continue;
      done.push(await everyCall(trials));
    }
  }
  const rest = Number(options.kills) - sum(done).kills;
  // One and a half in a row on average is less than it is; what is short is made up by more seeds.
  for (let from = seed; sum(done).kills < Number(options.kills); ) {
    const seeds = Array.from({ length: Math.min(50, Math.max(lanes, rest)) }, (_, i) => from + i);
    const tally = await killInRows(one => randomOf(one * 7919).pick(counted), seeds, lanes);
    say(`${place.states.name} in rows, seeds ${from} to ${from + seeds.length - 1}: ${tally.kills} kills`);
    done.push(tally);
    from += seeds.length;
  }
  return sum(done);
}

async function everyCall(trials: Trials): Promise<Tally> {
  const done: Tally[] = [];
  for (const when of ['before', 'after'] as const) {
    const { length } = await trials.calls(when, false);
    const ks = chosen(length, Math.ceil(length / Number(options.every)), seed);
    const failed = await failAt(trials, when, ks);
    const killed = await killAt(trials, when, ks, { lanes });
    say(
      `${trials.state} ${trials.scenario} (${trials.mode}): ${ks.length} of k = 1..${length} ${when} its effect: ` +
        `${failed.wrongs.length} of ${failed.trials} failures wrong, ${killed.wrongs.length} of ${killed.kills} kills wrong`,
    );
    done.push(failed, killed);
  }
  return sum(done);
}
