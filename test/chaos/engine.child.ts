/** Engines that are killed: a process that loads everything, says so, lives one life as it is told, and dies or reports. */
import { enableCompileCache } from 'node:module';

enableCompileCache();
// After the cache is on: it is what makes a thousand starts bearable.
const { live, openState, slowWorld } = await import('./engine.ts');
const { die, faultyTap } = await import('./fault.ts');
const { plantAt } = await import('./plant-client.ts');
const { SCENARIOS } = await import('./scenarios.ts');
const { tapped } = await import('./tap.ts');

process.once('message', message => {
  liveOnce(message as import('./killed-engine.ts').Life).then(
    calls => process.send?.({ calls }, () => process.exit(0)),
    error => process.send?.({ error: String(error?.stack ?? error) }, () => process.exit(1)),
  );
});
process.send?.('ready');

async function liveOnce(life: import('./killed-engine.ts').Life): Promise<number> {
  const scenario = SCENARIOS[life.scenario];
  if (scenario === undefined) throw new Error(`no scenario ${life.scenario}`);
  const plant = plantAt(life.plant, String(process.pid));
  const store = await openState(life.state);
  const slow = await slowWorld(store, plant);
  const tap = faultyTap(life.fault, die);
  await live({ ...slow, world: tapped(slow.world, tap, life.within) }, plant, scenario, scenario.steps);
  await store.close();
  plant.close();
  return tap.calls();
}
