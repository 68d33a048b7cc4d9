/** Files of the local connector: JSON that is written by rename, and words for what the file system refuses. */
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Json, PortError } from '../../model.ts';

let written = 0;

/**
 * Writes a value as JSON: whoever reads `file` sees the old text or the whole new one, whatever dies meanwhile. The
 * folder is made when it is missing. Throws PortError.
 */
export async function writeJson(file: string, value: unknown): Promise<void> {
  written += 1;
  const temporary = `${file}.${process.pid}-${written}.tmp`;
  try {
    await mkdir(dirname(file), { recursive: true });
    const handle = await open(temporary, 'wx');
    try {
      await handle.writeFile(`${JSON.stringify(value, null, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw refused(error, file, 'written');
  }
}

/** The JSON of a file; undefined when there is no such file. Throws PortError when it cannot be read or is not JSON. */
export async function readJson(file: string): Promise<Json | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw refused(error, file, 'read');
  }
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw new PortError(`${file}: ${text.length} characters that are not JSON; mend or remove the file`, {
      code: 'not-json',
      retry: 'never',
      subject: file,
      cause,
    });
  }
}

/** What the file system said, as a PortError that says what to do. All of it can be mended, so it may be tried later. */
export function refused(error: unknown, path: string, wanted: 'read' | 'written'): PortError {
  if (error instanceof PortError) return error;
  const code = codeOf(error) ?? 'unknown';
  const details = { code, retry: 'later', subject: path, cause: error } as const;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new PortError(
      `${path}: the disk is full (${code}); nothing was changed; free some space`,
      details,
    );
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return new PortError(`${path}: may not be ${wanted} (${code}); allow it to the daemon's user`, details);
  return new PortError(`${path}: cannot be ${wanted} (${code}): ${messageOf(error)}`, details);
}

/** The code of a system error, such as `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** What an error says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
