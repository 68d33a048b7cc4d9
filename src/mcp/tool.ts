/** One command as a tool: the call, what comes back of it in words and as data, and errors. It decides nothing. */
import type { CallToolResult } from '@modelcontextprotocol/server';
import { type Called, type Caller, type Command, Refusal } from '../commands/index.ts';
import { type Json, type JsonObject, type Log, PortError } from '../model.ts';
import { bounded, bytesOf } from './bounded.ts';
import { clean, cleaned, outsideIn, quoted } from './outside-text.ts';
import { toolSchemaOf } from './tool-schema.ts';

/** Bytes of one result, data and words together: a model pays for all of them. */
export const MOST_BYTES = 20_000;
/** Of them for the data. */
const MOST_DATA = 11_000;

type Arguments = Readonly<Record<string, unknown>>;

/** Calls a command as its tool. Never throws: what went wrong is a result. */
export async function callTool(
  caller: Caller,
  command: Command,
  given: unknown,
  log: Log,
): Promise<CallToolResult> {
  try {
    const { detail, idempotency_key: key, open, ...input } = (given ?? {}) as Arguments;
    refuseUnknown(command, { detail, idempotency_key: key, open }, input);
    const options = typeof key === 'string' ? { key } : {};
    const called = await fitting(command, input, one => caller.call(command, one, options));
    return resultOf(command, called, detail === 'full');
  } catch (error) {
    return errorOf(error, command, log);
  }
}

/** What the tool does not offer is refused here: the terminal's own inputs are nobody else's. */
function refuseUnknown(command: Command, door: Arguments, input: Arguments): void {
  const { own, input: schema } = toolSchemaOf(command);
  const offered = Object.keys(schema.properties as Arguments);
  const strange = Object.keys(input).find(name => !own.has(name));
  const unoffered = Object.keys(door).find(name => door[name] !== undefined && !offered.includes(name));
  const name = strange ?? unoffered;
  if (name !== undefined)
    throw new Refusal(`unknown input '${clean(name, 40)}'; expected only: ${offered.join(', ') || 'none'}.`);
  const { detail, idempotency_key: key } = door;
  if (detail !== undefined && detail !== 'summary' && detail !== 'full')
    throw new Refusal('detail: expected summary or full.');
  if (key !== undefined && typeof key !== 'string') throw new Refusal('idempotency_key: expected a string.');
}

/** A page that fits: a list that gives pages is asked for fewer, so that its cursor goes on where the page ends. */
async function fitting(
  command: Command,
  input: Arguments,
  call: (input: Arguments) => Promise<Called>,
): Promise<Called> {
  let called = await call(input);
  if (command.effect !== 'read' || !toolSchemaOf(command).paged) return called;
  let limit = typeof input.limit === 'number' ? input.limit : 100;
  for (let size = bytesOf(called.output); size > MOST_DATA && limit > 1; size = bytesOf(called.output)) {
    limit = Math.max(1, Math.min(limit - 1, Math.floor((limit * MOST_DATA) / size)));
    called = await call({ ...input, limit });
  }
  return called;
}

function resultOf(command: Command, { output, note }: Called, full: boolean): CallToolResult {
  const { outside } = toolSchemaOf(command);
  const left = full ? [] : command.details;
  const whole = cleaned(output) as JsonObject;
  const asked = Object.fromEntries(Object.entries(whole).filter(([name]) => !left.includes(name)));
  const { output: fits, truncated } = bounded(asked, MOST_DATA);
  const data = {
    ...fits,
    ...(truncated.length === 0 ? {} : { truncated }),
    ...named('untrusted', outsideIn(fits, outside)),
  };
  const words = command.text({ ...emptied(whole, left), ...fits } as never, PLAIN);
  const said = [
    ...(truncated.length === 0 ? [] : [`truncated: ${truncated.join('; ')}`]),
    ...(typeof fits.next === 'string' ? [`next: ${fits.next}`] : []),
    ...(note === undefined ? [] : [note]),
  ];
  return fitted(data, words, said);
}

function named(name: string, list: readonly string[]): JsonObject {
  return list.length === 0 ? {} : { [name]: list };
}

/** What a summary leaves out, as nothing: the words are made from the same data. */
function emptied(output: JsonObject, names: readonly string[]): JsonObject {
  const empty = (value: Json | undefined): Json =>
    Array.isArray(value) ? [] : typeof value === 'string' ? '' : {};
  return Object.fromEntries(names.filter(name => name in output).map(name => [name, empty(output[name])]));
}

/** Words are cut at a line, to what room the data leaves. */
function fitted(structuredContent: JsonObject, words: string, said: readonly string[]): CallToolResult {
  const with_ = (lines: readonly string[], cut: boolean): CallToolResult => ({
    content: [
      {
        type: 'text',
        text: [quoted(lines.join('\n')), ...(cut ? ['… cut; ask for less'] : []), ...said].join('\n'),
      },
    ],
    structuredContent,
  });
  const lines = words.split('\n').map(line => clean(line, 2000));
  let count = lines.length;
  let result = with_(lines, false);
  for (let size = bytesOf(result); size > MOST_BYTES - 200 && count > 1; size = bytesOf(result)) {
    count = Math.max(1, Math.min(count - 1, Math.floor((count * (MOST_BYTES - 200)) / size)));
    result = with_(lines.slice(0, count), true);
  }
  return result;
}

const same = (text: string) => text;
const PLAIN = { bold: same, dim: same, good: same, bad: same, warn: same };

/** By code word: what to do next. */
const HINTS = {
  input: 'Mend the input; the schema of the tool and flyball://docs/language say what is expected.',
  role: 'Ask a person. Nothing that you send gives you a role.',
  conflict: 'Look at what is there now, then decide whether you still want it.',
  absent: 'Look it up with the tool that lists it.',
  busy: 'Ask again in a moment, with the same idempotency_key.',
  unavailable: 'A system that Flyball asks did not answer. Try again later; flyball_get_status says more.',
  impossible: 'A system that Flyball asks refused. Trying again will not help; tell a person.',
  internal: 'An error in Flyball itself; a person finds it in the log.',
} as const;

type Code = keyof typeof HINTS;

/** An error as a result: a code word, the message as data, a hint; never an exception's own text. */
export function errorOf(error: unknown, command: Command, log: Log): CallToolResult {
  const code = codeOf(error);
  if (code === 'internal') {
    const message = error instanceof Error ? error.message : String(error);
    log.error({ command: command.name, error: message }, 'tool failed');
  }
  const words = code === 'internal' ? `${command.name} was not carried out.` : (error as Error).message;
  const text = [`error: ${code}`, quoted(clean(words, 4000)), `hint: ${HINTS[code]}`].join('\n');
  return { isError: true, content: [{ type: 'text', text }] };
}

function codeOf(error: unknown): Code {
  if (error instanceof Refusal) return error.reason;
  if (error instanceof PortError) return error.retry === 'later' ? 'unavailable' : 'impossible';
  return 'internal';
}
