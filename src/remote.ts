/** Commands that another process carries out: over the socket of a daemon of this machine, or at its address. */
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { text } from 'node:stream/consumers';
import {
  type Called,
  type Caller,
  type CallOptions,
  type Command,
  commands,
  type Grant,
  mayPerform,
  Refusal,
  whoami,
} from './commands/index.ts';
import { type EntryBody, type JsonObject, PortError, type Principal } from './model.ts';
import { followRemote } from './remote-changes.ts';

/** Where a daemon answers, and who asks it. */
export interface Remote {
  /** `http(s)://…` without a path, or the path of a unix socket. */
  readonly at: string;
  readonly token?: string | undefined;
  readonly door: 'cli' | 'mcp';
}

const ANSWER_AT_MOST_MS = 120_000;
const REASONS: readonly string[] = [
  'input',
  'role',
  'conflict',
  'absent',
  'busy',
] satisfies Refusal['reason'][];

/** The commands of a running daemon. Throws PortError when none answers there, Refusal when it does not know the asker. */
export async function remoteCaller(remote: Remote): Promise<Caller> {
  const { output } = await call(remote, whoami, {});
  const { name, kind, onBehalfOf, door, authenticated, token, grants } = output;
  const principal = {
    ...{ name, door, authenticated },
    ...(kind === 'person' ? {} : { kind }),
    ...(onBehalfOf === undefined ? {} : { onBehalfOf }),
    ...(token === undefined ? {} : { token }),
  } as unknown as Principal;
  const has = grants as unknown as readonly Grant[];
  return {
    principal,
    may: command => mayPerform(command, { principal, grants: has }),
    call: (command, input, options) => call(remote, command, input, options),
    changes: listener => followRemote(remote, (chain, from) => bodiesOf(remote, chain, from), listener),
  };
}

/** Bodies of the newest entries of a chain, from a seq on; none where the log is not for whoever asks. */
async function bodiesOf(remote: Remote, chain: string, from: number): Promise<readonly EntryBody[]> {
  const log = commands.find(one => one.name === 'log');
  if (!log) return [];
  const { output } = await call(remote, log, { chain, full: true, limit: 50 });
  const entries = output.entries as readonly { readonly seq: number; readonly body?: string }[];
  return entries.flatMap(one => (one.seq >= from && one.body ? [JSON.parse(one.body) as EntryBody] : []));
}

/** Whether somebody answers on a socket. */
export async function answers(at: string, door: 'cli' | 'mcp'): Promise<boolean> {
  return call({ at, door }, whoami, {}).then(
    () => true,
    // A no is an answer too.
    error => error instanceof Refusal,
  );
}

async function call(
  remote: Remote,
  command: Command,
  input: unknown,
  { key }: CallOptions = {},
): Promise<Called> {
  const body = JSON.stringify(input ?? {});
  const answer = await send(remote, `/api/v1/${command.name.replaceAll(' ', '/')}`, body, key);
  const found = parsed(remote, answer.body);
  if (answer.status >= 300) throw failure(remote, answer.status, found);
  const { note } = answer;
  // The daemon may be of another version: what it says is checked like everything that comes from outside.
  const checked = command.output.safeParse(found);
  if (!checked.success) throw strange(remote, `its answer to ${command.name} is not of this version's form`);
  return {
    output: checked.data as JsonObject,
    ...(note === undefined ? {} : { note: decodeURIComponent(note) }),
  };
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly note?: string | undefined;
}

async function send(remote: Remote, path: string, body: string, key: string | undefined): Promise<Answer> {
  const { at, token, door } = remote;
  const isUrl = /^https?:\/\//.test(at);
  const make = at.startsWith('https:') ? requestHttps : requestHttp;
  const where = isUrl ? new URL(path, at) : { socketPath: at, path, host: 'localhost' };
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'x-flyball-door': door,
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(key === undefined ? {} : { 'idempotency-key': key }),
  };
  return new Promise<Answer>((resolve, reject) => {
    const failed = (cause: unknown) => reject(unreachable(remote, cause));
    const options = { method: 'POST', headers, timeout: ANSWER_AT_MOST_MS };
    const request = isUrl ? make(where as URL, options) : make({ ...(where as object), ...options });
    request.on('response', response => {
      const note = response.headers['flyball-note'];
      text(response).then(
        found =>
          resolve({
            status: response.statusCode ?? 0,
            body: found,
            note: typeof note === 'string' ? note : undefined,
          }),
        failed,
      );
    });
    request.on('timeout', () => request.destroy(new Error('no answer in time')));
    request.on('error', failed);
    request.end(body);
  });
}

function parsed(remote: Remote, body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw strange(remote, 'it answers with something that is not JSON');
  }
}

/** The daemon's no as the error that it was there. */
function failure(remote: Remote, status: number, body: unknown): Error {
  const { detail, reason, code, known, port } = (body ?? {}) as Readonly<Record<string, unknown>>;
  const words = typeof detail === 'string' ? detail : `it answers with status ${status}`;
  if (typeof reason === 'string' && REASONS.includes(reason))
    return new Refusal(
      words,
      reason as Refusal['reason'],
      Array.isArray(known) ? known.map(String) : undefined,
    );
  if (status === 401 || status === 403) return new Refusal(words, 'role');
  const said = (port ?? {}) as Readonly<Record<string, unknown>>;
  const later = status === 429 || status >= 500;
  return new PortError(words, {
    code: String(said.code ?? code ?? 'daemon'),
    retry: (said.retry ?? (later ? 'later' : 'never')) === 'later' ? 'later' : 'never',
    subject: String(said.subject ?? remote.at),
  });
}

function unreachable({ at }: Remote, cause: unknown): PortError {
  const { code, message } = cause as NodeJS.ErrnoException;
  return new PortError(
    `daemon at ${at}: no answer (${code ?? message}); expected a running 'flyball run' that listens there. Start it, or correct FLYBALL_URL.`,
    { code: 'unreachable', retry: 'later', subject: at, cause },
  );
}

function strange({ at }: Remote, what: string): PortError {
  return new PortError(`daemon at ${at}: ${what}; expected Flyball's HTTP API of this version.`, {
    ...{ code: 'strange-answer', retry: 'never', subject: at },
  });
}
