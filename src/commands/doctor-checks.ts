/** What `doctor` looks at: whether connections, datasets, models and the clock are in reality what the files say. Writes nothing. */
import type { ColumnSpec, ConnectionSpec, DatasetSpec, Json, ModelSpec, Position } from '../model.ts';
import type { Ports } from './ports.ts';
import { safe, span, when } from './time.ts';

/** One thing that is not as it should be, or worth knowing. */
export interface Finding {
  readonly level: 'broken' | 'warning';
  readonly position: Position;
  /** *where: what was found* */
  readonly found: string;
  readonly todo: string;
}

/** Newest rows may be this far ahead of the clock: machines differ a little. */
const AHEAD_MS = 300_000;
/** Without `expect.maxAge`, data of this age is worth a word. */
const OLD_MS = 30 * 86_400_000;

export interface Looking {
  readonly ports: Pick<Ports, 'world' | 'machine' | 'settings'>;
  readonly connections: Readonly<Record<string, ConnectionSpec>>;
}

/** A connection answers, its folder and programs are there, its secrets are set and may be sent. */
export async function connectionFindings(
  { ports }: Looking,
  connection: ConnectionSpec,
  at: (path: string) => Position,
): Promise<readonly Finding[]> {
  const { world, machine, settings } = ports;
  const found: Finding[] = [];
  const broken = (path: string, what: string, todo: string) =>
    found.push({
      level: 'broken',
      position: at(path),
      found: `connection ${connection.name}: ${what}`,
      todo,
    });
  for (const name of machine?.secretNames(connection) ?? []) {
    if (machine?.hasVariable(name) === false)
      broken(
        'spec.auth',
        `the environment variable ${name} is not set`,
        'set it where the daemon is started',
      );
    if (settings.secrets?.[name] === undefined)
      broken(
        'spec.auth',
        `daemon.yaml does not say to which hosts ${name} may be sent`,
        `add to it: secrets: { ${name}: [${hostOf(connection)}] }`,
      );
  }
  const folder = connection.path === undefined ? undefined : machine?.folderFault(connection);
  if (folder !== undefined) broken('spec.path', ...split(folder));
  for (const id of Object.keys(connection.commands)) {
    const fault = machine?.commandFault(connection, id);
    if (fault !== undefined)
      broken(`spec.commands.${id}`, `command ${id}: ${split(fault)[0]}`, split(fault)[1]);
  }
  if (connection.connector === 'local' || found.length > 0) return found;
  const query =
    connection.connector === 'duckdb'
      ? { sql: 'SELECT 1 AS value' }
      : { promql: 'vector(1)', at: world.clock() };
  const failed = await failureOf(world.queryData(connection, query));
  if (failed !== undefined) broken('spec.url', ...split(withoutName(failed, connection.name)));
  return found;
}

/** The files or the table are there, with the columns that are listed, of fitting types, and a newest row that is not old. */
export async function datasetFindings(
  looking: Looking,
  dataset: DatasetSpec,
  at: (path: string) => Position,
): Promise<readonly Finding[]> {
  const { world } = looking.ports;
  const connection = looking.connections[dataset.connection];
  if (connection === undefined) return [];
  const found: Finding[] = [];
  const note = (level: Finding['level'], path: string, what: string, todo: string) =>
    found.push({ level, position: at(path), found: `dataset ${dataset.name}: ${what}`, todo });
  const where = dataset.path === undefined ? 'spec.table' : 'spec.path';
  const seen = await columnsOf(looking, dataset);
  if (typeof seen === 'string') {
    note('broken', where, ...split(withoutName(seen, connection.name)));
    return found;
  }
  for (const [name, { type }] of Object.entries(dataset.columns)) {
    const real = seen.get(name);
    if (real === undefined)
      note(
        'broken',
        `spec.columns.${name}`,
        `there is no column ${name}; there are ${[...seen.keys()].slice(0, 20).join(', ')}`,
        'correct its name, or remove it',
      );
    else if (!fits(type, real))
      note(
        'broken',
        `spec.columns.${name}`,
        `column ${name} is ${real}, and its type says ${type}`,
        `say type: ${typeOf(real) ?? 'what it is'}, or correct the data`,
      );
  }
  const { time } = dataset;
  if (time === undefined || found.length > 0) return found;
  const { identifier, relation } = world.dialectFor(connection);
  const sql = `SELECT epoch_ms(max(${identifier(time.column)})::TIMESTAMP) AS newest FROM ${relation(dataset, connection)}`;
  const newest = await world.queryData(connection, { sql }).then(
    rows => Number(rows[0]?.newest ?? Number.NaN),
    (error: Error) => error.message,
  );
  if (typeof newest === 'string') note('broken', 'spec.time', ...split(withoutName(newest, connection.name)));
  else if (Number.isNaN(newest)) note('broken', where, 'it has no row', 'let its producer write it');
  else ageFinding(newest);
  return found;

  function ageFinding(newestAt: number): void {
    const age = world.clock() - newestAt;
    const most = dataset.expect?.maxAgeMs;
    const told = `the newest row is of ${when(newestAt)}`;
    if (age < -AHEAD_MS)
      note(
        'warning',
        'spec.time',
        `${told}, ${span(age)} ahead of the clock`,
        "check the zone of spec.time, and this machine's clock",
      );
    else if (most !== undefined && age > most + (time?.latenessMs ?? 0))
      note(
        'broken',
        'spec.expect.maxAge',
        `${told}, ${span(age)} ago; at most ${span(most)} is promised`,
        'look at what writes it',
      );
    else if (most === undefined && age > OLD_MS)
      note(
        'warning',
        where,
        `${told}, ${span(age)} ago`,
        'windows that end now are empty; look at what writes it',
      );
  }
}

