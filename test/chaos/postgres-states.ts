/** States on a PostgreSQL server: a database each, copied from one in which a scenario's policies are in force. */
import type { Postgres } from '../servers/postgres-server.ts';
import { begin, type States } from './states.ts';

let made = 0;

export function postgresStates(server: Postgres): States {
  const fresh = () => {
    made += 1;
    return `chaos_${made}`;
  };
  const nameOf = (url: string) => new URL(url).pathname.slice(1);
  return {
    name: 'postgres',
    begun: async scenario => {
      const state = await server.url(fresh());
      await begin(state, scenario);
      return state;
    },
    copy: async state => {
      const name = fresh();
      await server.sql(`CREATE DATABASE "${name}" TEMPLATE "${nameOf(state)}" STRATEGY file_copy`);
      return server.url(name);
    },
    // What a killed engine left connected is let go of by the server in its own time.
    remove: async state => void (await server.sql(`DROP DATABASE "${nameOf(state)}" WITH (FORCE)`)),
  };
}
