/** Writes Flyball into a client's file, or takes it out: with a copy of what was there, and all at once or not at all. */
import { copyFile, mkdir, readFile, realpath, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PortError } from '../../model.ts';
import { type Client, clientFile, type Launch, type Machine, type Scope } from './clients.ts';
import { edited, Unreadable } from './edit.ts';

export interface Installed {
  readonly path: string;
  readonly changed: boolean;
  /** The copy of the file as it was. */
  readonly backup?: string;
  /** The file as it is now, or would be. */
  readonly text: string;
}

/** Throws PortError where the client has no such file, or it cannot be read as what it should be. */
export async function install(of: {
  readonly client: Client;
  readonly scope: Scope;
  readonly what: 'add' | 'remove';
  readonly dryRun: boolean;
  readonly machine: Machine;
  readonly launch: Launch;
  readonly now: number;
}): Promise<Installed> {
  const { client, scope, what, dryRun, machine, launch, now } = of;
  const file = clientFile(client, scope, machine, launch);
  if (!file)
    throw problem(`${client} has no configuration of its own in a project; expected --scope user.`, client);
  const found = await firstThere(file.paths);
  const path = found ?? file.paths.at(-1) ?? '';
  const before = found === undefined ? undefined : await readFile(found, 'utf8');
  const text = editedText(path, before, () => edited(before, file, what));
  const changed = text !== (before ?? '');
  if (!changed || dryRun) return { path, changed, text };
  const backup = before === undefined ? undefined : `${path}.flyball-${stamp(now)}.bak`;
  if (backup !== undefined) await copyFile(path, backup);
  await replace(path, text, before !== undefined);
  return { path, changed, text, ...(backup === undefined ? {} : { backup }) };
}

function editedText(path: string, before: string | undefined, edit: () => string): string {
  try {
    return edit();
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    throw problem(
      `${path}: ${error.message}; expected a file that its client can read. Nothing was written${before === undefined ? '' : '; mend it and try again'}.`,
      path,
    );
  }
}

async function firstThere(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await stat(path).catch(() => undefined)) return path;
  return undefined;
}

/** Beside the file and then in its place, with its rights; through a link to what it leads to. */
async function replace(path: string, text: string, there: boolean): Promise<void> {
  const target = there ? await realpath(path) : path;
  await mkdir(dirname(target), { recursive: true });
  const mode = there ? (await stat(target)).mode & 0o777 : 0o600;
  const beside = `${target}.flyball-${process.pid}.new`;
  try {
    await writeFile(beside, text, { mode });
    await rename(beside, target);
  } catch (cause) {
    await unlink(beside).catch(() => undefined);
    throw new PortError(
      `${path}: cannot be written (${(cause as NodeJS.ErrnoException).code ?? 'unknown'}).`,
      {
        ...{ code: 'file', retry: 'never', subject: path, cause },
      },
    );
  }
}

function stamp(now: number): string {
  return new Date(now).toISOString().replace(/[-:]/g, '').slice(0, 15);
}

function problem(message: string, subject: string): PortError {
  return new PortError(message, { code: 'client-file', retry: 'never', subject });
}
