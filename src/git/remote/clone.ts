/** The clone of a remote repository: a bare folder here, its branches taken from there and pushed to it. Never a working tree. */
import { mkdir, readdir } from 'node:fs/promises';
import git, { type HttpClient } from 'isomorphic-git';
import { PortError } from '../../model.ts';
import { type Objects, objectsOf, plainFiles, translated } from '../objects.ts';
import { branchRef, isSha, moveBranch, readRef } from '../refs.ts';
import type { PolicyRepository } from '../repository.ts';
import { checkPack } from './pack-bounds.ts';
import { type TransportOptions, transport } from './transport.ts';

export interface Remote extends TransportOptions {
  readonly url: string;
}

/** Makes an empty bare repository at `dir` when there is nothing yet. */
export async function beginClone(dir: string, url: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  if ((await readdir(dir)).length > 0) return;
  await git.init({ fs: plainFiles, dir, gitdir: dir, bare: true, defaultBranch: 'main' });
  await git.addRemote({ fs: plainFiles, gitdir: dir, remote: 'origin', url });
}

/**
 * Fetches one branch, with all its history; gives the commit that it is at there. Nothing here moves but the ref
 * `refs/remotes/origin/BRANCH`. Throws PortError when the remote is down, has no such branch, or sends too much.
 */
export function fetchBranch(
  repository: Pick<PolicyRepository, 'gitDir'>,
  remote: Remote,
  branch: string,
): Promise<string> {
  const where = `remote repository ${remote.url}`;
  return translated(where, async () => {
    const found = await talk(where, branch, () =>
      git.fetch({
        ...receiving(repository.gitDir),
        http: transport(remote.url, remote),
        url: remote.url,
        remote: 'origin',
        ref: branch,
        remoteRef: branchRef(branch),
        singleBranch: true,
        tags: false,
      }),
    );
    const sha = found.fetchHead;
    if (sha === null || !isSha(sha)) throw noBranch(where, branch);
    return sha;
  });
}

/** Access to objects that looks through a pack before it is kept. */
function receiving(gitDir: string): Objects {
  const objects = objectsOf(gitDir, 'write');
  const { promises } = objects.fs as unknown as {
    readonly promises: { readonly writeFile: (path: string, data: Uint8Array | string) => Promise<void> };
  };
  const writeFile = async (path: string, data: Uint8Array | string) => {
    if (path.endsWith('.pack') && typeof data !== 'string') checkPack(data);
    return promises.writeFile(path, data);
  };
  return { ...objects, fs: { promises: { ...promises, writeFile } } as unknown as Objects['fs'] };
}

/** Moves the enforced branch here to a commit that was fetched, wherever it was. */
export async function takeHead(repository: PolicyRepository, sha: string): Promise<void> {
  const { gitDir, branch } = repository;
  const from = await readRef(gitDir, branchRef(branch));
  if (from === sha || (await moveBranch({ gitDir, branch, from, to: sha }))) return;
  throw new PortError(
    `branch ${branch}: it moved while the remote's head was taken; it is taken at the next look.`,
    {
      code: 'branch-moved',
      retry: 'later',
      subject: branch,
    },
  );
}

/**
 * Pushes a commit to a branch there. `replaces`: whatever it was (a proposal of ours); otherwise it must follow what is there.
 * Throws PortError `remote-moved` when somebody else was faster.
 */
export function pushCommit(
  repository: Pick<PolicyRepository, 'gitDir'>,
  remote: Remote,
  to: { readonly branch: string; readonly sha: string; readonly replaces?: boolean },
): Promise<void> {
  const where = `remote repository ${remote.url}`;
  return translated(where, async () => {
    const result = await talk(where, to.branch, () =>
      git.push({
        ...objectsOf(repository.gitDir, 'write'),
        ...pushing(remote),
        ref: to.sha,
        remoteRef: branchRef(to.branch),
        force: to.replaces === true,
      }),
    );
    if (!result.ok) throw rejected(where, to.branch, result.error ?? '');
  });
}

/** Deletes a branch there; it is no matter when it is gone already. */
export function deleteBranch(
  repository: Pick<PolicyRepository, 'gitDir'>,
  remote: Remote,
  branch: string,
): Promise<void> {
  const where = `remote repository ${remote.url}`;
  return translated(where, async () => {
    const { gitDir } = repository;
    const refs = await git.listServerRefs({
      http: transport(remote.url, remote),
      url: remote.url,
      prefix: branchRef(branch),
    });
    const there = refs.find(one => one.ref === branchRef(branch));
    if (!there) return;
    await talk(where, branch, () =>
      git.push({
        ...objectsOf(gitDir, 'write'),
        ...pushing(remote),
        ref: there.oid,
        remoteRef: branchRef(branch),
        delete: true,
      }),
    );
  });
}

function pushing(remote: Remote): {
  readonly http: HttpClient;
  readonly url: string;
  readonly remote: string;
} {
  return { http: transport(remote.url, remote), url: remote.url, remote: 'origin' };
}

/** What isomorphic-git throws in our words. */
async function talk<T>(where: string, branch: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof PortError) throw error;
    const { code, message } = error as { readonly code?: string; readonly message?: string };
    if (code === 'NotFoundError') throw noBranch(where, branch);
    if (code === 'PushRejectedError' || code === 'GitPushError') throw rejected(where, branch, message ?? '');
    if (code === 'HttpError' || code === 'SmartHttpError')
      throw new PortError(
        `${where}: it does not answer as a git server does (${firstLine(message)}); check its address.`,
        {
          code: 'remote-unreachable',
          retry: 'later',
          subject: branch,
        },
      );
    throw error;
  }
}

function firstLine(text = ''): string {
  return text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').slice(0, 200);
}

function noBranch(where: string, branch: string): PortError {
  return new PortError(
    `${where}: it has no branch ${branch}; push one, or name another under branch in daemon.yaml.`,
    {
      code: 'no-branch',
      retry: 'later',
      subject: branch,
    },
  );
}

function rejected(where: string, branch: string, why: string): PortError {
  return new PortError(
    `${where}: it does not take the push to ${branch} (${firstLine(why)}); it may have moved, or be protected. Nothing was changed here; look at it again.`,
    { code: 'remote-moved', retry: 'later', subject: branch },
  );
}
