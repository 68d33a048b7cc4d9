/** Every k of a scenario, and random deaths in a row: what the short form runs some of and the long form all of. */
import type { Fault } from './fault.ts';
import { randomOf } from './random.ts';
import type { Trials } from './trials.ts';

/** What one loop did. `wrongs` say where, and how to see it again. */
export interface Tally {
  readonly trials: number;
  readonly kills: number;
  readonly wrongs: readonly string[];
}

export const NOTHING: Tally = { trials: 0, kills: 0, wrongs: [] };

export function sum(tallies: readonly Tally[]): Tally {
  return {
    trials: tallies.reduce((all, one) => all + one.trials, 0),
    kills: tallies.reduce((all, one) => all + one.kills, 0),
    wrongs: tallies.flatMap(one => one.wrongs),
  };
}

/** Which k's: every one unless said, else about `most` of them, spread evenly from a place that the seed chooses. */
export function chosen(count: number, most = count, seed = 0): readonly number[] {
  const all = Array.from({ length: count }, (_, i) => i + 1);
  const pace = Math.max(1, Math.ceil(count / most));
  return all.filter(k => k % pace === seed % pace);
}

/** The k-th call fails and the engine lives on. */
export async function failAt(trials: Trials, when: Fault['when'], ks: readonly number[]): Promise<Tally> {
  const tallies: Tally[] = [];
  for (const at of ks) tallies.push(await tallied(trials, 'fail', [{ at, when }], false));
  return sum(tallies);
}

/** The engine is killed at the k-th call. `lanes` at once. */
export function killAt(
  trials: Trials,
  when: Fault['when'],
  ks: readonly number[],
  { within = false, lanes = 1 } = {},
): Promise<Tally> {
  const each = ks.map(at => () => tallied(trials, 'kill', [{ at, when }], within));
  return inLanes(each, lanes);
}

/** From one to four engines die in a row, anywhere, also between two statements of a transaction. One trial a seed. */
export function killInRows(
  trialsOfSeed: (seed: number) => { readonly trials: Trials; readonly calls: number },
  seeds: readonly number[],
  lanes: number,
): Promise<Tally> {
  const each = seeds.map(seed => () => {
    const { trials, calls } = trialsOfSeed(seed);
    const random = randomOf(seed);
    const deaths = random.between(1, 4);
    const faults = Array.from({ length: deaths }, (_, i) => ({
      at: random.between(1, Math.ceil((calls * (i === 0 ? 1 : 0.5)) / Math.sqrt(deaths))),
      when: random.next() < 0.85 ? ('before' as const) : ('after' as const),
    })).map(one => (one.when === 'after' ? { ...one, at: Math.ceil(one.at / 10) } : one));
    return tallied(trials, 'kill', faults, true, seed);
  });
  return inLanes(each, lanes);
}

/** One trial. A mistake of the harness itself is a wrong like any other. */
export async function tallied(
  trials: Trials,
  how: 'fail' | 'kill',
  faults: readonly Fault[],
  within: boolean,
  seed?: number,
): Promise<Tally> {
  const told = faults.map(one => `${one.when}:${one.at}`).join(',');
  const again = `npm run chaos -- --state ${trials.state} --scenario ${trials.scenario} --mode ${trials.mode} --${how} ${told}${within ? ' --within' : ''}`;
  const where = `${again}${seed === undefined ? '' : ` (seed ${seed})`}`;
  const words = (found: readonly string[]) => (found.length > 0 ? [`${where}: ${found.join('; ')}`] : []);
  try {
    if (how === 'fail') {
      const [fault] = faults;
      return { trials: 1, kills: 0, wrongs: words(fault ? await trials.failing(fault) : []) };
    }
    const { killed, wrongs } = await trials.killing(faults, within);
    return { trials: 1, kills: killed, wrongs: words(wrongs) };
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { trials: 1, kills: 0, wrongs: words([text]) };
  }
}

async function inLanes(each: readonly (() => Promise<Tally>)[], lanes: number): Promise<Tally> {
  const tallies: Tally[] = [];
  const left = [...each];
  const lane = async () => {
    for (let next = left.shift(); next; next = left.shift()) tallies.push(await next());
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return sum(tallies);
}
