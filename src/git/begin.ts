/** Begins a policy repository for a person at a terminal: the files, a first commit, and daemon.yaml with the state beside them. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { PortError } from '../model.ts';
import { initRepository } from './init.ts';
import type { PolicyFile } from './tree.ts';

/**
 * Where daemon.yaml is, and the first commit. `folders` are made empty; git does not see them. Throws PortError, before
 * anything is written, when the folder holds something.
 */
export async function beginRepository(
  folder: string,
  files: readonly PolicyFile[],
  folders: readonly string[],
): Promise<{ readonly home: string; readonly sha: string }> {
  const dir = resolve(folder);
  await mkdir(dir, { recursive: true });
  const present = await readdir(dir);
  if (present.length > 0)
    throw new PortError(
      `${folder}: it holds ${present.slice(0, 3).join(', ')}; expected an empty folder. Name another one.`,
      { code: 'not-empty', retry: 'never', subject: folder },
    );
  const { username } = userInfo();
  const author = { name: username, email: `${username}@localhost` };
  const ignore = { path: '.gitignore', text: '.flyball/\ndata/\nregistry/\nserving/\n' };
  const { sha } = await initRepository({ dir, files: [ignore, ...files], author, at: Date.now() });
  for (const name of folders) await mkdir(join(dir, name), { recursive: true });
  const home = join(dir, '.flyball');
  await mkdir(join(home, 'state'), { recursive: true, mode: 0o700 });
  await writeFile(join(home, 'daemon.yaml'), DAEMON_YAML, { mode: 0o600 });
  return { home, sha };
}

const DAEMON_YAML = `# The daemon's own settings: never part of the policy repository. Paths are relative to this file.
state: state              # ledger, facts and runs; belongs to the daemon's user
repository: ..            # the policy repository
branch: main              # its head commit is what is enforced
env: dev
trust: local-user         # whoever is at this machine may approve, and the ledger says so; tokens: needs proof
# secrets: { FLYBALL_X: [host] }   # by environment variable that a Connection names: where its value may be sent
`;
