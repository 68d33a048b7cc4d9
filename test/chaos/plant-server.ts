/**
 * Plants on a port of loopback, one for each name in the path: `POST /<plant>/<what>` with JSON. What is told to go wrong goes
 * wrong; every word that matters is in a file before it is answered, so that it can be read when everybody is dead.
 */
import { appendFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Json, JsonObject } from '../../src/model.ts';
import { type Order, Plant, type PlantSpec, type Run } from './plant.ts';

/** The clock port and real time of engines whose time is not the machine's: it outlives them. */
export interface PlantTime {
  readonly now: number;
  readonly real: number;
}

/**
 * What happens to calls of one kind: the connection breaks before anything comes of it (`before`), or when all is done
 * (`after`), or it takes long and is well (`slow`).
 */
export interface Trouble {
  readonly call: 'start' | 'find' | 'poll' | 'cancel' | 'query' | 'serving';
  readonly how: 'before' | 'after' | 'slow';
  readonly ms?: number;
  /** So many calls of this kind go well first. */
  readonly skip?: number;
}

/** Who asked for what, and when by this machine's clock. */
export interface Heard {
  readonly at: number;
  readonly plant: string;
  readonly call: string;
  readonly by: string;
  /** Of a query: the name of the value. */
  readonly key: string;
  /** Of a start: whether it took effect. */
  readonly effect?: boolean;
}

export interface Report {
  readonly runs: readonly Run[];
  readonly heard: readonly Heard[];
}

interface Site {
  readonly plant: Plant;
  readonly troubles: { call: string; how: Trouble['how']; ms: number; skip: number }[];
  readonly heard: Heard[];
  time: PlantTime;
}

type Body = { readonly by?: string } & JsonObject;

/** Listens; gives its port. */
export function servePlants(logFile: string): Promise<number> {
  const sites = new Map<string, Site>();
  const server = createServer((request, response) => {
    answer(sites, logFile, request, response).catch(error => {
      response.statusCode = 400;
      response.end(JSON.stringify({ error: String(error) }));
    });
  });
  // Engines keep their connections; none is closed under a request because it was idle.
  server.keepAliveTimeout = 0;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}

async function answer(
  sites: Map<string, Site>,
  logFile: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [, name = '', call = ''] = (request.url ?? '').split('/');
  const body = (await read(request)) as Body;
  if (call === 'build') {
    const plant = new Plant(body as unknown as PlantSpec);
    sites.set(name, { plant, troubles: [], heard: [], time: { now: 0, real: 0 } });
    return reply(response, null);
  }
  const site = sites.get(name);
  if (site === undefined) throw new Error(`no plant ${name}`);
  const order = body as unknown as Order;
  if (call === 'start') site.plant.arrived(order);
  const trouble = troubleFor(site, call);
  if (trouble?.how === 'slow') await delay(trouble.ms);
  const note = (effect?: boolean) => {
    const about = body.key ?? (call === 'query' ? body.name : undefined);
    if (typeof about !== 'string') return;
    const heard: Heard = {
      at: Date.now(),
      plant: name,
      call,
      by: body.by ?? '',
      key: about,
      ...(effect === undefined ? {} : { effect }),
    };
    site.heard.push(heard);
    appendFileSync(logFile, `${JSON.stringify(heard)}\n`);
  };
  if (trouble?.how === 'before') {
    note(call === 'start' ? false : undefined);
    response.destroy();
    return;
  }
  const said = carryOut(site, call, body);
  note(call === 'start' ? true : undefined);
  if (trouble?.how === 'after') response.destroy();
  else reply(response, said);
}

function troubleFor(site: Site, call: string): Site['troubles'][number] | undefined {
  const index = site.troubles.findIndex(one => one.call === call);
  const trouble = site.troubles[index];
  if (trouble === undefined) return undefined;
  if (trouble.skip > 0) {
    trouble.skip -= 1;
    return undefined;
  }
  site.troubles.splice(index, 1);
  return trouble;
}

function carryOut(site: Site, call: string, body: Body): Json {
  const { plant } = site;
  const key = String(body.key);
  switch (call) {
    case 'start':
      return plant.start(body as unknown as Order);
    case 'find':
      return plant.find(key);
    case 'poll':
      return plant.poll(key);
    case 'cancel':
      plant.cancel(key);
      return null;
    case 'query':
      return plant.value(String(body.name)) ?? null;
    case 'serving':
      return plant.serving(String(body.model));
    case 'set':
      plant.set(String(body.name), body.value as number);
      return null;
    case 'trouble': {
      const { call, how, ms = 0, skip = 0 } = body as unknown as Trouble;
      site.troubles.push({ call, how, ms, skip });
      return null;
    }
    case 'time':
      if (typeof body.now === 'number') site.time = { now: body.now, real: Number(body.real) };
      return { ...site.time };
    case 'report':
      return { runs: plant.runs(), heard: site.heard } as unknown as Json;
    default:
      throw new Error(`no call ${call}`);
  }
}

async function read(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return JSON.parse(text);
}

function reply(response: ServerResponse, value: Json): void {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(value));
}
