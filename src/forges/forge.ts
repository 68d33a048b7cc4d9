/** A forge: the server that keeps pull (or merge) requests of the policy repository. Each kind has a file; all do the same. */
import type { ForgeKind } from './webhook.ts';

/** A pull (or merge) request. */
export interface PullRequest {
  readonly number: number;
  readonly url: string;
  readonly state: 'open' | 'merged' | 'closed';
  /** The commit that its branch is at. */
  readonly sha: string;
  /** Login of who opened it. */
  readonly by?: string;
  readonly closedBy?: string;
  /** Milliseconds since the epoch. */
  readonly closedAt?: number;
}

/** What Flyball asks of a forge. Every call throws PortError; no error holds the token. */
export interface Forge {
  readonly kind: ForgeKind;
  /** The newest pull request of a branch, whatever became of it. */
  find(branch: string): Promise<PullRequest | undefined>;
  open(of: { readonly branch: string; readonly title: string; readonly body: string }): Promise<PullRequest>;
  update(number: number, to: { readonly title: string; readonly body: string }): Promise<void>;
  /** Merges it if its branch is still at `sha`. */
  merge(number: number, of: { readonly sha: string; readonly title: string }): Promise<void>;
  close(number: number): Promise<void>;
  /** Writes a comment that begins with `marker`, or over the one that does already. */
  comment(number: number, marker: string, body: string): Promise<void>;
  status(sha: string, of: CommitStatus): Promise<void>;
}

export interface CommitStatus {
  readonly state: 'success' | 'failure';
  readonly context: string;
  readonly description: string;
}

export interface ForgeSettings {
  readonly kind: ForgeKind;
  /** Base address of its API. */
  readonly api: string;
  /** OWNER/NAME. */
  readonly project: string;
  /** Looked up at each use, and sent to the API alone. */
  readonly token: () => string;
  /** The branch that pull requests are against. */
  readonly branch: string;
}

/** Comments of one pull request that are looked through for our own. */
export const COMMENTS_MAX = 500;
