/** The policy repository as commands use it: its commits, proposals, remote and forge. Given as arguments. */
import type { Commit, CommitAuthor, ProposalNote } from '../model.ts';

export interface PolicyText {
  readonly path: string;
  readonly text: string;
}

/** A file that changes: its whole new text, or none when it is deleted. */
export interface PolicyEdit {
  readonly path: string;
  readonly text?: string;
}

export interface GitAuthor {
  readonly name: string;
  readonly email: string;
}

export interface ProposalView {
  readonly branch: string;
  readonly sha: string;
  readonly title: string;
  readonly author: string;
  readonly at: number;
  readonly base: string;
  readonly files: readonly string[];
  readonly ahead: number;
  readonly behind: number;
  readonly mergeable: string;
  /** Why it cannot be merged. */
  readonly problem?: string;
  readonly rationale: string;
}

/** What the enforced branch would hold with a proposal. */
export interface ProposalPreview {
  readonly sha: string;
  readonly head: Commit;
  /** All policy files, merged. */
  readonly files: readonly PolicyText[];
  /** E-mail addresses of who wrote its commits; undefined when those are too many. */
  readonly authors: readonly CommitAuthor[] | undefined;
}

/** The policy repository, as commands use it. Throws PortError. */
export interface RepositoryPort {
  head(): Promise<Commit>;
  files(sha: string): Promise<readonly PolicyText[]>;
  /** The commit of a branch, a tag or (the beginning of) an id, also with `~N`. */
  resolve(revision: string): Promise<Commit>;
  isDescendant(sha: string, ancestor: string): Promise<boolean>;
  /** Who wrote a commit in `last..sha`, by address, with the key of a signature that was verified; undefined when those are too many. */
  authorsBetween(last: string, sha: string): Promise<readonly CommitAuthor[] | undefined>;
  /** The commit of a detached HEAD; undefined when HEAD is on a branch. */
  detachedAt(): Promise<string | undefined>;
  /** What a draft (whole files, or a patch against `base`) changes on the head. Writes nothing. */
  draft(draft: {
    readonly base?: string;
    readonly files?: readonly PolicyText[];
    readonly patch?: string;
  }): Promise<{
    readonly base: string;
    readonly head: Commit;
    readonly edits: readonly PolicyEdit[];
    readonly rebased: boolean;
  }>;
  /** Commits a proposal to its branch, which its title and owner name. `replaces`: what it was, by our own record. */
  propose(draft: {
    readonly base: string;
    readonly files: readonly PolicyEdit[];
    readonly title: string;
    readonly subject: string;
    readonly owner: string;
    readonly rationale: string;
    readonly author: GitAuthor;
    readonly at: number;
    readonly replaces?: string;
  }): Promise<{ readonly branch: string; readonly sha: string }>;
  /** The branch that a proposal of this title and owner has. */
  branchOf(of: { readonly title: string; readonly owner: string }): string;
  proposals(): Promise<readonly ProposalView[]>;
  preview(branch: string): Promise<ProposalPreview>;
  diff(branch: string): Promise<string>;
  /** Merges exactly this commit of a proposal, and pushes where there is a remote repository. */
  merge(
    branch: string,
    options: { readonly sha: string; readonly author: GitAuthor; readonly at: number },
  ): Promise<{
    readonly sha: string;
    readonly how: string;
    readonly workingTree: string;
    readonly left: readonly string[];
  }>;
  close(branch: string): Promise<void>;
}

/** A pull (or merge) request of a forge. */
export interface PullRequest {
  readonly number: number;
  readonly url: string;
  readonly state: 'open' | 'merged' | 'closed';
  /** The commit that its branch is at. */
  readonly sha: string;
  /** Login of who opened it. */
  readonly by?: string;
  readonly closedBy?: string;
  readonly closedAt?: number;
}

/** A server that keeps pull requests. Throws PortError; its errors never hold a token. */
export interface ForgePort {
  readonly kind: 'github' | 'gitlab' | 'gitea';
  /** The newest pull request of a branch, whatever became of it. */
  find(branch: string): Promise<PullRequest | undefined>;
  open(of: { readonly branch: string; readonly title: string; readonly body: string }): Promise<PullRequest>;
  update(number: number, to: { readonly title: string; readonly body: string }): Promise<void>;
  /** Merges it if its branch is still at `sha`. */
  merge(number: number, of: { readonly sha: string; readonly title: string }): Promise<void>;
  close(number: number): Promise<void>;
  /** Writes a comment that begins with `marker`, or over the one that does already. */
  comment(number: number, marker: string, body: string): Promise<void>;
  status(
    sha: string,
    of: { readonly state: 'success' | 'failure'; readonly context: string; readonly description: string },
  ): Promise<void>;
}

/** What the daemon last found at the remote repository. Times in milliseconds since the epoch. */
export interface RemoteState {
  /** Without credentials. */
  readonly url: string;
  readonly fetchedAt?: number;
  /** Since when it cannot be had, and why; what was taken before stays in force. */
  readonly failing?: { readonly since: number; readonly problem: string };
  /** A head that is not taken, and why. */
  readonly refused?: { readonly sha: string; readonly problem: string };
}

/** The repository that the policy repository here is a clone of. */
export interface RemotePort {
  readonly forge?: ForgePort;
  /** Takes its branch, if it is there and may be trusted. Throws PortError. */
  fetch(): Promise<void>;
  /** Pushes a proposal's branch over what it was there. */
  push(branch: string): Promise<void>;
  remove(branch: string): Promise<void>;
}

/** What became of proposals, whatever targets whoever asks may see: on it rests who may merge them. */
export interface ProposalNotes {
  read(): Promise<readonly { readonly at: number; readonly note: ProposalNote }[]>;
  write(note: ProposalNote): Promise<void>;
}

/** Answers a delivery of the forge; header names are in lower case. It is believed only when it is signed. */
export type HookPort = (
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  body: Uint8Array,
) => { readonly status: number; readonly message: string };

/** What `ci` works through. Throws PortError. */
export interface CiPort {
  /** The policy files of a commit below a folder, by their paths in it. */
  filesAt(
    folder: string,
    revision: string,
  ): Promise<{ readonly sha: string; readonly files: readonly PolicyText[] }>;
  forge(of: {
    readonly kind: ForgePort['kind'];
    readonly project: string;
    readonly tokenEnv: string;
    readonly api?: string;
  }): ForgePort;
}
