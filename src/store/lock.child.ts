/** A process that takes the engine's lock and keeps it until it is killed, for the lock's tests. */
import { acquireEngineLock } from './engine-lock.ts';

await acquireEngineLock(process.argv[2] ?? '');
process.stdout.write('held\n');
setInterval(() => undefined, 60_000);
