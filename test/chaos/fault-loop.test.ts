/**
 * The reference scenarios with their k-th port call failing before its effect and after it, and killed there by a real
 * `kill -9`, on SQLite.
 */
import { faultLoopContract } from './fault-loop.contract.ts';
import { sqliteStates } from './states.ts';

faultLoopContract({ errors: 12, kills: 4 }, async folder => ({
  states: sqliteStates(folder),
  close: async () => {},
}));
