/** The DuckDB connector on real files: what it gives back, what it refuses, and how it says what is wrong. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ConnectionSpec, type DatasetSpec, PortError } from '../model.ts';
import { type Duckdb, dialectFor, openDuckdb } from './duckdb.ts';
import { dataPort } from './duckdb-port.ts';

const home = mkdtempSync(join(tmpdir(), "flyball-duck'db-"));
const root = join(home, 'warehouse');
const quoted = (path: string) => `'${path.replaceAll("'", "''")}'`;
let duckdb: Duckdb;

beforeAll(async () => {
  mkdirSync(join(root, 'data'), { recursive: true });
  writeFileSync(join(home, 'outside.csv'), 'secret\n1\n');
  writeFileSync(join(root, 'bad.parquet'), 'this is not a Parquet file');
  writeFileSync(join(root, 'data', 'a.csv'), 'x,y\n1,2\n3,4\n');
  const writer = await DuckDBInstance.create(':memory:');
  const connection = await writer.connect();
  await connection.run(
    `COPY (SELECT 1 AS a, 'x' AS b) TO ${quoted(join(root, 'data', 'one.parquet'))} (FORMAT parquet)`,
  );
  connection.closeSync();
  writer.closeSync();
  duckdb = openDuckdb(root, { name: 'warehouse', memory: '300MB', timeoutMs: 20_000 });
});

afterAll(async () => {
  await duckdb.close();
  rmSync(home, { recursive: true, force: true });
});

async function refusal(sql: string): Promise<PortError> {
  const outcome = await duckdb.query({ sql }).then(
    rows => rows,
    (error: unknown) => error,
  );
  expect(outcome, sql).toBeInstanceOf(PortError);
  return outcome as PortError;
}

const connection: ConnectionSpec = {
  name: 'warehouse',
  connector: 'duckdb',
  access: 'read',
  path: 'warehouse',
  commands: {},
  limits: { timeoutMs: 20_000, memory: '300MB' },
};
const dataset = (part: Partial<DatasetSpec>): DatasetSpec => ({
  name: 'd',
  connection: 'warehouse',
  columns: {},
  ...part,
});

describe('values', () => {
  test.each([
    ['1::BIGINT', 1],
    ['9007199254740993::BIGINT', '9007199254740993'],
    ['170141183460469231731687303715884105727::HUGEINT', '170141183460469231731687303715884105727'],
    ['sum(1)', 1],
    ['1.25::DECIMAL(10,2)', 1.25],
    ["'NaN'::DOUBLE", 'NaN'],
    ["'-Infinity'::DOUBLE", '-Infinity'],
    ["'Infinity'::FLOAT", 'Infinity'],
    ["TIMESTAMP '2001-01-01 00:00:00.5'", 978307200500],
    ["TIMESTAMPTZ '2001-01-01 01:00:00+01'", 978307200000],
    ["TIMESTAMP_S '2001-01-01 00:00:00'", 978307200000],
    ["'infinity'::TIMESTAMP", 'infinity'],
    ["DATE '2001-02-03'", '2001-02-03'],
    ['NULL', null],
    ['true', true],
    ["'it''s'", "it's"],
    ['[1, NULL, 3]', [1, null, 3]],
    ["{'a': 1, 'b': [2]}", { a: 1, b: [2] }],
    ['MAP {1.5::DOUBLE: 2::BIGINT}', [[1.5, 2]]],
    ["'00000000-0000-0000-0000-000000000001'::UUID", '00000000-0000-0000-0000-000000000001'],
  ])('%s', async (sql, want) => {
    expect(await duckdb.query({ sql: `SELECT ${sql} AS v` })).toEqual([{ v: want }]);
  });
});

describe('what is refused', () => {
  test.each([
    [`SELECT * FROM read_csv('/etc/passwd')`, 'refused'],
    [`SELECT * FROM read_text('/etc/passwd')`, 'refused'],
    [`SELECT * FROM glob('/etc/*')`, 'refused'],
    [`SELECT * FROM ${quoted(join(home, 'outside.csv'))}`, 'refused'],
    [`SELECT * FROM read_csv(${quoted(join(root, '..', 'outside.csv'))})`, 'refused'],
    [`SELECT * FROM read_csv(${quoted(`${root}/../outside.csv`)})`, 'refused'],
    [`COPY (SELECT 1) TO ${quoted(join(root, 'out.csv'))}`, 'refused'],
    [`ATTACH ${quoted(join(root, 'x.db'))}`, 'refused'],
    ['SET threads = 1', 'refused'],
    ['INSTALL httpfs', 'refused'],
    ['LOAD httpfs', 'refused'],
    ['CREATE TABLE t (x INT)', 'refused'],
    ['DROP TABLE t', 'refused'],
    ['SELECT 1; SELECT 2', 'refused'],
    ['SELECT 1; DROP TABLE t', 'refused'],
    ['EXPLAIN SELECT 1', 'refused'],
    ['PRAGMA version', 'refused'],
    ['CALL duckdb_settings()', 'refused'],
    ['SHOW TABLES', 'refused'],
    ['DESCRIBE t', 'absent'],
    [`DESCRIBE SELECT * FROM read_text('/etc/passwd')`, 'refused'],
    ['SELECT * FROM duckdb_settings()', 'refused'],
    ['SELECT * FROM duckdb_secrets()', 'refused'],
    ['SELECT * FROM information_schema.tables', 'refused'],
    [`SELECT * FROM read_blob(${quoted(join(root, 'bad.parquet'))})`, 'refused'],
    [`SELECT * FROM glob(${quoted(join(root, '*'))})`, 'refused'],
    [`SELECT * FROM query('SELECT 1')`, 'refused'],
    [`WITH a AS (SELECT * FROM range(3)) SELECT (SELECT count(*) FROM Read_Text('x')) FROM a`, 'refused'],
    [`SELECT current_setting('allowed_directories')`, 'refused'],
    ['SELECT * FROM range(100001)', 'budget'],
    ['INSERT INTO t VALUES (1)', 'refused'],
    [`EXPORT DATABASE ${quoted(join(root, 'out'))}`, 'refused'],
    ['CREATE MACRO f() AS 1', 'refused'],
    ['SELECT ?', 'refused'],
    ["SELECT 'a; b' AS v, 1 /* ; */ FROM nothing", 'absent'],
    ['', 'bad-query'],
    ['SELEC 1', 'bad-query'],
    ['SELECT list(a) FROM range(100000000) t(a)', 'memory'],
  ])('%s', async (sql, code) => {
    expect((await refusal(sql)).code).toBe(code);
  });

  test('text that looks like statements is only text', async () => {
    expect(await duckdb.query({ sql: `SELECT 'x; DROP TABLE t' AS v` })).toEqual([{ v: 'x; DROP TABLE t' }]);
  });

  test('a query that takes too long is stopped, and the engine goes on', async () => {
    const hasty = openDuckdb(root, { name: 'warehouse', timeoutMs: 50 });
    const sql = 'SELECT sum(a.range * b.range) AS v FROM range(10000000) a, range(10000000) b';
    await expect(hasty.query({ sql })).rejects.toMatchObject({ code: 'timeout', retry: 'later' });
    expect(await hasty.query({ sql: 'SELECT 1 AS v' })).toEqual([{ v: 1 }]);
    await hasty.close();
  });

  test('an engine that cannot start says so at the query', async () => {
    const broken = openDuckdb(root, { name: 'warehouse', memory: 'much' });
    await expect(broken.query({ sql: 'SELECT 1' })).rejects.toThrow(/limits.memory/);
    await broken.close();
  });
});

