/** The example's own DuckDB: an in-memory engine over the Parquet files, and files that appear whole or not at all. */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';

/** An open engine. `columns` gives each column of the answer as an array, in the order of the query. */
export interface Warehouse {
  readonly connection: DuckDBConnection;
  run(sql: string): Promise<void>;
  rows(sql: string): Promise<readonly Record<string, unknown>[]>;
  columns(sql: string): Promise<readonly unknown[][]>;
  close(): void;
}

/** A new in-memory engine of two threads. The caller closes it. */
export async function openWarehouse(): Promise<Warehouse> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2', memory_limit: '1GB' });
  const connection = await instance.connect();
  return {
    connection,
    run: async sql => {
      await connection.run(sql);
    },
    rows: async sql => (await connection.runAndReadAll(sql)).getRowObjectsJS(),
    columns: async sql => {
      const reader = await connection.runAndReadAll(sql);
      const columns = reader.getColumnsJS() as unknown[][];
      // For no rows the engine gives no columns either.
      return Array.from({ length: reader.columnCount }, (_, index) => columns[index] ?? []);
    },
    close: () => {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** What `use` gives back; the engine is closed in any case. */
export async function withWarehouse<T>(use: (warehouse: Warehouse) => Promise<T>): Promise<T> {
  const warehouse = await openWarehouse();
  try {
    return await use(warehouse);
  } finally {
    warehouse.close();
  }
}

/** A SQL string literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Writes the answer of `query` as one Parquet file that appears by rename. */
export async function writeParquet(warehouse: Warehouse, query: string, path: string): Promise<void> {
  await appear(path, temporary =>
    warehouse.run(`COPY (${query}) TO ${literal(temporary)} (FORMAT parquet, COMPRESSION zstd)`),
  );
}

/** Writes a value as JSON that appears by rename. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await appear(path, temporary => writeFile(temporary, `${JSON.stringify(value, null, 2)}\n`));
}

/** Lets `write` fill a temporary file beside `path`, then renames it; a failure leaves no file. */
export async function appear(path: string, write: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  await mkdir(dirname(path), { recursive: true });
  try {
    await write(temporary);
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw cause;
  }
}
