/** DuckDB in this process: one locked-down instance a connection, which answers single SELECTs over its folder. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  type DuckDBConnection,
  type DuckDBExtractedStatements,
  DuckDBInstance,
  StatementType,
} from '@duckdb/node-api';
import { type Dialect, type Json, PortError, type Query, type Row } from '../model.ts';
import { dialectFor } from './duckdb-dialect.ts';
import { requireSelect } from './duckdb-select.ts';
import { jsonOf } from './duckdb-values.ts';

export { dialectFor } from './duckdb-dialect.ts';

export interface DuckdbOptions {
  /** For messages. */
  readonly name?: string;
  /** As DuckDB writes it: `2GB`. */
  readonly memory?: string;
  readonly timeoutMs?: number;
  /** Cores; all of them unless said. */
  readonly threads?: number;
}

export interface Duckdb {
  query(query: Query): Promise<readonly Row[]>;
  readonly dialect: Dialect;
  close(): Promise<void>;
}

const MEMORY = '2GB';
const TIMEOUT_MS = 60_000;

/** Rows of one answer: an aggregate has few, and raw rows are never moved. */
const MOST_ROWS = 100_000;

/** Queries at once: each uses all cores, and the memory limit is for all of them together. */
const CONCURRENT = 2;

/**
 * An in-memory engine that reads files below `root` and nothing else: no other file, no network, no extension, no setting
 * can be reached from SQL, and only single SELECT statements are run. Values come back as `jsonOf` says. Its queries throw
 * PortError: `absent` (no such file or table), `unreadable`, `no-column`, `timeout`, `memory`, `refused`, `bad-query`,
 * `failed`.
 */
export function openDuckdb(root: string, options: DuckdbOptions = {}): Duckdb {
  const name = options.name ?? root;
  const folder = resolve(root);
  const opened = start(folder, options, name);
  // A query that awaits it reports the failure; unawaited, it must not end the process.
  opened.catch(() => undefined);
  const running = new Set<Promise<unknown>>();
  const inTurn = turns(CONCURRENT);
  return {
    dialect: dialectFor(folder),
    query: query => {
      if (!('sql' in query))
        return Promise.reject(
          new PortError(`${name}: it was asked in PromQL; expected SQL. Ask it with sql.`, {
            ...{ code: 'refused', retry: 'never', subject: name },
          }),
        );
      const answer = inTurn(() => ask(opened, query.sql, options.timeoutMs ?? TIMEOUT_MS, name)).catch(
        cause => {
          throw existsSync(folder) ? cause : folderGone(name, folder, cause);
        },
      );
      running.add(answer);
      return answer.finally(() => running.delete(answer));
    },
    close: async () => {
      await Promise.allSettled(running);
      const instance = await opened.catch(() => undefined);
      instance?.closeSync();
    },
  };
}

