/** What commands work through, given as arguments: the engine's world, the repository, and the daemon's own settings. */
import type { Listen, Oidc, RemoteSettings } from '../dsl/index.ts';
import type { World } from '../engine/world.ts';
import type { Answer, ConnectionSpec, Entry, Floor, Principal, Store } from '../model.ts';
import type { ChartLibrary } from '../report/backtest-page.ts';
import type { Grant, PrincipalSpec } from './access.ts';
import type { Paint } from './command.ts';
import type { ProgressPort } from './progress.ts';
import type {
  CiPort,
  HookPort,
  PolicyText,
  ProposalNotes,
  RemotePort,
  RepositoryPort,
} from './repository-ports.ts';
import type { Scope } from './scopes.ts';

/** What was deleted, and in how many chains. */
export interface Pruned {
  readonly chains: number;
  readonly entries: number;
  readonly ticks: number;
  readonly actions: number;
  readonly messages: number;
  readonly closures: number;
  readonly observations: number;
  /** Chains that are left for the next time, because others wrote to them each time. */
  readonly left: readonly string[];
}

/** Whether chains are whole, and the first altered entry if not. */
export type Verified =
  | {
      readonly ok: true;
      readonly chains: number;
      readonly entries: number;
      readonly checkpoints?: number;
    }
  | { readonly ok: false; readonly chain: string; readonly seq: number; readonly problem: string };

export interface Copied {
  readonly rows: number;
  readonly bytes: number;
  /** Of the ledger in the copy. */
  readonly ledger: Verified;
}

export interface LedgerPort {
  verify(chain?: string): Promise<Verified>;
  rebuild(): Promise<{ readonly targets: number; readonly differences: string[] }>;
  /** Everything at one moment as a new SQLite file; and such a file into this state, which must be empty. */
  backup(path: string): Promise<Copied>;
  restore(path: string): Promise<Copied>;
  /** Writes down where the chains end, in the fleet chain and where daemon.yaml says. */
  anchor(at: number): Promise<readonly Entry[]>;
  /**
   * Deletes what is older than daemon.yaml keeps it, after checkpoints; gives what was deleted. `worthwhile`: only of chains
   * where that is much, as every checkpoint costs an entry.
   */
  prune(at: number, which: 'all' | 'worthwhile'): Promise<Pruned>;
}

export interface RunOptions {
  readonly worktree: boolean;
  /** A proxy with TLS stands before the HTTP door. */
  readonly behindProxy: boolean;
}

/** daemon.yaml, checked, with absolute paths. It is never in the policy repository. */
export interface DaemonSettings {
  readonly home: string;
  /** A folder, or `postgres://…` with its password: never shown. */
  readonly state: string;
  readonly repository: string;
  readonly branch: string;
  readonly env: string;
  readonly trust: 'local-user' | 'tokens';
  /** Who may do what, by name. */
  readonly principals?: Readonly<Record<string, PrincipalSpec>>;
  /** The principal that `flyball mcp` runs as. */
  readonly stdio?: { readonly principal: string } | undefined;
  /** The least that admission adds; in force from the start of an engine. */
  readonly floors?: readonly Floor[];
  /** By environment variable: the hosts that its value may be sent to. What is not named goes nowhere. */
  readonly secrets?: Readonly<Record<string, readonly string[]>>;
  /** The ref of the policy repository that the ledger's heads are written to. */
  readonly anchors?: { readonly ref: string } | undefined;
  /** How long entries and observations are kept; for ever, and 400 days, unless said. */
  readonly retention?: { readonly ledgerMs?: number | undefined; readonly observationsMs: number };
  /** The repository that the policy repository is a clone of. */
  readonly remote?: RemoteSettings | undefined;
  /** File with the public keys by whose signatures authors of commits are known; that of `remote` unless said. */
  readonly keys?: string | undefined;
  /** Where the daemon's HTTP door is. */
  readonly listen?: Listen;
  /** The identity provider whose tokens count. */
  readonly oidc?: Oidc | undefined;
  /** What the daemon asks while it lives; secrets in `url` stand as `${env:FLYBALL_…}`. */
  readonly deadMan?: { readonly url: string; readonly everyMs: number };
}

