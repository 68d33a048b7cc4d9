/**
 * What SQL may be: one SELECT over files and tables of its connection. DuckDB's own parser says what stands in it; the engine is
 * locked down beside that, so that what passes here by mistake still reads nothing else.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { type Json, PortError } from '../model.ts';

/** Table functions that read files below the connection's folder, or nothing. */
const TABLE_FUNCTIONS: ReadonlySet<string> = new Set([
  ...['files', 'read_parquet', 'parquet_scan', 'read_csv', 'read_csv_auto', 'sniff_csv'],
  ...['range', 'generate_series', 'unnest', 'repeat'],
]);
/** Functions that tell of the process and not of the data. */
const OF_THE_PROCESS: ReadonlySet<string> = new Set(['getenv', 'current_setting', 'getvariable']);
const OF_THE_ENGINE = /^(duckdb_|pragma_|sqlite_|pg_)/;
const SCHEMAS: ReadonlySet<string> = new Set(['information_schema', 'pg_catalog']);

/** Throws PortError `refused` when the text is no single SELECT, or reads what is not the connection's. A text that cannot be parsed passes. */
export async function requireSelect(connection: DuckDBConnection, sql: string, name: string): Promise<void> {
  if (sql.includes('\0')) throw refused(name, 'a NUL character');
  const text = `'${sql.replaceAll("'", "''")}'`;
  const reader = await connection.runAndReadAll(`SELECT json_serialize_sql(${text})`);
  const parsed = JSON.parse(String(reader.getRows()[0]?.[0] ?? '{}')) as {
    readonly error?: boolean;
    readonly error_type?: string;
    readonly statements?: readonly Json[];
  };
  // What is wrong with the text is told, with its place, by whoever prepares it.
  if (parsed.error && parsed.error_type !== 'not implemented') return;
  const { statements = [] } = parsed;
  if (parsed.error) throw refused(name, 'a statement that is no SELECT');
  if (statements.length > 1) throw refused(name, `${statements.length} statements`);
  const found = foreignIn(statements as Json);
  if (found !== undefined) throw refused(name, found);
}

/** What a parsed statement reads that is not the connection's; undefined when there is nothing. */
function foreignIn(node: Json | undefined): string | undefined {
  if (node === null || typeof node !== 'object') return undefined;
  if (Array.isArray(node)) return firstOf(node);
  const {
    type,
    function: called,
    function_name,
    table_name,
    schema_name,
    query: shown,
  } = node as Record<string, Json>;
  // To describe a SELECT is to look at it; anything else that is shown is the engine's.
  if (type === 'SHOW_REF' && (shown ?? null) === null) return 'SHOW or DESCRIBE';
  if (type === 'TABLE_FUNCTION') {
    const of = (called as { readonly function_name?: Json } | null)?.function_name;
    const named = String(of).toLowerCase();
    if (!TABLE_FUNCTIONS.has(named)) return `the table function ${named}`;
  }
  if (type === 'BASE_TABLE') {
    const table = String(table_name).toLowerCase();
    if (SCHEMAS.has(String(schema_name).toLowerCase()) || OF_THE_ENGINE.test(table))
      return `the engine's own table ${table}`;
  }
  const named = String(function_name ?? '').toLowerCase();
  if (OF_THE_PROCESS.has(named)) return `the function ${named}`;
  return firstOf(Object.values(node));
}

function firstOf(nodes: readonly (Json | undefined)[]): string | undefined {
  for (const one of nodes) {
    const found = foreignIn(one);
    if (found !== undefined) return found;
  }
  return undefined;
}

function refused(name: string, found: string): PortError {
  return new PortError(
    `connection ${name}: found ${found}; expected exactly one SELECT over files below the connection's folder.`,
    { code: 'refused', retry: 'never', subject: name },
  );
}
