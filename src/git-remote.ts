/** Wires the remote repository that daemon.yaml names: its clone, what follows it, its forge and its webhook. */
import { resolve } from 'node:path';
import type { DaemonSettings, RemotePort } from './commands/index.ts';
import { type Environment, secretFor } from './connectors/secrets.ts';
import { forgeOf } from './forges/forge-of.ts';
import { type HookAnswer, type HookHeaders, hookDoor } from './forges/webhook.ts';
import { branchRef, readRef } from './git/refs.ts';
import { beginClone, deleteBranch, pushCommit, type Remote } from './git/remote/clone.ts';
import { type Mirror, mirror } from './git/remote/mirror.ts';
import { readKeys } from './git/remote/signatures.ts';
import { openRepository, type PolicyRepository } from './git/repository.ts';
import { type Clock, PortError, type Store } from './model.ts';
import { signerOfSettings } from './repository-port.ts';

/** Under which name the state keeps what was last found at the remote. */
const STATE = 'remote';

export interface WiredRemote {
  readonly port: RemotePort;
  readonly mirror: Mirror;
  /** The clone, begun when it is not there. */
  clone(): Promise<PolicyRepository>;
  /** The same, fetched when it is empty. */
  open(): Promise<PolicyRepository>;
  /** Pushes a merge to the enforced branch there, which must still be what it follows. */
  publish(sha: string): Promise<void>;
  readonly hook?: (headers: HookHeaders, body: Uint8Array) => HookAnswer;
}

/** Undefined when the policy repository is a local one. */
export function remoteOf(
  settings: DaemonSettings,
  of: { readonly environment: Environment; readonly store: Pick<Store, 'setMeta'>; readonly now: Clock },
): WiredRemote | undefined {
  const { remote: given, branch, home } = settings;
  if (!given) return undefined;
  const { url, token, forge, webhook, keys } = given;
  const secrets = { environment: of.environment, hosts: settings.secrets ?? {} };
  const secret = (name: string, address: string) =>
    secretFor(name, new URL(address), secrets, 'daemon.yaml: remote');
  const remote = (): Remote => ({ url, ...(token === undefined ? {} : { token: secret(token, url) }) });
  let clone: Promise<PolicyRepository> | undefined;
  const opened = () => {
    clone ??= begun(settings, url).catch(error => {
      clone = undefined;
      throw error;
    });
    return clone;
  };
  const following = mirror({
    ...{ url, repository: opened, remote, now: of.now },
    ...(keys !== undefined && given.signed ? { keys: () => readKeys(resolve(home, keys)) } : {}),
    onState: state => of.store.setMeta(STATE, JSON.stringify(state)),
  });
  const open = async () => {
    const repository = await opened();
    if ((await readRef(repository.gitDir, branchRef(branch))) === undefined) await following.fetch();
    return repository;
  };
  const push = async (to: string, sha: string, replaces: boolean) =>
    pushCommit(await opened(), remote(), { branch: to, sha, replaces });
  const port: RemotePort = {
    fetch: () => following.fetch(),
    push: async name => {
      const sha = await readRef((await opened()).gitDir, branchRef(name));
      if (sha !== undefined) await push(name, sha, true);
    },
    remove: async name => deleteBranch(await opened(), remote(), name),
    ...(forge && token !== undefined
      ? { forge: forgeOf({ ...forge, branch, token: () => secret(token, forge.api) }) }
      : {}),
  };
  const hook =
    webhook && forge
      ? hookDoor({
          kind: forge.kind,
          secret: () => of.environment(webhook.secret) ?? '',
          poke: following.poke,
        })
      : undefined;
  return {
    port,
    mirror: following,
    clone: opened,
    open,
    publish: sha => push(branch, sha, false),
    ...(hook ? { hook } : {}),
  };
}

async function begun(settings: DaemonSettings, url: string): Promise<PolicyRepository> {
  const { repository, branch } = settings;
  await beginClone(repository, url);
  const opened = await openRepository({ dir: repository, branch, signer: signerOfSettings(settings) });
  if (opened.bare) return opened;
  throw new PortError(
    `policy repository ${repository}: it has a working tree; expected a folder that is empty or not there, for the clone of the remote. Name another one under repository in daemon.yaml.`,
    { code: 'not-a-clone', retry: 'never', subject: repository },
  );
}
