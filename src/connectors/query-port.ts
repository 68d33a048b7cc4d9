/** The query port: which connector answers a connection's queries, within the connection's limits. */
import { type ConnectionSpec, type Dialect, never, PortError, type QueryData } from '../model.ts';
import { type Bounds, dataPort } from './duckdb-port.ts';
import { type Elapsed, limits } from './limits.ts';
import { askPrometheus } from './prometheus.ts';
import type { Secrets } from './secrets.ts';

/** Folders of connections are relative to `home`. Engines that were opened are kept until `close`. */
export function queryPort(options: {
  readonly home: string;
  /** The folder of the state: no connection reads it. */
  readonly state?: string;
  readonly secrets: Secrets;
  readonly elapsed?: Elapsed;
  /** Of the embedded engine. */
  readonly bounds?: Bounds;
}): { readonly query: QueryData; readonly dialect: Dialect; close(): Promise<void> } {
  const duckdb = dataPort(options.home, options.state, options.bounds);
  const limited = limits(options.elapsed);
  return {
    dialect: duckdb.dialect,
    close: () => duckdb.close(),
    query: async (connection, query) => {
      switch (connection.connector) {
        case 'duckdb':
          if (!('sql' in query)) throw misasked(connection, 'SQL', 'PromQL');
          return limited(connection, () => duckdb.query(connection, query));
        case 'prometheus':
          if ('sql' in query) throw misasked(connection, 'PromQL', 'SQL');
          return limited(connection, () => askPrometheus(connection, query, options.secrets));
        case 'local':
          throw misasked(connection, 'no queries', 'one');
        default:
          return never(connection.connector);
      }
    },
  };
}

function misasked({ name, connector }: ConnectionSpec, takes: string, found: string): PortError {
  return new PortError(`connection ${name} is ${connector} and takes ${takes}; found ${found}.`, {
    code: 'refused',
    retry: 'never',
    subject: name,
  });
}
