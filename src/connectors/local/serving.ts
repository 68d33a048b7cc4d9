/** The weights file that a serving process follows, `serving/<model>/weights.json`, and what serves a model now. */
import { join } from 'node:path';
import { z } from 'zod';
import {
  type Effect,
  type Interval,
  PortError,
  type ReadServing,
  type Serving,
  type Unknown,
} from '../../model.ts';
import { checkedArgs } from '../arguments.ts';
import { type StateFile, stateOf } from './applied.ts';
import { checkedName, rootOf } from './names.ts';
import { aliasFile, readCard, requireVersion } from './registry.ts';
import { stateEffect } from './state-effect.ts';

const weightsSchema = z
  .record(z.string(), z.number().min(0).max(1))
  .refine(weights => Math.abs(Object.values(weights).reduce((sum, share) => sum + share, 0) - 1) < 1e-9, {
    message: 'the shares do not add up to 1',
  });
const shiftArgs = z.object({ name: z.string(), weights: weightsSchema, registry: z.string().optional() });
const weightsFileSchema = z.object({ weights: weightsSchema });
const aliasSchema = z.object({ version: z.string() });
const trainedSchema = z.object({
  from: z.iso.datetime({ offset: true }),
  to: z.iso.datetime({ offset: true }),
});

/** Writes the shares of traffic: `{ name, weights }`; with `registry`, only versions which that registry has. */
export function servingShift(home: string): Effect {
  return stateEffect(({ connection, call }) => {
    const { name, weights, registry } = checkedArgs(shiftArgs, call);
    const root = rootOf(home, connection);
    const versions = Object.keys(weights).map(version => checkedName(version, 'version'));
    return {
      file: weightsFile(root, name),
      value: { weights },
      async refuse() {
        if (registry === undefined) return;
        for (const version of versions) await requireVersion(root, registry, version);
      },
    };
  });
}

function weightsFile(root: string, name: string): StateFile {
  return { folder: join(root, 'serving', checkedName(name, 'serving name')), name: 'weights.json' };
}

/**
 * What serves a model, from the weights file, the champion alias and the champion's card (`trained: { from, to }`, ISO
 * 8601). A weights or alias file that is missing makes it unknown as `absent`, one that cannot be read as
 * `unreachable`; what could be read is given all the same. Never throws for the world's sake.
 *
 * A card that is missing or unreadable only leaves `trained` out: what serves is known without it, and a rollback must
 * not wait for the card of the version that it takes out of service.
 */
export function readLocalServing(home: string): ReadServing {
  return async (model, connections) => {
    const { registry, serving } = model;
    if (serving === undefined || registry === undefined) {
      const lacking = serving === undefined ? 'spec.serving' : 'spec.registry';
      return { weights: {}, unknown: { reason: 'absent', message: `Model ${model.name} has no ${lacking}` } };
    }
    const roots = [serving, registry].map(part => {
      const connection = connections[part.connection];
      return connection?.connector === 'local' ? rootOf(home, connection) : undefined;
    });
    const [servingRoot, registryRoot] = roots;
    if (servingRoot === undefined || registryRoot === undefined) {
      const name = servingRoot === undefined ? serving.connection : registry.connection;
      const message = `Connection ${name} is not a local one; expected one with registry/ and serving/`;
      return { weights: {}, unknown: { reason: 'unreachable', message } };
    }
    const weights = await readWeights(weightsFile(servingRoot, serving.name));
    const champion = await readChampion(registryRoot, registry.name);
    return together(weights, champion);
  };
}

type Part<T> = T | { readonly unknown: Unknown };

function together(
  weights: Part<{ readonly weights: Serving['weights'] }>,
  champion: Partial<Pick<Serving, 'champion' | 'trained' | 'unknown'>>,
): Serving {
  if (!('unknown' in weights)) return { ...champion, weights: weights.weights };
  return { ...champion, weights: {}, unknown: weights.unknown };
}

async function readWeights(file: StateFile): Promise<Part<{ readonly weights: Serving['weights'] }>> {
  return known(async () => {
    const state = await stateOf(file);
    if (state === undefined) return absent(`${join(file.folder, file.name)}: not there; nothing serves yet`);
    const parsed = weightsFileSchema.safeParse(state);
    if (parsed.success) return { weights: parsed.data.weights };
    return unreadable(join(file.folder, file.name), parsed.error);
  });
}

async function readChampion(
  root: string,
  model: string,
): Promise<Partial<Pick<Serving, 'champion' | 'trained' | 'unknown'>>> {
  return known(async () => {
    const file = aliasFile(root, model, 'champion');
    const at = join(file.folder, file.name);
    const state = await stateOf(file);
    if (state === undefined) return absent(`${at}: not there; no version is the champion`);
    const alias = aliasSchema.safeParse(state);
    if (!alias.success) return unreadable(at, alias.error);
    const champion = alias.data.version;
    const trained = await readTrained(root, model, champion);
    return { champion, ...(trained === undefined ? {} : { trained }) };
  });
}

async function readTrained(root: string, model: string, version: string): Promise<Interval | undefined> {
  const card = await known(() => readCard(root, model, version));
  const trained = trainedSchema.safeParse(card !== undefined && 'trained' in card ? card.trained : undefined);
  if (!trained.success) return undefined;
  return { from: Date.parse(trained.data.from), to: Date.parse(trained.data.to) };
}

function absent(message: string): { readonly unknown: Unknown } {
  return { unknown: { reason: 'absent', message } };
}

function unreadable(at: string, error: z.ZodError): { readonly unknown: Unknown } {
  const [issue] = error.issues;
  const where = issue === undefined || issue.path.length === 0 ? at : `${at}: ${issue.path.join('.')}`;
  return { unknown: { reason: 'unreachable', message: `${where}: ${issue?.message ?? 'not understood'}` } };
}

async function known<T>(read: () => Promise<T>): Promise<T | { readonly unknown: Unknown }> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof PortError) return { unknown: { reason: 'unreachable', message: error.message } };
    throw error;
  }
}
