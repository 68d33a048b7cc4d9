/** `doctor`: whether everything that the files name is there in reality; with `write` it fills in what it can see. */
import { z } from 'zod';
import { connectionIn } from '../dsl/connection.ts';
import { uncolumned, withColumns } from '../dsl/dataset-columns.ts';
import { compile, parseDocuments } from '../dsl/index.ts';
import type { ColumnSpec, ConnectionSpec, DatasetSpec, Document, ModelSpec, Position } from '../model.ts';
import { command, type Paint } from './command.ts';
import {
  columnsOf,
  connectionFindings,
  datasetFindings,
  type Finding,
  type Looking,
  modelFindings,
  typeOf,
} from './doctor-checks.ts';
import { Refusal } from './perform.ts';
import type { PolicyText, Ports } from './ports.ts';
import { safe, when } from './time.ts';

/** Before this the clock of the machine was not set: 2001, when the data of the demo begins. */
const SANE_FROM = Date.UTC(2001, 0, 1);

const output = z.object({
  findings: z.array(
    z.object({
      level: z.enum(['broken', 'warning']),
      place: z.string().describe('file:line:col'),
      found: z.string(),
      todo: z.string(),
    }),
  ),
  checked: z.object({ connections: z.int(), datasets: z.int(), models: z.int() }),
  written: z.array(z.string()).describe('What --write changed, one line each.'),
  patches: z.array(z.string()).describe('Text to put in by hand, where it is not sure where it belongs.'),
});
type Output = z.output<typeof output>;

export const doctor = command({
  name: 'doctor',
  title: 'Check that everything named is there',
  description:
    'Asks reality about every Connection, Dataset and Model of the policy files: servers answer, files and columns exist with fitting types and a recent row, commands exist, registry and serving can be read, environment variables of secrets are set (their values are never shown), the clock is sane. --write fills in the columns of Datasets that list none. Exit code 1 when something is broken.',
  input: z.strictObject({
    write: z
      .boolean()
      .default(false)
      .describe('Write what can be seen into the files, with their comments kept.'),
  }),
  output,
  role: 'admin',
  effect: 'operate',
  reach: 'fleet',
  examples: ['flyball doctor', 'flyball doctor --write'],
  run: examine,
  text,
  exit: found => (found.findings.some(one => one.level === 'broken') ? 1 : 0),
});

async function examine(ports: Ports, { write }: { readonly write: boolean }): Promise<Output> {
  const files = await filesOf(ports);
  const { documents } = parseDocuments(files);
  const env = ports.settings.env;
  const connections = Object.fromEntries(
    ofKind<Parameters<typeof connectionIn>[0]>(documents, 'Connection').map(({ name, spec }) => [
      name,
      connectionIn({ ...spec, name }, env),
    ]),
  );
  const looking: Looking = { ports, connections };
  const findings: Finding[] = [...mistakes(ports, files), ...(await clockFindings(ports, files))];
  const shelves = [
    ofKind<ConnectionSpec>(documents, 'Connection').map(one =>
      connectionFindings(looking, connections[one.name] ?? one.spec, placesOf(one)),
    ),
    ofKind<DatasetSpec>(documents, 'Dataset').map(one =>
      datasetFindings(looking, { ...one.spec, name: one.name }, placesOf(one)),
    ),
    ofKind<ModelSpec>(documents, 'Model').map(one =>
      modelFindings(looking, { ...one.spec, name: one.name }, placesOf(one)),
    ),
  ];
  for (const shelf of shelves) for (const found of await Promise.all(shelf)) findings.push(...found);
  const [connectionCount = 0, datasetCount = 0, modelCount = 0] = shelves.map(shelf => shelf.length);
  const filled = write ? await fillColumns(looking, ports, files) : { written: [], patches: [] };
  return {
    findings: findings.map(({ level, position, found, todo }) => ({
      level,
      place: placeText(position),
      found,
      todo,
    })),
    checked: { connections: connectionCount, datasets: datasetCount, models: modelCount },
    ...filled,
  };
}

async function filesOf(ports: Ports): Promise<readonly PolicyText[]> {
  if (ports.worktree) return ports.worktree();
  return ports.repository.files((await ports.repository.head()).sha);
}

function ofKind<Spec>(documents: readonly Document[], kind: Document['kind']) {
  return documents.filter((one): one is Document<typeof kind, Spec> => one.kind === kind);
}

