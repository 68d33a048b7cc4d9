/**
 * A small state file that effects write, one effect per key, and the record of which keys were applied to it.
 *
 * The file names the key that wrote it, so that its rename is change and record in one. Before the next change takes
 * that place, the key that stands there is written to `effects/`. A key was therefore applied exactly when it stands
 * in the file or in `effects/`, at whatever moment a process died; and a late repetition changes nothing, even when
 * the file has moved on. Two changes of one file at a time are excluded by the lock on its subject.
 */
import { join } from 'node:path';
import { type JsonObject, PortError } from '../../model.ts';
import { readJson, writeJson } from './files.ts';
import { isKey } from './names.ts';

/** A folder's state file. `value` is everything in it but the key. */
export interface StateFile {
  readonly folder: string;
  readonly name: string;
}

/** Writes `value` for this key, unless the key was applied before. Throws PortError. */
export async function apply(file: StateFile, key: string, value: JsonObject): Promise<void> {
  if ((await applied(file, key)) !== undefined) return;
  const current = await stateOf(file);
  if (current !== undefined && isKey(current.key)) await keep(file, current.key, current);
  await writeJson(join(file.folder, file.name), { ...value, key });
  await keep(file, key, value);
}

/** What this key wrote, or undefined when it was never applied. Throws PortError. */
export async function applied(file: StateFile, key: string): Promise<JsonObject | undefined> {
  const kept = objectOf(await readJson(recordOf(file, key)), recordOf(file, key));
  if (kept !== undefined) return kept;
  const current = await stateOf(file);
  return current?.key === key ? current : undefined;
}

/** What the file says now, with the key that wrote it; undefined when there is none. Throws PortError. */
export async function stateOf(file: StateFile): Promise<JsonObject | undefined> {
  const path = join(file.folder, file.name);
  return objectOf(await readJson(path), path);
}

async function keep(file: StateFile, key: string, value: JsonObject): Promise<void> {
  if ((await readJson(recordOf(file, key))) !== undefined) return;
  const { key: _, ...rest } = value;
  await writeJson(recordOf(file, key), rest);
}

function recordOf(file: StateFile, key: string): string {
  return join(file.folder, 'effects', `${key}.json`);
}

function objectOf(value: unknown, path: string): JsonObject | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw new PortError(`${path}: ${JSON.stringify(value).slice(0, 100)}; expected a JSON object`, {
    code: 'not-an-object',
    retry: 'never',
    subject: path,
  });
}
