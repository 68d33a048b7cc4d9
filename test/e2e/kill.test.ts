/** `kill -9` of the daemon at ten points of a retraining: whatever the moment, one run, nothing lost, the chain whole. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { furnish, POLICIES, setLevels } from './churn.ts';
import { type Home, makeHome } from './home.ts';
import { actionsOf, entriesOf } from './ledger.ts';
import { filesOf, linesOf, runKeys } from './runs.ts';
import { until } from './until.ts';

type Point = (home: Home, runs: string) => boolean;

const retrain = (home: Home) => actionsOf(home.state).find(one => one.verb === 'retrain');
const retrainIs =
  (...states: readonly string[]): Point =>
  home =>
    states.includes(retrain(home)?.state ?? '');
const has = (home: Home, kind: 'intent' | 'outcome', verb: string) => {
  const ids = actionsOf(home.state)
    .filter(one => one.verb === verb)
    .map(one => one.id);
  return entriesOf(home.state, kind).some(({ body }) =>
    ids.includes(body.kind === 'intent' ? body.action.id : body.action),
  );
};

/** In the order in which they are reached. A daemon that is a step further when it is killed is killed there. */
const points: readonly (readonly [name: string, reached: Point])[] = [
  ['the rule fires', home => entriesOf(home.state, 'episode-opened').length > 0],
  ['the intent is durable', home => has(home, 'intent', 'retrain')],
  ['it is starting', retrainIs('starting', 'started')],
  [
    'a runner is on its way',
    (home, runs) =>
      existsSync(`${join(runs, retrain(home)?.key ?? '?')}.starting`) || runKeys(runs).length > 0,
  ],
  ['the run has its folder', (_, runs) => runKeys(runs).length > 0],
  ['its start is recorded', retrainIs('started')],
  ['the training runs', home => linesOf(join(home.dir, 'world/ran.txt')).length > 0],
  ['the result is there', (_, runs) => runKeys(runs).some(key => existsSync(filesOf(runs, key).result))],
  ['the outcome is recorded', home => has(home, 'outcome', 'retrain')],
  ['the promotion is intended', home => has(home, 'intent', 'promote')],
];

describe('kill -9 when', () => {
  test.each(points)('%s', async (name, reached) => {
    const home = await makeHome(POLICIES);
    try {
      await furnish(home);
      await setLevels(home, { north: 50 });
      // Until the kill the training waits, so that the points before its end cannot be run past.
      const wait = join(home.dir, 'world/wait');
      const early = points.findIndex(([one]) => one === name) < 7;
      if (early) home.write('world/wait', '');
      const runs = join(home.state, 'runs');
      const first = await home.daemon();
      await until(
        name,
        () => reached(home, runs) || undefined,
        () => entriesOf(home.state),
      );
      await first.end('SIGKILL');
      const atKill = entriesOf(home.state);
      console.info(
        `killed when ${name}: retrain ${retrain(home)?.state ?? 'not intended'}, ${atKill.length} entries`,
      );

      const second = await home.daemon();
      rmSync(wait, { force: true });
      const champion = () =>
        JSON.parse(readFileSync(join(home.dir, 'world/registry/churn/champion.json'), 'utf8')).version;
      await until(
        'the new version serves',
        () =>
          (champion() !== 'v1' &&
            has(home, 'outcome', 'promote') &&
            actionsOf(home.state).every(one => one.state === 'succeeded')) ||
          undefined,
        () => [actionsOf(home.state), entriesOf(home.state).map(one => one.body), second.log()],
      );
      await setLevels(home, { north: 5 });
      await until('it is verified', () => entriesOf(home.state, 'episode-ended')[0]);
      expect(await second.end('SIGTERM')).toBe(0);

      const key = retrain(home)?.key ?? '';
      expect(linesOf(join(home.dir, 'world/ran.txt'))).toEqual([key]);
      expect(entriesOf(home.state).slice(0, atKill.length)).toEqual(atKill);
      for (const { id } of actionsOf(home.state)) {
        expect(entriesOf(home.state, 'intent').filter(({ body }) => body.action.id === id)).toHaveLength(1);
        expect(entriesOf(home.state, 'outcome').filter(({ body }) => body.action === id)).toHaveLength(1);
      }
      expect(actionsOf(home.state).map(({ verb, state, attempt }) => [verb, state, attempt])).toEqual([
        ['retrain', 'succeeded', 1],
        ['evaluate', 'succeeded', 1],
        ['promote', 'succeeded', 1],
        ['promote', 'succeeded', 1],
      ]);
      expect(champion()).toBe(`v${key.slice(0, 8)}`);
      expect(entriesOf(home.state, 'episode-ended').map(({ body }) => body.how)).toEqual(['verified']);
      expect(await home.json('ledger', 'verify')).toMatchObject({ ok: true });
      expect((await home.json<{ differences: string[] }>('ledger', 'rebuild')).differences).toEqual([]);
    } finally {
      await home.end();
    }
  });
});
