/** The world as a draft may see it: what was recorded, and the embedded engine. Its new queries reach nobody's server. Pure. */
import type { Compiled } from '../dsl/index.ts';
import type { World } from '../engine/world.ts';
import { type ClosedPolicy, type Connector, type Json, PortError } from '../model.ts';

/** Connectors that run in this process, on the folders that daemon.yaml and Connections name. */
const EMBEDDED: ReadonlySet<Connector> = new Set<Connector>(['duckdb', 'local']);

/** True when nothing that this policy observes lies on a server. */
export function isEmbedded({ documents }: ClosedPolicy): boolean {
  return Object.values(documents.connections).every(one => EMBEDDED.has(one.connector));
}

/** The world with the queries of the embedded engine, and of others those whose very text is in force in `base`. */
export function draftWorld<W extends World>(world: W, base: Compiled): W {
  const known = new Set(base.closed.flatMap(({ observe }) => textsIn(observe as unknown as Json)));
  return {
    ...world,
    queryData: async (connection, query) => {
      const text = 'sql' in query ? query.sql : query.promql;
      if (EMBEDDED.has(connection.connector) || known.has(text)) return world.queryData(connection, query);
      throw new PortError(
        `connection ${connection.name}: a draft's own queries are not sent to a server before a person has merged them; expected what was recorded, or a text that is in force.`,
        { code: 'draft-query', retry: 'never', subject: connection.name },
      );
    },
  };
}

function textsIn(value: Json | undefined): readonly string[] {
  if (typeof value === 'string') return [value];
  if (value === null || typeof value !== 'object') return [];
  return Object.values(value).flatMap(one => textsIn(one as Json));
}
