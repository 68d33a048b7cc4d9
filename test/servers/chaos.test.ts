/** The fault loop on a real PostgreSQL: the k-th port call fails before its effect and after it, or is a `kill -9`. */
import { faultLoopContract } from '../chaos/fault-loop.contract.ts';
import { postgresStates } from '../chaos/postgres-states.ts';
import { startPostgres } from './postgres-server.ts';

faultLoopContract({ errors: 4, kills: 3 }, async () => {
  // The engine is killed here, never the server: what it has not synced is safe.
  const server = await startPostgres(['fsync=off']);
  return { states: postgresStates(server), close: () => server.remove() };
});