/** Runs at most `most` pieces of work at once, the others in the order in which they came. */
function turns(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let free = most;
  return async work => {
    if (free > 0) free--;
    else await new Promise<void>(resolve => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}

/** `files('orders/*.parquet')` in SQL of policies: Parquet files below the connection's folder, and nowhere else. */
function filesMacro(folder: string): string {
  const prefix = `${folder}/`.replaceAll("'", "''");
  return `CREATE MACRO files(pattern) AS TABLE SELECT * FROM read_parquet('${prefix}' || pattern)`;
}

async function start(
  folder: string,
  { memory = MEMORY, threads }: DuckdbOptions,
  name: string,
): Promise<DuckDBInstance> {
  try {
    const instance = await DuckDBInstance.create(':memory:', {
      memory_limit: memory,
      ...(threads === undefined ? {} : { threads: String(threads) }),
      // Nothing is spilled: a query that does not fit says so.
      temp_directory: '',
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
    });
    const connection = await instance.connect();
    await connection.run(`SET TimeZone = 'UTC'`);
    await connection.run(`SET allowed_directories = ['${`${folder}/`.replaceAll("'", "''")}']`);
    await connection.run(filesMacro(folder));
    await connection.run('SET enable_external_access = false');
    await connection.run('SET lock_configuration = true');
    connection.closeSync();
    return instance;
  } catch (cause) {
    throw new PortError(
      `connection ${name}: DuckDB did not start (${firstLine(cause)}); check limits.memory, such as 2GB.`,
      { code: 'failed', retry: 'never', subject: name, cause },
    );
  }
}

async function ask(
  opened: Promise<DuckDBInstance>,
  sql: string,
  timeoutMs: number,
  name: string,
): Promise<readonly Row[]> {
  const instance = await opened;
  const connection = await instance.connect();
  let late = false;
  const stop: NodeJS.Timeout[] = [];
  // More than once: an interrupt between two statements is forgotten.
  const timer = setTimeout(() => {
    late = true;
    stop.push(setInterval(() => connection.interrupt(), 100));
    connection.interrupt();
  }, timeoutMs);
  try {
    return await select(connection, sql, name);
  } catch (cause) {
    if (late) throw timedOut(name, timeoutMs, cause);
    throw explained(cause, name, await existingColumns(connection, sql, cause));
  } finally {
    clearTimeout(timer);
    stop.forEach(clearInterval);
    connection.closeSync();
  }
}

/** Runs exactly one SELECT: DuckDB's own parser counts the statements and says of what kind they are. */
async function select(connection: DuckDBConnection, sql: string, name: string): Promise<readonly Row[]> {
  await requireSelect(connection, sql, name);
  const statements = await parsed(connection, sql);
  if (statements.count !== 1) throw notSelect(name, `${statements.count} statements`);
  const statement = await statements.prepare(0);
  try {
    if (statement.statementType !== StatementType.SELECT)
      throw notSelect(name, `a ${StatementType[statement.statementType]} statement`);
    if (statement.parameterCount > 0) throw notSelect(name, 'a statement with parameters');
    const reader = await statement.streamAndReadUntil(MOST_ROWS + 1);
    if (reader.currentRowCount > MOST_ROWS) throw tooManyRows(name);
    const columns = reader.deduplicatedColumnNames();
    return reader.getRows().map(row => Object.fromEntries(columns.map((c, i) => [c, cell(row[i])])));
  } finally {
    statement.destroySync();
  }

  function cell(value: Parameters<typeof jsonOf>[0] | undefined): Json {
    return value === undefined ? null : jsonOf(value);
  }
}

async function parsed(connection: DuckDBConnection, sql: string): Promise<DuckDBExtractedStatements> {
  try {
    return await connection.extractStatements(sql);
  } catch (cause) {
    // It does not say what is wrong with the text; preparing it, which runs nothing, does.
    const statement = await connection.prepare(sql);
    statement.destroySync();
    throw cause;
  }
}

function tooManyRows(name: string): PortError {
  return new PortError(
    `connection ${name}: the query gives more than ${MOST_ROWS} rows; expected an aggregate, or a LIMIT.`,
    { code: 'budget', retry: 'never', subject: name },
  );
}

function notSelect(name: string, found: string): PortError {
  return new PortError(`connection ${name}: found ${found}; expected exactly one SELECT.`, {
    code: 'refused',
    retry: 'never',
    subject: name,
  });
}

/** The connection as a whole: whatever was asked of it, nothing is there. */
function folderGone(name: string, folder: string, cause: unknown): PortError {
  return new PortError(
    `connection ${name}: its folder ${folder} is not there; mount it, or correct the path of the Connection.`,
    { code: 'unreachable', retry: 'later', subject: name, cause },
  );
}

function timedOut(name: string, timeoutMs: number, cause: unknown): PortError {
  return new PortError(
    `connection ${name}: the query did not end within ${timeoutMs} ms and was stopped; raise limits.timeout or narrow the window.`,
    { code: 'timeout', retry: 'later', subject: name, cause },
  );
}

const MISSING_COLUMN = /^Binder Error: (Referenced column|Table ".*" does not have a column)/;

/** What each kind of DuckDB error means to the person who has to act on it. */
const causes: readonly {
  readonly when: RegExp;
  readonly code: string;
  readonly retry: 'later' | 'never';
  readonly todo: string;
}[] = [
  {
    when: /No files found that match/,
    code: 'absent',
    retry: 'later',
    todo: 'check the path of the Dataset, or whether the files have arrived',
  },
  {
    when: /^Catalog Error: Table with name/,
    code: 'absent',
    retry: 'never',
    todo: 'check the table of the Dataset; files are named by path',
  },
  {
    when: MISSING_COLUMN,
    code: 'no-column',
    retry: 'never',
    todo: 'check the columns of the Dataset against its files',
  },
  {
    when: /^Permission Error/,
    code: 'refused',
    retry: 'never',
    todo: "only files below the connection's folder can be read",
  },
  {
    when: /^Out of Memory/,
    code: 'memory',
    retry: 'later',
    todo: 'raise limits.memory or narrow the window',
  },
  {
    when: /^(?!Parser|Binder|Catalog|Syntax).*(Parquet|parquet|sniffing|CSV)|^Invalid Input Error: File|^IO Error/s,
    code: 'unreadable',
    retry: 'later',
    todo: 'the file is damaged, unfinished or not what its name says; write it anew',
  },
  {
    when: /^Conversion Error/,
    code: 'unreadable',
    retry: 'never',
    todo: 'a column holds values that are not of its declared type',
  },
  {
    when: /^(Parser|Binder|Catalog|Syntax|Invalid Input) Error/,
    code: 'bad-query',
    retry: 'never',
    todo: 'correct the SQL',
  },
];

function explained(cause: unknown, name: string, columns: readonly string[]): PortError {
  if (cause instanceof PortError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  const kind = causes.find(c => c.when.test(message));
  const found = firstLine(cause) + (columns.length === 0 ? '' : `; there are ${columns.join(', ')}`);
  return new PortError(`connection ${name}: ${found}; ${kind?.todo ?? 'see the cause'}.`, {
    code: kind?.code ?? 'failed',
    retry: kind?.retry ?? 'later',
    subject: name,
    cause,
  });
}

/** The columns of the files that a query reads, for the message about one that they lack. */
async function existingColumns(
  connection: DuckDBConnection,
  sql: string,
  cause: unknown,
): Promise<readonly string[]> {
  if (!(cause instanceof Error) || !MISSING_COLUMN.test(cause.message)) return [];
  const relations = new Set(sql.match(/read_(parquet|csv)\('(?:[^']|'')*'\)/g) ?? []);
  const names = new Set<string>();
  for (const relation of relations) {
    const described = await connection
      .runAndReadAll(`DESCRIBE SELECT * FROM ${relation}`)
      .catch(() => undefined);
    for (const row of described?.getRows() ?? []) names.add(String(row[0]));
  }
  return [...names];
}

function firstLine(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  return (message.split('\n')[0] ?? '').replace(/[.!;]+$/, '');
}
