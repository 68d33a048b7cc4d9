/** What commands work through, given as arguments: the engine's world, the repository, and the daemon's own settings. */
import type { World } from '../engine/world.ts';
import type { Commit, Entry, Principal } from '../model.ts';
import type { Role } from './command.ts';

export interface PolicyText {
  readonly path: string;
  readonly text: string;
}

export interface ProposalView {
  readonly branch: string;
  readonly title: string;
  readonly author: string;
  readonly at: number;
  readonly base: string;
  readonly files: readonly string[];
  readonly ahead: number;
  readonly behind: number;
  readonly mergeable: string;
  readonly rationale: string;
}

/** The policy repository, as commands use it. Throws PortError. */
export interface RepositoryPort {
  head(): Promise<Commit>;
  files(sha: string): Promise<readonly PolicyText[]>;
  isDescendant(sha: string, ancestor: string): Promise<boolean>;
  /** The commit of a detached HEAD; undefined when HEAD is on a branch. */
  detachedAt(): Promise<string | undefined>;
  propose(draft: {
    readonly base: string;
    readonly files: readonly PolicyText[];
    readonly title: string;
    readonly rationale: string;
    readonly at: number;
  }): Promise<{ readonly branch: string; readonly sha: string }>;
  proposals(): Promise<readonly ProposalView[]>;
  diff(branch: string): Promise<string>;
  merge(
    branch: string,
    at: number,
  ): Promise<{
    readonly sha: string;
    readonly how: string;
    readonly workingTree: string;
    readonly left: readonly string[];
  }>;
  close(branch: string): Promise<void>;
}

export interface LedgerPort {
  verify(
    chain?: string,
  ): Promise<
    | { readonly ok: true; readonly chains: number; readonly entries: number }
    | { readonly ok: false; readonly chain: string; readonly seq: number; readonly problem: string }
  >;
  rebuild(): Promise<{ readonly targets: number; readonly differences: string[] }>;
  anchor(at: number): Promise<Entry>;
}

/** daemon.yaml, checked, with absolute paths. It is never in the policy repository. */
export interface DaemonSettings {
  readonly home: string;
  readonly state: string;
  readonly repository: string;
  readonly branch: string;
  readonly env: string;
  readonly trust: 'local-user' | 'tokens';
}

export interface Ports {
  readonly world: World;
  readonly ledger: LedgerPort;
  readonly repository: RepositoryPort;
  readonly settings: DaemonSettings;
  readonly principal: Principal;
  readonly role: Role;
  /** Process id of the engine that works on this state now. */
  engine(): Promise<number | undefined>;
  /** Runs the engine in this process under the lock; undefined at doors that may not (agents). */
  readonly daemon?: {
    run(options: { readonly worktree: boolean }): Promise<void>;
    once(work: () => Promise<void>): Promise<void>;
    pause(ms: number): Promise<void>;
    stopped(): boolean;
  };
  /** Writes a new policy repository and daemon.yaml into an empty folder; undefined at doors that may not. */
  init?(
    folder: string,
    files: readonly PolicyText[],
  ): Promise<{ readonly home: string; readonly sha: string }>;
  /** The policy files as they are on disk, for checking before a commit. */
  worktree?(folder?: string): Promise<readonly PolicyText[]>;
  /** Speaks MCP on standard input and output until it closes. */
  serveMcp?(): Promise<void>;
  /** Random, unguessable. */
  newId(): string;
}
