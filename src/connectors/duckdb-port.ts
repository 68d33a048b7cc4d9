/** The engines of all duckdb connections of a process, each opened when it is first asked. */
import { resolve, sep } from 'node:path';
import { type ConnectionSpec, type Dialect, PortError, type QueryData } from '../model.ts';
import { type Duckdb, type DuckdbOptions, openDuckdb } from './duckdb.ts';
import { dialectFor, folderOf } from './duckdb-dialect.ts';

/** What engines take at most, where a connection does not say less. */
export type Bounds = Pick<DuckdbOptions, 'memory' | 'timeoutMs' | 'threads'>;

/**
 * The data port: one engine a connection, opened when it is first asked and kept until `close`. Folders of connections are
 * relative to `home`. A folder that holds the `state`, or is within it, is never read.
 */
export function dataPort(
  home: string,
  state?: string,
  bounds: Bounds = {},
): {
  readonly query: QueryData;
  readonly dialect: Dialect;
  close(): Promise<void>;
} {
  const engines = new Map<string, Duckdb>();
  return {
    dialect: dialectFor(home),
    query: async (connection, query) => {
      requireApart(connection, home, state);
      const key = JSON.stringify([connection.name, connection.path ?? '', connection.limits]);
      const engine =
        engines.get(key) ?? openDuckdb(folderOf(connection, home), optionsOf(connection, bounds));
      engines.set(key, engine);
      return engine.query(query);
    },
    close: async () => {
      await Promise.all([...engines.values()].map(engine => engine.close()));
      engines.clear();
    },
  };
}

function requireApart(connection: ConnectionSpec, home: string, state: string | undefined): void {
  if (state === undefined) return;
  const [folder, kept] = [folderOf(connection, home), resolve(state)];
  const holds = (outer: string, inner: string) => inner === outer || inner.startsWith(`${outer}${sep}`);
  if (!holds(folder, kept) && !holds(kept, folder)) return;
  throw new PortError(
    `connection ${connection.name}: its folder ${folder} is not apart from the state of Flyball in ${kept}; expected a folder of data alone.`,
    { code: 'refused', retry: 'never', subject: connection.name },
  );
}

/** No more than the connection's own limits. */
function optionsOf(connection: ConnectionSpec, bounds: Bounds): DuckdbOptions {
  const { memory = bounds.memory, timeoutMs } = connection.limits;
  const { threads, timeoutMs: most = Number.POSITIVE_INFINITY } = bounds;
  return {
    ...{ name: connection.name, timeoutMs: Math.min(timeoutMs, most) },
    ...(memory === undefined ? {} : { memory }),
    ...(threads === undefined ? {} : { threads }),
  };
}
