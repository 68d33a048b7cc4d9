/** Ports with a tap on every call, so that one of them can be made to fail, or to be the last thing that a process does. */
import type { World } from '../../src/engine/world.ts';
import type { Effect, Store, Transaction } from '../../src/model.ts';

/** Told of each call by its name (`store.transaction`, `tx.append`, `effect.start`). May throw, or end the process. */
export interface Tap {
  before(name: string): void;
  /** Only of calls that change something: after a read is before what comes next. */
  after(name: string): void;
}

const CHANGES = ['transaction', 'putProfile', 'setMeta', 'claimTargets', 'releaseTargets', 'start', 'cancel'];

/** The same world with the tap on its ports, and with `within` on each statement of a transaction and its commit too. */
export function tapped(world: World, tap: Tap, within: boolean): World {
  const transaction: Store['transaction'] = work =>
    world.store.transaction(async tx => {
      const result = await work(tapOn<Transaction>(tx, 'tx', tap));
      tap.before('tx.commit');
      return result;
    });
  const store = within ? over(world.store, { transaction }) : world.store;
  return {
    ...world,
    store: tapOn<Store>(store, 'store', tap),
    queryData: call('queryData', tap, world.queryData),
    readServing: call('readServing', tap, world.readServing),
    effectFor: (capability, connection) =>
      tapOn<Effect>(world.effectFor(capability, connection), 'effect', tap),
  };
}

/** A port with some of its methods replaced. */
export function over<T extends object>(port: T, methods: Partial<T>): T {
  return new Proxy(port, {
    get: (target, name) => Reflect.get(name in methods ? methods : target, name),
  });
}

function tapOn<T extends object>(port: T, area: string, tap: Tap): T {
  return new Proxy(port, {
    get: (target, name) => {
      const value = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return call(`${area}.${String(name)}`, tap, value.bind(target));
    },
  });
}

function call<Args extends unknown[], T>(
  name: string,
  tap: Tap,
  real: (...args: Args) => Promise<T>,
): (...args: Args) => Promise<T> {
  const changes = CHANGES.includes(name.split('.')[1] ?? '');
  return async (...args) => {
    tap.before(name);
    const answer = await real(...args);
    if (changes) tap.after(name);
    return answer;
  };
}