/** Where a part of a document stands: its nearest parent when it is not written. */
function placesOf({ positions, position }: Document): (path: string) => Position {
  return path => {
    for (let here = path; here !== ''; here = here.slice(0, Math.max(0, here.lastIndexOf('.')))) {
      const found = positions[here];
      if (found) return found;
    }
    return position;
  };
}

/** What `validate` says is a matter of the files alone; here only that it must be seen to first. */
function mistakes(ports: Ports, files: readonly PolicyText[]): Finding[] {
  const { catalogue } = ports.world;
  const commit = { sha: '', author: { name: '', email: '' }, time: 0, subject: '' };
  const { diagnostics } = compile({ files, commit, env: ports.settings.env, catalogue });
  const errors = diagnostics.filter(one => one.severity === 'error');
  const [first] = errors;
  if (first === undefined) return [];
  const found = `${errors.length === 1 ? 'a mistake' : `${errors.length} mistakes`} in the files (${safe(first.message)})`;
  return [
    {
      level: 'broken',
      position: first.position,
      found,
      todo: 'see flyball validate; what has a mistake is not looked at here',
    },
  ];
}

/** The clock against the ledger, which never goes backwards. */
async function clockFindings({ world }: Ports, files: readonly PolicyText[]): Promise<Finding[]> {
  const position = { file: files[0]?.path ?? 'daemon.yaml', line: 1, column: 1 };
  const now = world.clock();
  const last = Math.max(0, ...(await world.store.targets()).map(row => row.own.takenAt));
  const todo = "set this machine's clock";
  if (now < SANE_FROM)
    return [{ level: 'broken', position, found: `clock: it says ${when(now)}, which is long ago`, todo }];
  if (now < last)
    return [
      {
        level: 'broken',
        position,
        found: `clock: it says ${when(now)}, and the ledger has entries of ${when(last)}; until then nothing moves`,
        todo,
      },
    ];
  return [];
}

/** Columns with their types into Datasets that list none: what the engine sees, and nothing that is guessed. */
async function fillColumns(looking: Looking, ports: Ports, files: readonly PolicyText[]) {
  if (!ports.disk) throw new Refusal('doctor --write: only a terminal may write files.');
  const written: string[] = [];
  const patches: string[] = [];
  const texts = new Map(files.map(file => [file.path, file.text]));
  for (const { file, line, dataset } of uncolumned(files)) {
    const seen = await columnsOf(looking, dataset);
    if (typeof seen === 'string') {
      patches.push(`${file}:${line}: dataset ${dataset.name}: its columns cannot be seen (${safe(seen)})`);
      continue;
    }
    const columns: Record<string, ColumnSpec> = {};
    for (const [name, engine] of seen) {
      const type = typeOf(engine);
      if (type) columns[name] = { type };
    }
    const text = withColumns(texts.get(file) ?? '', dataset.name, columns);
    if (text === undefined) {
      const lines = Object.entries(columns).map(
        ([name, { type }]) => `    ${JSON.stringify(name)}: { type: ${type} }`,
      );
      patches.push(
        [`${file}:${line}: put into spec of dataset ${dataset.name}:`, '  columns:', ...lines].join('\n'),
      );
      continue;
    }
    texts.set(file, text);
    await ports.disk.write(`${ports.settings.repository}/${file}`, text);
    written.push(
      `${file}: ${Object.keys(columns).length} columns of dataset ${dataset.name}; say which are segments or sensitive`,
    );
  }
  return { written, patches };
}

function placeText({ file, line, column }: Position): string {
  return `${file}:${line}:${column}`;
}

/** `1 model`, `2 models`. */
function count(size: number, noun: string): string {
  return `${size} ${noun}${size === 1 ? '' : 's'}`;
}

function text(found: Output, paint: Paint): string {
  const { connections, datasets, models } = found.checked;
  const colour = { broken: paint.bad, warning: paint.warn };
  const broken = found.findings.filter(one => one.level === 'broken').length;
  return [
    ...found.findings.map(one => `${colour[one.level](one.level)} ${one.place}: ${one.found}; ${one.todo}.`),
    ...found.written.map(line => `${paint.good('written')} ${line}`),
    ...found.patches,
    `Looked at ${count(connections, 'connection')}, ${count(datasets, 'dataset')} and ${count(models, 'model')}: ${broken === 0 ? paint.good('all of them are there') : paint.bad(`${broken} broken`)}.`,
  ].join('\n');
}