describe('files', () => {
  const port = dataPort(home);
  afterAll(() => port.close());
  const count = (part: Partial<DatasetSpec>) =>
    port.query(connection, {
      sql: `SELECT count(*) AS n FROM ${port.dialect.relation(dataset(part), connection)}`,
    });

  test.each([
    ['data/*.parquet', 1],
    ['data/one.parquet', 1],
    ['data/a.csv', 2],
  ])('%s is read', async (path, n) => {
    expect(await count({ path })).toEqual([{ n }]);
  });

  test.each([
    ['none/*.parquet', 'absent', /No files found .*none\/\*\.parquet.*path of the Dataset/],
    ['bad.parquet', 'unreadable', /bad\.parquet.*write it anew/],
  ])('%s is explained', async (path, code, text) => {
    await expect(count({ path })).rejects.toMatchObject({ code, message: expect.stringMatching(text) });
  });

  test('a table that is not there is explained', async () => {
    await expect(count({ table: 'ml.flights' })).rejects.toMatchObject({ code: 'absent' });
  });

  test('a folder that is not there is the connection that cannot be reached, whatever was asked', async () => {
    const gone = openDuckdb(join(home, 'nowhere'), { name: 'lake' });
    await expect(gone.query({ sql: "SELECT * FROM files('x.parquet')" })).rejects.toMatchObject({
      code: 'unreachable',
      subject: 'lake',
      message: expect.stringMatching(/^connection lake: its folder .*nowhere is not there; mount it/),
    });
    await gone.close();
  });

  test('a missing column is named beside the existing ones', async () => {
    const from = port.dialect.relation(dataset({ path: 'data/one.parquet' }), connection);
    await expect(port.query(connection, { sql: `SELECT delay FROM ${from}` })).rejects.toMatchObject({
      code: 'no-column',
      message: expect.stringMatching(/"delay" not found.*there are a, b/),
    });
  });

  test.each(['../outside.csv', 'data/../../outside.csv', '/etc/passwd.csv', '..', 'data/x.txt'])(
    'the path %s is refused before any query',
    path => {
      expect(() => dialectFor(home).relation(dataset({ path }), connection)).toThrow(PortError);
    },
  );
});

