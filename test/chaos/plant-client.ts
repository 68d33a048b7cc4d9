/** Plants from outside: how a test starts their process, and how engines reach one as their ports. */
import { fork } from 'node:child_process';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { type Action, type Effect, type Json, type JsonObject, PortError } from '../../src/model.ts';
import type { Order, PlantSpec } from './plant.ts';
import type { PlantTime, Report, Trouble } from './plant-server.ts';

/** Longer than a plant's slowest answer that shall still be heard. */
export const PATIENCE_MS = 2000;

export interface Plants {
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts the process of all plants. */
export async function startPlants(logFile: string): Promise<Plants> {
  const child = fork(join(import.meta.dirname, 'plant.child.ts'), [logFile]);
  const gone = new Promise<void>(resolve => child.once('exit', () => resolve()));
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', message => resolve(Number(message)));
    child.once('exit', code => reject(new Error(`the plants ended with ${code}`)));
  });
  return {
    port,
    stop: async () => {
      child.disconnect();
      await gone;
    },
  };
}

export interface PlantAddress {
  readonly port: number;
  /** Which plant behind that port. */
  readonly plant: string;
}

/** One plant, as tests and engines talk to it. `by` stands beside every call of an engine in the plant's log. */
export interface PlantClient {
  build(spec: PlantSpec): Promise<void>;
  set(name: string, value: number): Promise<void>;
  trouble(trouble: Trouble): Promise<void>;
  time(to?: PlantTime): Promise<PlantTime>;
  report(): Promise<Report>;
  value(name: string): Promise<Json>;
  serving(
    model: string,
  ): Promise<{ readonly champion: string; readonly weights: Readonly<Record<string, number>> }>;
  readonly effect: Effect;
  close(): void;
}

export function plantAt(address: PlantAddress, by = 'test'): PlantClient {
  const agent = new Agent({ keepAlive: true });
  const ask = (call: string, body: JsonObject) => post(agent, address, call, { ...body, by });
  return {
    build: async spec => void (await ask('build', spec as unknown as JsonObject)),
    set: async (name, value) => void (await ask('set', { name, value })),
    trouble: async trouble => void (await ask('trouble', trouble as unknown as JsonObject)),
    time: async to => (await ask('time', to ? { ...to } : {})) as unknown as PlantTime,
    report: async () => (await ask('report', {})) as unknown as Report,
    value: name => ask('query', { name }),
    serving: async model =>
      (await ask('serving', { model })) as unknown as { champion: string; weights: Record<string, number> },
    effect: effectOf(ask),
    close: () => agent.destroy(),
  };
}

/** Longer than any request to a plant may be on its way. */
export const SETTLE_AFTER_MS = PATIENCE_MS;

function effectOf(ask: (call: string, body: JsonObject) => Promise<Json>): Effect {
  return {
    settleAfterMs: SETTLE_AFTER_MS,
    pollMs: { first: 100, max: 1000 },
    start: action => ask('start', orderOf(action) as unknown as JsonObject),
    find: async ({ key }) => (await ask('find', { key })) as unknown as Awaited<ReturnType<Effect['find']>>,
    poll: async ({ key }) => (await ask('poll', { key })) as unknown as Awaited<ReturnType<Effect['poll']>>,
    cancel: async ({ key }) => void (await ask('cancel', { key })),
  };
}

function orderOf({ key, call }: Action): Order {
  return { key, capability: call.capability, subject: call.subject, args: call.args };
}

/** Throws PortError when no whole answer came: whether the plant did it is not known then. */
function post(agent: Agent, { port, plant }: PlantAddress, call: string, body: JsonObject): Promise<Json> {
  return new Promise((resolve, reject) => {
    const refuse = (cause: unknown) =>
      reject(
        new PortError(`plant ${plant}: ${call} was not answered; nothing is known about it`, {
          code: 'unreachable',
          retry: 'later',
          subject: plant,
          cause,
        }),
      );
    const sent = request(
      { agent, port, host: '127.0.0.1', path: `/${plant}/${call}`, method: 'POST', timeout: PATIENCE_MS },
      response => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', chunk => {
          text += chunk;
        });
        response.once('error', refuse);
        response.once('end', () => {
          if (response.statusCode === 200) resolve(JSON.parse(text) as Json);
          else refuse(new Error(text));
        });
      },
    );
    sent.once('timeout', () => sent.destroy(new Error(`no answer within ${PATIENCE_MS} ms`)));
    sent.once('error', refuse);
    sent.end(JSON.stringify(body));
  });
}
