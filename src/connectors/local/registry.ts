/** A registry of model versions in folders: `registry/<model>/<version>/card.json`, and aliases that point at them. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type Effect, type JsonObject, PortError } from '../../model.ts';
import { checkedArgs } from '../arguments.ts';
import { type StateFile, stateOf } from './applied.ts';
import { codeOf, refused } from './files.ts';
import { checkedName, rootOf } from './names.ts';
import { stateEffect } from './state-effect.ts';

const pointArgs = z.object({ name: z.string(), alias: z.string(), version: z.string() });

/** Names of a model's versions, sorted; a version is a folder with a card. Empty when there are none. Throws PortError. */
export async function listVersions(root: string, model: string): Promise<readonly string[]> {
  const folder = join(root, 'registry', checkedName(model, 'model'));
  try {
    const found = await readdir(folder, { withFileTypes: true });
    const named = found.filter(entry => entry.isDirectory() && entry.name !== 'effects');
    const cards = await Promise.all(named.map(entry => hasCard(join(folder, entry.name))));
    return named.flatMap((entry, index) => (cards[index] ? [entry.name] : [])).sort();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw refused(error, folder, 'read');
  }
}

/** The card of a version as it was written; undefined when there is no such version. Throws PortError. */
export async function readCard(
  root: string,
  model: string,
  version: string,
): Promise<JsonObject | undefined> {
  return stateOf({
    folder: join(root, 'registry', checkedName(model, 'model'), checkedName(version, 'version')),
    name: 'card.json',
  });
}

/** The file of an alias, such as `champion`, with `{ version }`. */
export function aliasFile(root: string, model: string, alias: string): StateFile {
  const folder = join(root, 'registry', checkedName(model, 'registry name'));
  return { folder, name: `${checkedName(alias, 'alias')}.json` };
}

/** Returns when the registry has the version; else throws a PortError that names those it has. */
export async function requireVersion(root: string, model: string, version: string): Promise<void> {
  checkedName(version, 'version');
  const known = await listVersions(root, model);
  if (known.includes(version)) return;
  const named = known.length === 0 ? 'none' : known.slice(-20).join(', ');
  throw new PortError(`registry/${model}: no version ${version}; it has ${named}. It will not be retried.`, {
    code: 'no-version',
    retry: 'never',
    subject: `registry/${model}`,
  });
}

/** Points an alias of the folder registry at a version: `{ name, alias, version }`. Its result has `alias` and `version`. */
export function registryPoint(home: string): Effect {
  return stateEffect(({ connection, call }) => {
    const { name, alias, version } = checkedArgs(pointArgs, call);
    const root = rootOf(home, connection);
    return {
      file: aliasFile(root, name, alias),
      value: { alias, version },
      refuse: () => requireVersion(root, name, version),
    };
  });
}

async function hasCard(folder: string): Promise<boolean> {
  try {
    return (await stat(join(folder, 'card.json'))).isFile();
  } catch {
    return false;
  }
}