test('the folder of the state is no connection’s', async () => {
  const port = dataPort(home, join(root, 'state'));
  await expect(port.query(connection, { sql: 'SELECT 1' })).rejects.toThrow(
    /not apart from the state of Flyball/,
  );
  const within = dataPort(home, home);
  await expect(within.query(connection, { sql: 'SELECT 1' })).rejects.toMatchObject({ code: 'refused' });
  const apart = dataPort(home, join(home, 'state'));
  expect(await apart.query(connection, { sql: 'SELECT 1 AS v' })).toEqual([{ v: 1 }]);
  await Promise.all([port, within, apart].map(one => one.close()));
});

describe('dialect', () => {
  const { identifier, literal, timestamp } = dialectFor(home);
  test('identifiers and literals cannot break out', async () => {
    const name = 'a"; DROP TABLE x; --';
    const value = "it's; --";
    const rows = await duckdb.query({ sql: `SELECT ${literal(value)} AS ${identifier(name)}` });
    expect(rows).toEqual([{ [name]: value }]);
    expect(() => literal('a\0b')).toThrow(PortError);
  });

  test('numbers keep every bit', async () => {
    const values = [0.1, 1 / 3, -5e-324, 1.7976931348623157e308, 123456789012345680000, 2 ** 53 - 1, -0.5];
    const list = values.map(v => `CAST(${literal(v)} AS DOUBLE)`).join(', ');
    const [row] = await duckdb.query({ sql: `SELECT [${list}] AS v, ${literal(Number.NaN)} AS nan` });
    expect(row).toEqual({ v: values, nan: 'NaN' });
  });

  test('timestamps have milliseconds', async () => {
    const at = Date.UTC(2001, 0, 2, 3, 4, 5, 678);
    expect(await duckdb.query({ sql: `SELECT ${timestamp(at)} AS v` })).toEqual([{ v: at }]);
  });
});
