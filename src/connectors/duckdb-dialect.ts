/** DuckDB's SQL: identifiers, literals, and where a dataset's rows are. */
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { type ConnectionSpec, type DatasetSpec, type Dialect, PortError, type Scalar } from '../model.ts';

/**
 * The dialect of all connections whose relative folders lie below `home`. `relation` throws PortError for a path that leaves
 * its connection's folder.
 */
export function dialectFor(home: string): Dialect {
  return {
    name: 'duckdb',
    relation: (dataset, connection) => relation(dataset, connection, home),
    identifier,
    literal,
    timestamp: at => `TIMESTAMP '${new Date(at).toISOString().replace('T', ' ').replace('Z', '')}'`,
  };
}

/** The absolute folder of a connection. */
export function folderOf(connection: ConnectionSpec, home: string): string {
  return resolve(home, connection.path ?? '.');
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Numbers keep every bit: one that is not a small whole number gets an exponent, else it would be read as a decimal. */
function literal(value: Scalar): string {
  if (typeof value === 'boolean') return value ? 'TRUE' : 'FALSE';
  if (typeof value === 'string') return text(value);
  if (!Number.isFinite(value)) return `'${value}'::DOUBLE`;
  const digits = String(value);
  return Number.isSafeInteger(value) || digits.includes('e') ? digits : `${digits}e0`;
}

function text(value: string): string {
  if (value.includes('\0')) throw refused('text with a NUL character', 'a value', 'remove the character');
  return `'${value.replaceAll("'", "''")}'`;
}

const readers = [
  { suffix: '.parquet', read: 'read_parquet' },
  { suffix: '.csv', read: 'read_csv' },
] as const;

function relation(dataset: DatasetSpec, connection: ConnectionSpec, home: string): string {
  if (dataset.table !== undefined) return dataset.table.split('.').map(identifier).join('.');
  const path = dataset.path ?? '';
  const reader = readers.find(r => path.toLowerCase().endsWith(r.suffix));
  if (reader === undefined)
    throw refused(
      `the path ${path}`,
      `dataset ${dataset.name}`,
      'expected files that end in .parquet or .csv',
    );
  const root = folderOf(connection, home);
  const file = resolve(root, path);
  const inside = relative(root, file);
  if (isAbsolute(path) || inside.startsWith(`..${sep}`) || inside === '..' || isAbsolute(inside))
    throw refused(
      `the path ${path}, which leaves the folder of connection ${connection.name}`,
      `dataset ${dataset.name}`,
      'expected a path below it',
    );
  return `${reader.read}(${text(file)})`;
}

function refused(found: string, where: string, todo: string): PortError {
  return new PortError(`${where}: found ${found}; ${todo}.`, {
    code: 'refused',
    retry: 'never',
    subject: where,
  });
}