/** Registry and serving are readable: there is a champion, and it serves. */
export async function modelFindings(
  { ports, connections }: Looking,
  model: ModelSpec,
  at: (path: string) => Position,
): Promise<readonly Finding[]> {
  if (model.registry === undefined && model.serving === undefined) return [];
  const serving = await ports.world.readServing(model, connections);
  const broken = (path: string, found: string, todo: string): Finding[] => [
    { level: 'broken', position: at(path), found: `model ${model.name}: ${found}`, todo },
  ];
  if (serving.unknown)
    return broken(
      model.serving ? 'spec.serving' : 'spec.registry',
      `what serves it cannot be read (${safe(serving.unknown.message)})`,
      'check the folder or server of its connection, and its name there',
    );
  if (model.registry && serving.champion === undefined)
    return broken('spec.registry', 'the registry names no champion', 'register a version and point to it');
  if (model.serving && Object.keys(serving.weights).length === 0)
    return broken('spec.serving', 'no version of it gets traffic', 'put a version into service');
  return [];
}

/** The columns of a dataset as the engine sees them, with the engine's names of their types; or why they cannot be had. */
export async function columnsOf(
  { ports: { world }, connections }: Looking,
  dataset: DatasetSpec,
): Promise<ReadonlyMap<string, string> | string> {
  const connection = connections[dataset.connection];
  if (connection === undefined) return `there is no connection ${dataset.connection}; write its document`;
  try {
    const relation = world.dialectFor(connection).relation(dataset, connection);
    const sql = `SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM ${relation})`;
    const rows = await world.queryData(connection, { sql });
    return new Map(rows.map(row => [text(row.column_name), text(row.column_type)]));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The language's type of an engine's column; undefined for lists, structures and the like. */
export function typeOf(engine: string): ColumnSpec['type'] | undefined {
  if (/^(U?(TINY|SMALL|BIG|HUGE)?INT|U?INTEGER)/.test(engine) && !engine.endsWith('[]')) return 'integer';
  if (/^(DOUBLE|FLOAT|REAL|DECIMAL)/.test(engine) && !engine.endsWith('[]')) return 'number';
  if (/^(VARCHAR|ENUM|UUID)/.test(engine) && !engine.endsWith('[]')) return 'string';
  if (engine === 'BOOLEAN') return 'boolean';
  return /^(TIMESTAMP|DATE)/.test(engine) && !engine.endsWith('[]') ? 'timestamp' : undefined;
}

function fits(type: ColumnSpec['type'], engine: string): boolean {
  const real = typeOf(engine);
  return real === type || (type === 'number' && real === 'integer');
}

async function failureOf(asking: Promise<unknown>): Promise<string | undefined> {
  try {
    await asking;
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** *what was found; what to do* as its two halves. */
function split(message: string): readonly [string, string] {
  const end = message.lastIndexOf('; ');
  const whole = safe(message, 600).replace(/\.$/, '');
  return end < 0 ? [whole, 'see its message'] : [whole.slice(0, end), whole.slice(end + 2)];
}

function withoutName(message: string, connection: string): string {
  return message.replace(`connection ${connection}: `, '');
}

function hostOf({ url = '' }: ConnectionSpec): string {
  return /^https?:\/\/([^/:]+)/.exec(url)?.[1] ?? 'host';
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}
