/** What changes at a daemon elsewhere: its stream of events, taken up again where it broke off. */
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { createInterface } from 'node:readline';
import { type Change, changeOf } from './commands/index.ts';
import type { EntryBody } from './model.ts';
import type { Remote } from './remote.ts';

/** Before a stream that ended is asked for again. */
const AGAIN_MS = 1000;
/** News of one chain are looked at together. */
const GATHER_MS = 200;

/** Newest entries of a chain from a seq on. */
export type ReadEntries = (chain: string, from: number) => Promise<readonly EntryBody[]>;

/** Tells the listener what grew, until what it gives is called. An event names the chain; what it is about is read then. */
export function followRemote(
  remote: Remote,
  read: ReadEntries,
  listener: (change: Change) => void,
): () => void {
  const news = new Map<string, number>();
  let ended = false;
  let since: string | undefined;
  let close = () => {};
  let gathering: NodeJS.Timeout | undefined;
  let waiting: NodeJS.Timeout | undefined;

  const tell = async () => {
    gathering = undefined;
    const grown = [...news];
    news.clear();
    for (const [chain, from] of grown) {
      const bodies = await read(chain, from).catch(() => []);
      if (!ended) listener(changeOf(chain, bodies));
    }
  };
  const take = (line: string) => {
    if (line.startsWith('id: ')) since = line.slice(4);
    if (!line.startsWith('data: {"')) return;
    const { chain, seq } = JSON.parse(line.slice(6)) as { readonly chain?: unknown; readonly seq?: unknown };
    if (typeof chain !== 'string' || typeof seq !== 'number') return;
    news.set(chain, Math.min(news.get(chain) ?? seq, seq));
    gathering ??= setTimeout(() => void tell(), GATHER_MS).unref();
  };
  const open = () => {
    if (ended) return;
    const again = () => {
      close = () => {};
      if (!ended) waiting = setTimeout(open, AGAIN_MS).unref();
    };
    close = streamOf(remote, since, take, again);
  };
  open();
  return () => {
    ended = true;
    clearTimeout(gathering);
    clearTimeout(waiting);
    close();
  };
}

/** One stream, line by line; `over` is called once when it ends or breaks. Gives what closes it. */
function streamOf(
  { at, token, door }: Remote,
  since: string | undefined,
  take: (line: string) => void,
  over: () => void,
): () => void {
  const path = '/api/v1/changes';
  const headers = {
    accept: 'text/event-stream',
    'x-flyball-door': door,
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(since === undefined ? {} : { 'last-event-id': since }),
  };
  const isUrl = /^https?:\/\//.test(at);
  const request = isUrl
    ? (at.startsWith('https:') ? requestHttps : requestHttp)(new URL(path, at), { headers })
    : requestHttp({ socketPath: at, path, host: 'localhost', headers });
  let isOver = false;
  const end = () => {
    if (!isOver) over();
    isOver = true;
  };
  request.on('response', response => {
    response.on('close', end);
    if (response.statusCode === 200) createInterface({ input: response }).on('line', take);
    else response.resume();
  });
  request.on('error', end);
  request.on('socket', socket => socket.unref());
  request.end();
  return () => request.destroy();
}