export interface Ports {
  readonly world: World;
  readonly ledger: LedgerPort;
  readonly repository: RepositoryPort;
  readonly proposalNotes: ProposalNotes;
  /** Absent: the policy repository is a local one. */
  readonly remote?: RemotePort;
  /** What /hooks/git answers; absent: no webhook is configured. */
  readonly hook?: HookPort;
  readonly settings: DaemonSettings;
  readonly principal: Principal;
  /** What whoever asks may do, in this environment. */
  readonly grants: readonly Grant[];
  /** What their token was issued for; absent: whatever the grants allow. */
  readonly scopes?: readonly Scope[];
  /** Set by the dispatcher for whoever has the command's role on some targets only: whether on this one. */
  readonly sees?: (chain: string) => boolean;
  /** Counts refusals where one process meets many: see `audit`. Absent: each is written. */
  readonly refusals?: (principal: string, at: number) => number | undefined;
  /** Secret of this state, for what is given to somebody and comes back. */
  sealingKey(): Promise<Uint8Array>;
  /** Process id of the engine that works on this state now. */
  engine(): Promise<number | undefined>;
  /** How the engine of this process gets on; undefined where none runs. */
  readonly progress?: ProgressPort;
  /** Runs the engine in this process under the lock; undefined at doors that may not (agents). */
  readonly daemon?: {
    run(options: RunOptions): Promise<void>;
    once(work: () => Promise<void>): Promise<void>;
    pause(ms: number): Promise<void>;
    stopped(): boolean;
  };
  /** Writes a new policy repository, daemon.yaml and empty folders into an empty folder; undefined at doors that may not. */
  init?(
    folder: string,
    files: readonly PolicyText[],
    folders: readonly string[],
  ): Promise<{ readonly home: string; readonly sha: string }>;
  /** The policy files as they are on disk, for checking before a commit. */
  worktree?(folder?: string): Promise<readonly PolicyText[]>;
  /** What a CI job has: commits around a folder, and the forge of its pull request; undefined at other doors. */
  readonly ci?: CiPort;
  /** Files that the person at the terminal names, relative to where the command was given; undefined at other doors. */
  readonly disk?: {
    read(path: string): Promise<string>;
    write(path: string, text: string): Promise<void>;
  };
  /** What is on this machine, for `doctor`. Runs nothing and shows no value of a secret. */
  readonly machine?: {
    /** Environment variables that a connection's `auth` refers to. */
    secretNames(connection: ConnectionSpec): readonly string[];
    hasVariable(name: string): boolean;
    /** What is wrong with the folder or a command of a connection, as *what was found; what to do*. */
    folderFault(connection: ConnectionSpec): string | undefined;
    commandFault(connection: ConnectionSpec, id: string): string | undefined;
  };
  /** Asks a Prometheus that no connection names yet, without credentials, for `init`. Throws PortError. */
  prometheusAt?(url: string): {
    metricNames(): Promise<readonly string[]>;
    query(promql: string): Promise<Answer>;
  };
  /** The chart library of pages, as text. */
  chartLibrary?(): Promise<ChartLibrary>;
  /** The address of a page of the daemon, such as `/approvals/3fa9c1`; undefined where nobody is served. */
  pageUrl?(path: string): string | undefined;
  /** Writes Flyball into the configuration of an agents' client; undefined at doors that may not. Throws PortError. */
  installClient?(of: {
    readonly client: string;
    readonly scope: 'user' | 'project';
    readonly what: 'add' | 'remove';
    readonly dryRun: boolean;
  }): Promise<{
    readonly path: string;
    readonly changed: boolean;
    readonly backup?: string;
    readonly text: string;
  }>;
  /** Speaks MCP on standard input and output until it closes. */
  serveMcp?(): Promise<void>;
  /**
   * Calls `each` with the policy files of a folder, now and whenever they change, and prints what it gives, until the
   * process is ended; undefined at doors other than a terminal.
   */
  watch?(
    folder: string | undefined,
    each: (files: readonly PolicyText[], paint: Paint) => Promise<string>,
  ): Promise<never>;
  /** An empty store in memory, for simulations. Whoever opens it closes it. */
  emptyStore(): Promise<Store & Pick<LedgerPort, 'rebuild'>>;
  /** Random, unguessable. */
  newId(): string;
}

export type {
  ForgePort,
  GitAuthor,
  PolicyEdit,
  PolicyText,
  ProposalPreview,
  ProposalView,
  PullRequest,
  RemotePort,
  RemoteState,
  RepositoryPort,
} from './repository-ports.ts';
