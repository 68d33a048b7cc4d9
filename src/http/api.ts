/** `/api/v1`: every command of the table that is not a thing of a terminal, by the words of its name. It decides nothing. */
import {
  type Command,
  callerOf,
  commands,
  type Ports,
  type Property,
  propertiesOf,
} from '../commands/index.ts';
import type { Json, JsonObject } from '../model.ts';
import { type Identify, scopeProblem } from './identify.ts';
import { Problem } from './problem.ts';
import type { Asked, Reply, Route } from './route.ts';

export const API = '/api/v1';
/** What is to be said with an answer, percent-encoded. */
export const NOTE_HEADER = 'flyball-note';
export const KEY_HEADER = 'idempotency-key';

/** The commands that are offered. */
export const offered: readonly Command[] = commands.filter(({ terminal }) => terminal !== true);

export function pathOf({ name }: Pick<Command, 'name'>): string {
  return `${API}/${name.split(' ').join('/')}`;
}

/** Asked by GET as well: what only reads, with inputs that stand in a query. */
export function isAskedByGet(command: Command): boolean {
  return command.effect === 'read' && propertiesOf(command).every(({ type }) => SCALARS.includes(type ?? ''));
}

const SCALARS = ['string', 'integer', 'number', 'boolean'];

export function apiRoutes(ports: Ports, identify: Identify): readonly Route[] {
  return offered.map(command => {
    const post = (asked: Asked) => call(command, asked, () => asked.json());
    const get = (asked: Asked) => call(command, asked, async () => inputOf(command, asked.query));
    return {
      path: pathOf(command),
      answers: isAskedByGet(command) ? { GET: get, POST: post } : { POST: post },
    };
  });

  /** A body is read only of whoever may send one. */
  async function call(command: Command, asked: Asked, input: () => Promise<Json>): Promise<Reply> {
    const speaker = await identify(asked, 'http');
    const key = keyOf(command, asked);
    const caller = callerOf({ ...ports, ...speaker });
    const { output, note } = await caller.call(command, await input(), { key }).catch(error => {
      throw scopeProblem(command, speaker, asked) ?? error;
    });
    return {
      status: 200,
      type: 'application/json',
      body: `${JSON.stringify(output)}\n`,
      headers: note === undefined ? {} : { [NOTE_HEADER]: encodeURIComponent(note) },
    };
  }
}

/** Only writes are done once under a key. */
function keyOf({ effect }: Command, { headers }: Asked): string | undefined {
  const key = headers[KEY_HEADER];
  return effect === 'read' || typeof key !== 'string' ? undefined : key;
}

/** The inputs of a query; numbers and booleans by what the schema says. */
export function inputOf(command: Command, query: URLSearchParams): JsonObject {
  const properties = new Map(propertiesOf(command).map(one => [one.name, one]));
  const input: Record<string, Json> = {};
  for (const [name, text] of query) {
    if (Object.hasOwn(input, name))
      throw new Problem('input', `${command.name}: ${name} stands twice in the query; expected once.`);
    input[name] = scalarOf(text, properties.get(name));
  }
  return input;
}

/** Text that is no number stays text: the schema says what is wrong with it. */
function scalarOf(text: string, property: Property | undefined): Json {
  const { type } = property ?? {};
  if ((type === 'integer' || type === 'number') && /^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}
