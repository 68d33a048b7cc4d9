/** The policy repository as commands use it, over its folder and, where there is one, the remote that it is a clone of. */
import { resolve } from 'node:path';
import type { DaemonSettings, ProposalView, RepositoryPort } from './commands/index.ts';
import type { Signer } from './git/authors.ts';
import { draftEdits } from './git/draft.ts';
import {
  closeProposal,
  diffProposal,
  listProposals,
  mergeProposal,
  type Proposal,
  previewProposal,
} from './git/proposals.ts';
import { branchOf, propose } from './git/propose.ts';
import { signerBy } from './git/remote/signatures.ts';
import { openRepository, type PolicyRepository } from './git/repository.ts';
import { resolveCommit } from './git/resolve.ts';
import type { WiredRemote } from './git-remote.ts';
import { PortError } from './model.ts';
import { placeOf } from './store/address.ts';

/** Opened at first use, so that commands that need no repository work without one. */
export function repositoryPort(
  settings: DaemonSettings,
  remote?: Pick<WiredRemote, 'open' | 'publish'>,
): { readonly port: RepositoryPort; readonly opened: () => Promise<PolicyRepository> } {
  let opened: Promise<PolicyRepository> | undefined;
  const repository = () => {
    opened ??= (remote ? remote.open() : repositoryOf(settings)).catch(error => {
      // A repository that is not there yet may be there at the next try.
      opened = undefined;
      throw error;
    });
    return opened;
  };
  const port: RepositoryPort = {
    head: async () => (await repository()).head(),
    files: async sha => (await repository()).files(sha),
    resolve: async revision => resolveCommit(await repository(), revision),
    isDescendant: async (sha, ancestor) => (await repository()).isDescendant(sha, ancestor),
    authorsBetween: async (last, sha) => (await repository()).authorsBetween(last, sha),
    detachedAt: async () => (await repository()).detachedAt(),
    draft: async draft => draftEdits(await repository(), draft),
    branchOf,
    propose: async draft => propose(await repository(), draft),
    proposals: async () => (await listProposals(await repository())).map(viewOf),
    preview: async branch => previewProposal(await repository(), branch),
    diff: async branch => diffProposal(await repository(), branch),
    merge: async (branch, options) =>
      mergeProposal(await repository(), branch, {
        ...options,
        ...(remote ? { publish: remote.publish } : {}),
      }),
    close: async branch => {
      await closeProposal(await repository(), branch);
    },
  };
  return { port, opened: repository };
}

function viewOf(one: Proposal): ProposalView {
  const { branch, base, ahead, behind, mergeable, problem, rationale, commit } = one;
  return {
    ...{ branch, base, ahead, behind, mergeable, rationale },
    ...{ sha: commit.sha, title: commit.subject, author: commit.author.name, at: commit.time },
    files: one.files.map(file => file.path),
    ...(problem === undefined ? {} : { problem }),
  };
}

/** Who signs commits, by the keys that daemon.yaml names; undefined where it names none. */
export function signerOfSettings({ keys, remote, home }: DaemonSettings): Signer | undefined {
  const path = keys ?? remote?.keys;
  return path === undefined ? undefined : signerBy(resolve(home, path));
}

async function repositoryOf(settings: DaemonSettings): Promise<PolicyRepository> {
  const { repository, branch, state } = settings;
  if (repository !== '')
    return openRepository({ dir: repository, branch, signer: signerOfSettings(settings) });
  throw new PortError(
    `state ${placeOf(state)}: this replica has only the address of its state and no policy repository; expected a daemon.yaml ` +
      'for a command that reads policies. Give it by --config, or run the command where the repository is.',
    { code: 'no-repository', retry: 'never', subject: 'repository' },
  );
}
