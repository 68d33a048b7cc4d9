/**
 * The nouns of Flyball and the ports through which it touches the world. Types only; imports nothing.
 *
 * The way of data is straight: commit → policy → snapshot → verdict → decision → action → entry. Each value
 * carries the id of the one before it, so that any entry reads backwards to the line of YAML that caused it.
 *
 * Times are milliseconds since the epoch (UTC). Durations are milliseconds and end in `Ms`. Ratios are 0..1.
 */

// ---------------------------------------------------------------------------------------------------- values

export type Scalar = number | boolean | string;
export type Json = null | Scalar | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** What a number means. Comparing different dimensions is an error at load. `version` and `string` are text. */
export type Dimension =
  | 'number'
  | 'count'
  | 'ratio'
  | 'duration'
  | 'boolean'
  | 'string'
  | 'version'
  | 'predicate';

/** A label set, such as `{ origin: 'ORD' }`. The empty set is the whole target. */
export type Labels = Readonly<Record<string, string>>;

/** Half open: `from` belongs to it, `to` does not. */
export interface Interval {
  readonly from: number;
  readonly to: number;
}

/** Where something stands in a policy repository. Lines and columns count from 1. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** A mistake in a file of the user's: all of them are reported at once, none is thrown. */
export interface Diagnostic {
  readonly severity: 'error' | 'warning';
  readonly position: Position;
  /** *what was found; what was expected* */
  readonly message: string;
  /** What to do next, when there is a likely slip. */
  readonly hint?: string;
  /** Of a warning: its stable name, by which `lint` shows it and a comment silences it. */
  readonly rule?: string;
}

// ------------------------------------------------------------------------------------------------- documents

/** Which version of the policy files was in force. `time` is the committer's. */
export interface Commit {
  readonly sha: string;
  readonly author: { readonly name: string; readonly email: string };
  readonly time: number;
  readonly subject: string;
}

export type DocumentKind = 'Settings' | 'Model' | 'Dataset' | 'Connection' | 'Policy' | 'PolicyTest';
export type TargetKind = 'model' | 'dataset' | 'connection';

/** What a policy is about. Its chain in the ledger is named `kind/name`. */
export interface TargetRef {
  readonly kind: TargetKind;
  readonly name: string;
}

/** The real thing that an action touches (`local/train_late`, `local/serving/late-flights`). Locks are by subject. */
export type Subject = string;

/** What a rule acts for: `''` is the whole target, else one label set as `origin=ORD`. */
export type Group = string;

/** Which external system's API a Connection is an instance of. */
export type Connector = 'local' | 'duckdb' | 'prometheus';

/** `observe` looks and says what it would do; `enforce` does it. The lowest of all that apply is in force. */
export type Mode = 'observe' | 'enforce';

/** One checked YAML document. `spec` is what the kind's validator gave back, with durations in milliseconds. */
export interface Document<Kind extends DocumentKind = DocumentKind, Spec = unknown> {
  readonly kind: Kind;
  readonly name: string;
  readonly labels: Labels;
  readonly spec: Spec;
  readonly position: Position;
  /** The document's own text, for closures. */
  readonly text: string;
  /** Where each path of the document stands, by dotted path (`spec.when`, `spec.then.0.retrain`). */
  readonly positions: Readonly<Record<string, Position>>;
}

/** Who wrote a commit, as git says it. `key`: that of a signature that was verified. Text alone is what anybody may write. */
export type CommitAuthor = string | { readonly email: string; readonly key: string };

export interface ApprovalSpec {
  /** Groups or people of Settings, or `owner`: any member counts. */
  readonly from: readonly string[];
  readonly quorum: number;
  readonly expiresMs: number;
  /** After a no, the same plan is not asked again for this long. */
  readonly reaskMs: number;
  /** Nobody answered: `escalate` pages people beside the no that it is in any case; `deny` unless said. */
  readonly onExpiry?: 'deny' | 'escalate';
  /** People are paged once when it has waited for so long. */
  readonly escalateAfterMs?: number;
}

export interface RateSpec {
  readonly count: number;
  readonly perMs: number;
}

/** What the Model allows for one verb; binds policies, people and agents alike. */
export interface ActionLimits {
  readonly cooldownMs?: number;
  readonly rate?: RateSpec;
  readonly approval?: ApprovalSpec;
  /** Of `promote`: a rollout of Settings, by name. */
  readonly rollout?: string;
  readonly timeoutMs?: number;
  /** A safe verb asks like any other (`safe: [ask]`), and is held by a pause (`safe: [pause]`). */
  readonly safe?: readonly ('ask' | 'pause')[];
  /** How long a safe verb waits for what it cancelled on its subject before it starts all the same; 2m unless said. */
  readonly preemptAfterMs?: number;
}

/**
 * Recurring wall-clock time in an IANA zone: `Mon-Fri 08:00-17:00`, `Sat,Sun`, `22:00-06:00`, or from one date of the year to
 * another, `12-15 00:00 - 01-06 00:00`. `src/calendar.ts` says when it is open.
 */
export interface WindowSpec {
  readonly name: string;
  readonly when: string;
  readonly zone: string;
}

/** A cron expression of five fields in an IANA zone. */
export interface CronSpec {
  readonly cron: string;
  readonly zone: string;
}

/**
 * At most so many targets, or such a share of them, are acted on within `perMs`. `of`: how many targets there are in the scope,
 * counted when the policy is closed. A share allows at least one. `scope` `fleet`: all disruptive actions count; `policy`: those
 * of this policy.
 */
export interface BlastRadiusSpec {
  readonly targets?: number;
  readonly share?: number;
  readonly of: number;
  readonly scope: 'fleet' | 'policy';
  readonly perMs: number;
}

/** Where a message goes: an address (`to`) on a connection that can send; `outbox` needs no document. */
export interface ChannelSpec {
  readonly name: string;
  readonly connection: string;
  readonly to: string;
}

/** Who is told what: first matching route wins. Not part of the acting hash. */
export interface NotifySpec {
  /** Messages with equal values of these (`cause`, `owner`, `policy`, `target`, or a label) are one notification. */
  readonly group: { readonly by: readonly string[]; readonly waitMs: number; readonly repeatMs: number };
  /** `match` on the policy's labels and `severity`; an empty match takes everything. `to` names channels. */
  readonly routes: readonly { readonly match: Labels; readonly to: readonly string[] }[];
}

/** A named schedule by which `promote` moves traffic to a version, with a gate at every tick of a hold. */
export interface RolloutSpec {
  readonly name: string;
  readonly steps: readonly {
    /** Share of the traffic on the new version, 0..1, rising; the last is 1. */
    readonly weight: number;
    readonly holdMs: number;
    /** A policy (or `policy/rule`) with `gate: { on: rollout }`; in the closure by value under `gates`. */
    readonly gate?: string;
  }[];
  readonly onFailure: 'rollback' | 'hold';
  readonly onUnknown: { readonly holdMs: number; readonly then: 'rollback' | 'hold' };
  /** The whole rollout; passing it is a failure. */
  readonly maxMs: number;
}

/** A gate on a rollout, closed for the model by value. */
export interface RolloutGate {
  readonly name: string;
  readonly everyMs: number;
  readonly observe: Readonly<Record<string, ObservationSpec>>;
  /** Until it is known true nothing is judged (no traffic yet). */
  readonly needs?: Condition;
  readonly closed: Condition;
  readonly fails: { readonly count: number; readonly of: number };
}

/** By what a person is known outside. With `keys`, only a commit signed with one of them is theirs. */
export interface PersonSpec {
  readonly emails: readonly string[];
  /** `SHA256:…` of SSH keys, fingerprints of OpenPGP keys. */
  readonly keys?: readonly string[];
  /** Names of accounts. */
  readonly github?: string;
  readonly gitlab?: string;
  readonly gitea?: string;
}

export interface SettingsSpec {
  readonly mode?: Mode | Readonly<Record<string, Mode>>;
  readonly people: Readonly<Record<string, PersonSpec>>;
  readonly groups: Readonly<Record<string, readonly string[]>>;
  readonly windows?: Readonly<Record<string, WindowSpec>>;
  readonly guard?: {
    readonly allow?: readonly string[];
    readonly deny?: readonly string[];
    readonly blastRadius?: Omit<BlastRadiusSpec, 'of'>;
  };
  readonly channels?: Readonly<Record<string, ChannelSpec>>;
  readonly notify?: NotifySpec;
  readonly rollouts?: Readonly<Record<string, RolloutSpec>>;
  /** Paths that agents may propose changes to, as globs; `policies/**` unless said. */
  readonly proposals?: { readonly agents: { readonly paths: readonly string[] } };
}

/** The value of a parameter in force, and where it was written. */
export interface Param {
  readonly value: Scalar;
  readonly dimension: Dimension;
  readonly position: Position;
}

export interface ColumnSpec {
  readonly type: 'number' | 'integer' | 'string' | 'boolean' | 'timestamp';
  /** Only segment columns may stand in `where`, `by`, `focus` and `only`. */
  readonly segment?: boolean;
  /** Values never enter evidence, ledger or messages. */
  readonly sensitive?: boolean;
}

export interface DatasetSpec {
  readonly name: string;
  readonly owner?: string;
  readonly connection: string;
  /** Exactly one of the two. A path may be a glob, relative to the connection's folder. */
  readonly table?: string;
  readonly path?: string;
  readonly time?: { readonly column: string; readonly zone: string; readonly latenessMs: number };
  /** The column that names a row; `rest` samples are a hash of it. */
  readonly key?: string;
  readonly columns: Readonly<Record<string, ColumnSpec>>;
  readonly labels?: Labels;
  readonly expect?: { readonly maxAgeMs?: number };
  /** Datasets that it is made from: what a gate on one of them reaches. */
  readonly upstream?: readonly string[];
}

export interface PipelineSpec {
  readonly connection: string;
  readonly id: string;
  /** Values are literals or `{ $: 'data.since' }` slots. */
  readonly params: JsonObject;
  /** Output name → dotted path in the run's result. */
  readonly output: Readonly<Record<string, string>>;
  /** Optional arguments that the pipeline's code honours, such as `focus`. */
  readonly accepts: readonly string[];
  readonly cost?: JsonObject;
}

export interface ModelSpec {
  readonly name: string;
  readonly owner: string;
  readonly labels?: Labels;
  /** After how long the data repeats itself: lint compares windows with it. */
  readonly seasonMs?: number;
  readonly mode?: Mode | Readonly<Record<string, Mode>>;
  readonly task: 'binary' | 'multiclass' | 'regression';
  readonly registry?: { readonly connection: string; readonly name: string };
  readonly serving?: { readonly connection: string; readonly name: string };
  readonly data: {
    readonly predictions?: {
      readonly dataset: string;
      readonly key: string;
      readonly version: string;
      readonly score: string;
    };
    readonly labels?: {
      readonly dataset: string;
      readonly key: string;
      readonly value: string;
      readonly delayMs: number;
      readonly coverage: number;
    };
    readonly training?: { readonly dataset: string };
    readonly holdout?: { readonly dataset: string };
  };
  readonly features: { readonly exclude: readonly string[]; readonly only?: readonly string[] };
  readonly pipelines: Readonly<Record<string, PipelineSpec>>;
  readonly actions: Readonly<Record<string, ActionLimits>>;
  /** By policy: what this model sets of its parameters, within their bounds. As written. */
  readonly params?: Readonly<Record<string, Readonly<Record<string, Scalar>>>>;
  readonly exclude?: readonly Exclusion[];
}

/** A policy that does not apply to a target, said with a reason; for good without `until` (ms since the epoch). */
export interface Exclusion {
  readonly policy: string;
  readonly reason: string;
  readonly until?: number;
}

/** Secrets stand here as references (`{ $env: 'FLYBALL_X' }`), never as values. */
export interface ConnectionSpec {
  readonly name: string;
  readonly connector: Connector;
  readonly access: 'read' | 'act';
  /** `duckdb`: the folder below which dataset paths lie. `local`: the folder of `registry/` and `serving/`. */
  readonly path?: string;
  /** `local`: what its pipelines run, without a shell. */
  readonly commands: Readonly<Record<string, { readonly argv: readonly string[]; readonly cwd?: string }>>;
  readonly limits: {
    readonly timeoutMs: number;
    readonly memory?: string;
    /** Queries under way at once. */
    readonly concurrency?: number;
    readonly rate?: RateSpec;
  };
  /** `prometheus`: its base URL. */
  readonly url?: string;
  /** Values are `{ $env: 'FLYBALL_X' }`. */
  readonly auth?: JsonObject;
  /** Texts by name that observations may ask by `entry`: also those of drafts, which ask nothing else on a server. */
  readonly queries?: Readonly<Record<string, string>>;
  /** Drafts may ask it whatever they like. */
  readonly adhoc?: true;
  /** By capability: which pipelines or names may be acted on, `*` at the end matches a prefix. Absent: all; one that it leaves out: none. */
  readonly may?: Readonly<Record<string, readonly string[]>>;
}

// ---------------------------------------------------------------------------------------------------- policy

/** A condition: its text for people, its JSON Logic form for everything else. See `docs/dictionary.md`. */
export interface Condition {
  readonly text: string;
  readonly logic: Json;
  readonly position: Position;
}

/**
 * A row filter over segment columns and literals: a tree, rendered by evaluators and verbs. Text never reaches SQL.
 * A literal or a list of them may be a `Slot` until the action is frozen.
 */
export type Predicate =
  | { readonly op: 'and' | 'or'; readonly args: readonly Predicate[] }
  | { readonly op: 'not'; readonly arg: Predicate }
  | {
      readonly op: '==' | '!=' | '<' | '<=' | '>' | '>=';
      readonly column: string;
      readonly value: Scalar | Slot;
    }
  | { readonly op: 'in'; readonly column: string; readonly values: readonly Scalar[] | Slot }
  | { readonly op: 'is-null'; readonly column: string };

/** A `${…}` path that is filled with a typed value when an action is frozen; it is never evaluated as code. */
export interface Slot {
  readonly $: string;
}

/** A text around `${…}`, for people: pieces as they are written, and paths that are filled when the action is frozen. */
export interface TextSlot {
  readonly $text: readonly (string | Slot)[];
}

export type ReferenceSpec =
  | { readonly kind: 'training' }
  | { readonly kind: 'interval'; readonly interval: Interval; readonly dataset?: string }
  | { readonly kind: 'offset'; readonly windowMs: number; readonly offsetsMs: readonly number[] }
  | { readonly kind: 'dataset'; readonly dataset: string }
  /** Of a gate on a rollout: the predictions of one version, since the rollout's step began unless a window is given. */
  | { readonly kind: 'version'; readonly version: string | Slot; readonly windowMs?: number };

/** One line of `observe`. `args` are the evaluator's own, checked by its schema. */
export interface ObservationSpec {
  readonly name: string;
  readonly evaluator: string;
  readonly args: JsonObject;
  /** The Dataset that it reads (by name in `documents.datasets`), or the Connection of a `query`. */
  readonly dataset?: string;
  readonly connection?: string;
  readonly windowMs?: number;
  readonly everyMs?: number;
  readonly maxAgeMs?: number;
  readonly minSamples?: number;
  readonly where?: Predicate;
  readonly reference?: ReferenceSpec;
  readonly unit?: Dimension;
  /** Unknown for this long tells people, once per cause. */
  readonly onMissing?: { readonly alertAfterMs: number };
  /** Taken for its value only when this holds; else it is unknown (`too-few`). Reads other observations of the policy. */
  readonly needs?: Condition;
  /** Of a gate on a rollout: taken once per side, as `x.canary` and `x.baseline`. */
  readonly sides?: boolean;
  /** `window: step`: since the rollout's step began. */
  readonly windowIsStep?: boolean;
  /** Mentions `${steps.…}`: taken after that step (by `id`), unknown before. */
  readonly lateAfter?: string;
  /** Numbers that the conditions compare the main value with: an estimate refines only when one lies within. */
  readonly thresholds: readonly number[];
  readonly position: Position;
}

export interface StepSpec {
  readonly id: string;
  readonly verb: string;
  readonly args: JsonObject;
  /** Known false: the step is skipped, and what mentions its outputs cannot run. Unknown waits. */
  readonly if?: Condition;
  readonly require?: Condition;
  readonly onNotMet: 'escalate' | 'stop';
  readonly timeoutMs?: number;
  /** A further attempt of an action that failed repeatably, after a pause that doubles. */
  readonly retry?: RetrySpec;
  readonly approval?: ApprovalSpec;
  /** When the sequence gives up after this step, what the step did is taken back. */
  readonly undo?: true;
  readonly position: Position;
}

export interface RetrySpec {
  /** In all, the first included; at least 2. */
  readonly attempts: number;
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
  /** All attempts with their pauses end within this time of the first one's beginning. */
  readonly withinMs?: number;
}

export interface VerifySpec {
  readonly that: Condition;
  readonly withinMs: number;
  readonly attempts: number;
  readonly otherwise: 'escalate';
}

export interface Rule {
  readonly name: string;
  readonly when: Condition;
  readonly forMs: number;
  /** Default: not `when`. */
  readonly clear?: Condition;
  readonly keepForMs: number;
  readonly staleAfterMs: number;
  /** Labels whose values each have an episode and a sequence of their own. Absent: one group, or none that may act. */
  readonly per?: readonly string[];
  /** How many groups may have a sequence under way at once; 5 unless said. */
  readonly maxGroups?: number;
  readonly then: readonly StepSpec[];
  readonly verify?: VerifySpec;
  /**
   * The rule is a gate. On data: `when` is its `closed`, `keepForMs` its `reopen`, `then` is empty; it is open only while the
   * rule is known not to fire. On a rollout: it is evaluated in holds of rollouts only, as a `RolloutGate`.
   */
  readonly gate?: GateSpec;
}

/** What a closed gate holds. */
export type GateSpec =
  | {
      readonly on: 'data';
      /** Verbs. */
      readonly blocks: readonly string[];
      /** Chains that it blocks: the target's own, and with `reach: dependants` every Model that descends from it. */
      readonly reaches: readonly string[];
      /** Retrains leave out, or refuse, data of the time in which it was closed. */
      readonly taint: boolean;
      /** What happens to a blocked verb's running actions when it closes. */
      readonly running: 'finish' | 'cancel';
    }
  | {
      readonly on: 'rollout';
      readonly needs?: Condition;
      readonly fails: { readonly count: number; readonly of: number };
    };

/** Another policy's rules that hold this policy's disruptive actions while they fire, or before they were evaluated. */
export interface InhibitorRef {
  readonly policy: string;
  /** Its instances whose `equal` labels are those of this target, resolved when the policy is closed. */
  readonly chains: readonly string[];
  /** How often it is evaluated: an answer older than twice that is none. */
  readonly everyMs: number;
}

/**
 * The least that admission adds for some verbs on some targets, from the daemon's own configuration: no policy and no Model can
 * lower it. What it does not say, it adds nothing to.
 */
export interface Floor {
  readonly name: string;
  /** Globs on `kind/name`; absent: every target. */
  readonly targets?: readonly string[];
  /** Labels of the target's document, all of them. */
  readonly labels?: Labels;
  /** Absent: every verb that changes something. */
  readonly verbs?: readonly string[];
  /** Binds safe verbs as well. */
  readonly safe?: true;
  /** A ceiling. */
  readonly mode?: 'observe';
  readonly approval?: FloorApproval;
  readonly rate?: RateSpec;
  readonly cooldownMs?: number;
  /** Names of Connections that may be acted on; a star at the end matches a prefix. */
  readonly connections?: readonly string[];
}

/** `from` names persons, never groups: those are the repository's. Absent: whom the policy asks, or the owner. */
export interface FloorApproval {
  readonly from?: readonly string[];
  readonly quorum: number;
  readonly expiresMs?: number;
}

/** What Settings and the Policy add to the Model's limits; they bind together. */
export interface GuardSpec {
  readonly cooldownMs?: number;
  readonly rate?: RateSpec;
  /** Of each list one window must be open. */
  readonly allow?: readonly (readonly WindowSpec[])[];
  /** None may be open. */
  readonly deny?: readonly WindowSpec[];
  /** All bind. */
  readonly blastRadius?: readonly BlastRadiusSpec[];
  readonly inhibitedBy?: readonly InhibitorRef[];
}

/**
 * A Policy compiled *closed* for one target: with everything that it refers to, from one commit, by value, as
 * plain JSON. This is what the engine reads, what the store keeps, and what the hashes are over.
 */
export interface ClosedPolicy {
  readonly policy: string;
  readonly target: TargetRef;
  readonly labels: Labels;
  readonly description?: string;
  readonly commit: Commit;
  readonly position: Position;
  /** Provenance: over everything below, descriptions included. */
  readonly closureHash: string;
  /** Over what can change an act: not over descriptions, labels, people or channels. */
  readonly actingHash: string;
  readonly mode: Mode;
  /** Why the mode is what it is: the lowest of Settings, Model, Policy and the Connections' access. */
  readonly modeFrom: string;
  /** With `cron` the longest time between two runs of it. */
  readonly everyMs: number;
  readonly cron?: CronSpec;
  readonly params?: Readonly<Record<string, Param>>;
  /** Not evaluated while it lasts. */
  readonly excluded?: Exclusion;
  /** Of its messages: `severity`, and channels beside those of the routes. */
  readonly notify?: { readonly severity?: string; readonly to?: readonly string[] };
  /** More label sets of a rule than this hold its actions; 500 unless said. */
  readonly maxSeries?: number;
  readonly observe: Readonly<Record<string, ObservationSpec>>;
  readonly rules: readonly Rule[];
  readonly guard: GuardSpec;
  readonly documents: {
    readonly model?: ModelSpec;
    readonly dataset?: DatasetSpec;
    readonly datasets: Readonly<Record<string, DatasetSpec>>;
    readonly connections: Readonly<Record<string, ConnectionSpec>>;
    readonly people: SettingsSpec['people'];
    readonly groups: SettingsSpec['groups'];
    readonly channels?: SettingsSpec['channels'];
    readonly notify?: NotifySpec;
    /** Those that its promotions use, and the gates of their holds. */
    readonly rollouts?: Readonly<Record<string, RolloutSpec>>;
    readonly gates?: Readonly<Record<string, RolloutGate>>;
  };
  /** Dotted path in the policy document → where it stands, for `explain`. */
  readonly positions: Readonly<Record<string, Position>>;
  readonly text: string;
}

/** The one row that says what is enforced. It advances by compare-and-set along the branch. */
export interface Revision {
  readonly commit: Commit;
  readonly policies: readonly ClosedPolicy[];
  /** Policies of the head whose selector matches no target, sorted: nothing will ever happen. Absent when there are none. */
  readonly unmatched?: readonly string[];
  /** The branch's head, when it is not what is enforced, and why not. */
  readonly rejected?: {
    readonly commit: Commit;
    readonly diagnostics: readonly Diagnostic[];
    readonly at: number;
  };
  /** The head did not descend from the one before (amend, rebase, force-push). */
  readonly rewritten?: { readonly from: string; readonly at: number };
  /**
   * Whoever wrote a commit since the revision before, by e-mail address, sorted; none when it cannot be told. Absent in the first
   * revision: the author of its commit.
   */
  readonly authors?: readonly CommitAuthor[];
  /** The commit from which `authors` counts: the last one before it that was wholly in force. */
  readonly wholeSince?: string;
}

// -------------------------------------------------------------------------------------- observations, verdicts

/** Why a value could not be had. `late` and `predates` are the engine's own: not yet taken; too early to judge a remedy. */
export type UnknownReason =
  | 'absent'
  | 'unreachable'
  | 'undefined'
  | 'stale'
  | 'too-few'
  | 'budget'
  | 'late'
  | 'predates';

export interface Unknown {
  readonly reason: UnknownReason;
  /** For people: what was found, with counts; what was needed. */
  readonly message: string;
  /** Of `unreachable`: the Connection that did not answer at all. A query that is wrong says nothing about its connection. */
  readonly connection?: string;
}

/** The values of one label set. `fields.value` is the main one; every estimate has `lower` and `upper`. */
export interface Reading {
  readonly labels: Labels;
  readonly fields: Readonly<Record<string, Scalar>>;
  readonly unknown?: Unknown;
}

/**
 * One named value, or a vector by labels, about a target at a moment. A scalar has exactly one reading with empty
 * labels. When the whole query failed, `unknown` is set and every known label set is unknown.
 */
export interface Observation {
  readonly name: string;
  readonly evaluator: string;
  /** Dimension of the main value. */
  readonly unit: Dimension;
  /** What exactly was computed: `quantile_ref/10/floor1e-4/v1`. */
  readonly definition: string;
  readonly vector: boolean;
  readonly interval?: Interval;
  /** The reference's own name and hash. */
  readonly reference?: { readonly label: string; readonly hash: string; readonly interval?: Interval };
  readonly readings: readonly Reading[];
  readonly unknown?: Unknown;
  /** Bins, counts and the like: shown by `explain`, never decided on. */
  readonly detail?: Json;
  /** Of one with an `every` of its own: hash of what was asked, its times apart. */
  readonly asked?: string;
}

/**
 * An observation that the core wants taken, for `policy` or, when it belongs to one episode, for `policy#episode`. Equal
 * requests are taken once per tick. One that cannot be asked for is `unavailable`, and becomes an unknown observation.
 */
export type Want = {
  readonly policy: string;
  readonly name: string;
} & (
  | {
      readonly request: ObservationRequest;
      /** With an `every` of its own: what was taken since then for the same question is taken again into this snapshot. */
      readonly reuse?: { readonly since: number; readonly asked: string };
    }
  | { readonly unavailable: Unknown; readonly spec: ObservationSpec }
);

/** Everything that an evaluator needs, by value. */
export interface ObservationRequest {
  readonly name: string;
  readonly evaluator: string;
  readonly target: TargetRef;
  readonly args: JsonObject;
  readonly dataset?: DatasetSpec;
  readonly connection: ConnectionSpec;
  readonly model?: ModelSpec;
  /** The labels' dataset, where the evaluator joins predictions with them. */
  readonly labels?: DatasetSpec;
  readonly interval?: Interval;
  /** Where the data ends, when there is no interval: what `maxAge` is measured from. */
  readonly end?: number;
  readonly maxAgeMs?: number;
  readonly minSamples?: number;
  readonly where?: Predicate;
  readonly reference?: {
    readonly label: string;
    readonly dataset: DatasetSpec;
    readonly interval?: Interval;
    /** Further intervals of the same length: the reference is their union (`offset: [7d, 14d]`). */
    readonly intervals?: readonly Interval[];
    /** Only the predictions of this version. */
    readonly version?: string;
  };
  readonly thresholds: readonly number[];
  readonly unit?: Dimension;
}

/** What serves a model at a moment, read from the serving system and the registry. */
export interface Serving {
  readonly champion?: string;
  readonly weights: Readonly<Record<string, number>>;
  /** The champion's training window, for `reference: training`. */
  readonly trained?: Interval;
  readonly unknown?: Unknown;
}

/** All observations of one target at one moment. */
export interface Snapshot {
  readonly target: TargetRef;
  readonly takenAt: number;
  /** Policies whose slot is due, or all when a reconcile was requested. Others are not evaluated at this tick. */
  readonly due: readonly string[];
  /** By policy, then by name. */
  readonly observations: Readonly<Record<string, Readonly<Record<string, Observation>>>>;
  readonly serving?: Serving;
  /** Taken for the check at start of this action: no observation was made, so no sequence begins anything. */
  readonly starting?: string;
}

export type Truth = 'true' | 'false' | 'unknown';

/** One operand of a condition, as it was when the verdict was made. */
export interface Operand {
  readonly name: string;
  readonly value?: Scalar;
  readonly unknown?: Unknown;
  readonly lower?: number;
  readonly upper?: number;
  readonly rows?: number;
  /** What it was compared with, and the answer of that comparison. */
  readonly comparison?: string;
  readonly truth?: Truth;
}

/** A rule's answer for one label set. */
export interface Verdict {
  readonly policy: string;
  readonly rule: string;
  readonly labels: Labels;
  readonly answer: 'ok' | 'breach' | 'unknown';
  readonly operands: readonly Operand[];
  /** The clause that decided, in the words of the policy. */
  readonly clause: string;
  /** Label sets for which the reduced comparison held, worst first, by observation. */
  readonly members: Readonly<Record<string, readonly Labels[]>>;
}

// --------------------------------------------------------------------------------------- decisions and actions

/** The closed list of reasons for holding, in the order of admission. */
export type HoldReason =
  | 'mode'
  | 'floor'
  | 'paused'
  | 'window'
  | 'inhibited'
  | 'gated'
  | 'subject-locked'
  | 'blast-radius'
  | 'rate'
  | 'cooldown'
  | 'approval'
  | 'denied'
  | 'excluded'
  | 'unknown'
  | 'late'
  | 'not-met'
  | 'not-firing'
  | 'max-series'
  | 'max-groups'
  | 'loop'
  | 'stalled'
  | 'retrying'
  | 'contested'
  | 'running'
  | 'verifying'
  | 'unbound';

export interface Hold {
  readonly reason: HoldReason;
  readonly message: string;
  /** When it may end by itself. */
  readonly until?: number;
}

/** `none`: nothing to do. Written to the ledger when it changes. */
export interface Decision {
  readonly policy: string;
  readonly rule: string;
  readonly labels: Labels;
  readonly episode?: number;
  readonly outcome: 'none' | 'act' | 'hold' | 'ask';
  readonly step?: string;
  readonly verb?: string;
  readonly holds: readonly Hold[];
}

/** Where an action comes from: an episode of a rule, or a request of a person or agent. */
export type Origin =
  | {
      readonly target: string;
      readonly policy: string;
      readonly rule: string;
      readonly group: Group;
      readonly episode: number;
    }
  | { readonly request: string };

/** One primitive effect on one subject, as a verb asks for it. Nothing in it decides. */
export interface CapabilityCall {
  readonly capability: Capability;
  readonly connection: string;
  /** Locks are by this. */
  readonly subject: Subject;
  readonly args: JsonObject;
  /** Output name → dotted path in what the connector gives back. */
  readonly output: Readonly<Record<string, string>>;
  /** A shift of a rollout: what comes next begins only after the hold of this step. */
  readonly rollout?: RolloutShift;
}

/** One shift of a rollout, frozen with its calls: `weight` of the traffic on `canary`, the rest on `baseline`. */
export interface RolloutShift {
  readonly name: string;
  /** Index of the rollout's step. */
  readonly index: number;
  readonly weight: number;
  readonly canary: string;
  readonly baseline: string;
}

export type Capability = 'pipeline.run' | 'serving.shift' | 'registry.point' | 'notify.send';

/**
 * `intended → starting → started → succeeded | failed | timed-out | cancelled`; `unresolved` keeps the lock until a person
 * or the connector settles it; `withdrawn` never started. Terminal: succeeded, failed, timed-out, cancelled, withdrawn.
 */
export type ActionState =
  | 'intended'
  | 'starting'
  | 'started'
  | 'succeeded'
  | 'failed'
  | 'timed-out'
  | 'cancelled'
  | 'unresolved'
  | 'withdrawn';

/** One thing to do to the world. `id` is a hash of its causes; the world is given `key`, a hash of id and attempt. */
export interface Action {
  readonly id: string;
  readonly attempt: number;
  readonly key: string;
  readonly origin: Origin;
  readonly target: TargetRef;
  readonly step: string;
  readonly stepIndex: number;
  readonly phase: number;
  readonly phases: number;
  readonly round: number;
  readonly verb: string;
  readonly call: CapabilityCall;
  /** All phases of the step, frozen with its first. */
  readonly calls: readonly CapabilityCall[];
  /** Connection by value, so that a running action ends on what it began with. */
  readonly connection: ConnectionSpec;
  /** Of this attempt: when it is asked to end. */
  readonly deadline?: number;
  readonly timeoutMs?: number;
  /** Of all attempts together: none runs longer, and none begins later. */
  readonly until?: number;
  /** What takes the step back, frozen before it began, in order; only of a step that asks for it. */
  readonly undo?: readonly CapabilityCall[];
  readonly planHash: string;
  /** Over what it does, but for when and for whom: actions with an equal one are the same, and one of them is enough. */
  readonly callHash?: string;
  /** Over the approval that floors asked for when it was formed; absent where none did. */
  readonly floors?: string;
}

/** A row of the actions table: what the shell works through. */
export interface ActionRow {
  readonly action: Action;
  readonly chain: string;
  readonly state: ActionState;
  readonly handle?: Json;
  /** Next time at which the shell looks at it. Real time, as polls use it. */
  readonly dueAt: number;
  readonly polls: number;
  readonly cancelRequested: boolean;
  readonly intendedAt: number;
  /** Rises whenever somebody takes the row to work on it: what is answered under an older one decides nothing. */
  readonly epoch: number;
  /** Until when whoever took it last may act on it, and nobody else. Real time of the state; 0 when nobody did. */
  readonly leaseUntil: number;
  /** The replica that took it last. */
  readonly owner?: string;
}

/** One `flyball run` that works on a state, as its heartbeat says. Real time of the state. */
export interface Replica {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly startedAt: number;
  readonly beatAt: number;
}

// ----------------------------------------------------------------------------------------------------- ledger

/** Who asked for something. `authenticated` is false under `trust: local-user`, and shown so. */
export interface Principal {
  readonly name: string;
  readonly door: 'cli' | 'mcp' | 'http' | 'demo' | 'daemon';
  readonly authenticated: boolean;
  /** Absent: a person. An agent asks, and never decides; a service is a program that nobody watches, and decides no more. */
  readonly kind?: 'agent' | 'service';
  /** The person for whom an agent or a service acts, who counts as having asked. */
  readonly onBehalfOf?: string;
  /** The id of the token that was shown. */
  readonly token?: string;
}

export type Outcome = 'succeeded' | 'failed' | 'lost' | 'timed-out' | 'cancelled';

/** What people, agents, pollers and the clock tell the core. Doors append only these. */
export type Input =
  | {
      readonly kind: 'request';
      readonly request: string;
      readonly what: 'reconcile';
      readonly by: Principal;
      readonly reason?: string;
    }
  | RequestAction
  | {
      readonly kind: 'approval';
      readonly approval: string;
      readonly decision: 'yes' | 'no';
      readonly by: Principal;
      readonly comment?: string;
    }
  /** Ends an action, or whatever the sequence of an episode does now. */
  | ({ readonly kind: 'cancel'; readonly by: Principal; readonly reason?: string } & (
      | { readonly action: string; readonly episode?: never }
      | { readonly episode: number; readonly action?: never }
    ))
  | { readonly kind: 'retry'; readonly episode: number; readonly by: Principal; readonly reason?: string }
  | {
      readonly kind: 'resolve';
      readonly action?: string;
      readonly episode?: number;
      readonly as: 'succeeded' | 'failed' | 'resolved';
      readonly by: Principal;
      readonly reason?: string;
      readonly outputs?: JsonObject;
    }
  | { readonly kind: 'adopt'; readonly episode: number; readonly by: Principal }
  | {
      readonly kind: 'pause';
      readonly scope: string;
      readonly by: Principal;
      readonly reason: string;
      /** It ends by itself. */
      readonly until?: number;
      /** What runs in that scope is asked to end with it, each by a `cancel` of its own. */
      readonly cancel?: true;
    }
  | { readonly kind: 'resume'; readonly scope: string; readonly by: Principal; readonly reason?: string }
  /** A person moves a rollout that holds on, or ends it by going back. */
  | {
      readonly kind: 'rollout-order';
      readonly episode: number;
      readonly what: 'advance' | 'abort';
      readonly by: Principal;
      readonly reason?: string;
    }
  | {
      readonly kind: 'silence';
      readonly id?: string;
      readonly match: Labels;
      readonly by: Principal;
      readonly reason: string;
      readonly until: number;
    }
  | { readonly kind: 'gap'; readonly from: number; readonly to: number }
  | {
      readonly kind: 'revision';
      readonly commit: Commit;
      /** By policy: what this target's chain is governed by from here on. */
      readonly policies: Readonly<Record<string, PolicyHashes>>;
      readonly rewritten?: string;
      /** As of the revision; absent in old entries: the author of the commit alone. */
      readonly authors?: readonly CommitAuthor[];
      /** Of requested actions that wait: what each is under this commit, or why it can be done no more. */
      readonly requests?: Readonly<Record<string, ClosedPolicy | string>>;
    }
  | { readonly kind: 'start-due'; readonly action: string; readonly attempt: number }
  | Report;

/** A person or an agent asks for one action. `request` names it: the same one again changes nothing. */
export interface RequestAction {
  readonly kind: 'request';
  readonly what: 'action';
  readonly request: string;
  readonly verb: string;
  /** The chain. */
  readonly target: string;
  /** As asked for; `closed` holds them checked. */
  readonly args: JsonObject;
  readonly by: Principal;
  readonly reason?: string;
  /** What has not begun by then never does. */
  readonly until: number;
  /** One rule with the one step, with the documents in force when it was asked for, by value. */
  readonly closed: ClosedPolicy;
}

/**
 * What was seen of the effect of one attempt. `stale`: by somebody who had lost the lease on it to another; recorded, and it
 * decides nothing.
 */
export type Report = { readonly action: string; readonly attempt: number; readonly stale?: true } & (
  | { readonly kind: 'started'; readonly handle: Json }
  | {
      readonly kind: 'outcome';
      readonly outcome: Outcome;
      readonly outputs?: JsonObject;
      readonly message?: string;
      readonly repeatable?: boolean;
    }
  | { readonly kind: 'absent' }
  | { readonly kind: 'cannot-tell'; readonly message: string }
);

/** `timing` is over what the clock of a pending rule depends on: observe, when, for. */
export interface PolicyHashes {
  readonly acting: string;
  readonly timing: string;
  /** `timing` of each rule by name. Absent in old entries: then `timing` stands for all of them. */
  readonly rules?: Readonly<Record<string, string>>;
}

/** States of a label set that are worth an entry. `reset` names why a timer started anew. */
export type LabelSetState = 'ok' | 'pending' | 'firing' | 'clearing' | 'unknown' | 'vanished';

/** Which policy, at which commit, made a derived entry: the way back to the line of YAML. */
export interface Cause {
  readonly policy: string;
  readonly rule: string;
  readonly group: Group;
  readonly commit: string;
  readonly closureHash: string;
  readonly position: Position;
}

export interface Fact {
  readonly version: number;
  readonly value: Json;
}
export type Facts = Readonly<Record<string, Fact>>;

/** The part of a closed policy that a running sequence ends on, whatever later commits say. */
export interface SequencePlan {
  readonly steps: readonly StepSpec[];
  readonly verify?: VerifySpec;
  readonly observe: ClosedPolicy['observe'];
  readonly documents: ClosedPolicy['documents'];
  readonly guard: GuardSpec;
  readonly actingHash: string;
}

/** What only `step` writes. */
export type Derived =
  | {
      readonly kind: 'transition';
      readonly cause: Cause;
      readonly labels: Labels;
      readonly from: LabelSetState;
      readonly to: LabelSetState;
      /** Since when the timer of `to` runs. */
      readonly since: number;
      /** Of a pending timer: how much of it is frozen (unknown or gap). */
      readonly frozenMs: number;
      readonly verdict?: Verdict;
      readonly reason?: string;
    }
  | {
      readonly kind: 'episode-opened';
      readonly cause: Cause;
      readonly labels: Labels;
      readonly mode: Mode;
      readonly actingHash: string;
      /** Operands by name when it opened: what `before.<name>` reads. */
      readonly before: Readonly<Record<string, Scalar>>;
      readonly verdict: Verdict;
      /** References frozen for this episode, by observation. */
      readonly references: Readonly<Record<string, JsonObject>>;
      /** Label sets by observation, worst first: what `${members}` reads. */
      readonly members: Readonly<Record<string, readonly Labels[]>>;
      /** A requested action's: no rule has fired. */
      readonly request?: string;
    }
  | {
      readonly kind: 'episode-ended';
      readonly cause: Cause;
      readonly episode: number;
      readonly how:
        | 'verified'
        | 'cleared'
        | 'self-cleared'
        | 'vanished'
        | 'policy-removed'
        | 'resolved'
        | RequestFate;
      /** Of a requested action: what became of it. */
      readonly message?: string;
    }
  | {
      readonly kind: 'decision';
      readonly cause: Cause;
      readonly decision: Decision;
      readonly facts: Facts;
      readonly snapshot: string;
    }
  | {
      readonly kind: 'ask';
      readonly cause: Cause;
      readonly episode: number;
      readonly approval: string;
      readonly action: Action;
      readonly plan: SequencePlan;
      readonly planHash: string;
      readonly from: readonly string[];
      readonly quorum: number;
      readonly expires: number;
      readonly reaskMs: number;
      /** People who may not decide it: the author of the change that last altered the acting hash, the requester. */
      readonly refused: readonly string[];
      readonly statedQuorum?: number;
      readonly onExpiry?: 'escalate';
      /** When people are paged that it still waits. */
      readonly escalateAt?: number;
      /** What people had said to the same plan, before the question was taken back: it counts still. */
      readonly votes?: Ask['votes'];
      readonly why: ApprovalCause;
      /** Where floors have a say: which, and the only persons whose yes they take. */
      readonly floors?: readonly string[];
      readonly among?: readonly string[];
    }
  | {
      readonly kind: 'intent';
      readonly cause: Cause;
      readonly episode: number;
      readonly action: Action;
      readonly plan: SequencePlan;
      /** True for the first intent of a sequence's round: it consumes rate and cooldown. */
      readonly first: boolean;
      /** The sequence's first disruptive action: its target counts for blast radii. */
      readonly impact?: true;
      readonly approval?: string;
      readonly facts: Facts;
      readonly snapshot: string;
    }
  | {
      readonly kind: 'withdrawn';
      readonly cause: Cause;
      readonly episode: number;
      /** Of the ask, or of the action that was intended and never started. */
      readonly approval?: string;
      readonly action?: string;
      readonly attempt?: number;
      readonly reason:
        | HoldReason
        | 'expired'
        | 'ended'
        | 'changed'
        | 'cancelled'
        | 'policy-removed'
        | 'again';
      readonly message: string;
      readonly reaskAt?: number;
    }
  | {
      /** The sequence needs what is under way already, waits for its end and goes on with its outcome. */
      readonly kind: 'adopted';
      readonly cause: Cause;
      readonly episode: number;
      readonly action: Action;
      readonly plan: SequencePlan;
      /** The action that runs, and its chain. */
      readonly running: string;
      readonly chain: string;
      /** Absent: it runs. `withdrawn`: it never began, and this sequence begins it itself. */
      readonly outcome?: Exclude<Outcome, 'lost'> | 'withdrawn';
      readonly outputs?: JsonObject;
      readonly message?: string;
    }
  | {
      readonly kind: 'unresolved';
      readonly action: string;
      readonly attempt: number;
      readonly message: string;
      /** It was asked to end and nobody confirmed that it has: the connector is asked on. */
      readonly overdue?: true;
    }
  /** A safe verb asks what runs on its subject to end; it starts when that has, or at `until`. */
  | {
      readonly kind: 'preempted';
      readonly cause: Cause;
      readonly episode: number;
      /** What is asked to end, and on which chain it runs. */
      readonly running: string;
      readonly chain: string;
      readonly until: number;
      readonly message: string;
    }
  /** A gate no longer lets a running action go on, or a person does not let its sequence: it is asked to end. */
  | {
      readonly kind: 'cancelling';
      readonly cause: Cause;
      readonly episode: number;
      readonly action: string;
      readonly attempt: number;
      readonly message: string;
      /** The person. What a gate has ended is begun again when the gate lets it. */
      readonly ordered?: string;
      /** It should be over: its deadline passed, or nobody confirmed its cancel. Its connector is asked at once. */
      readonly overdue?: true;
    }
  /** A step whose `if` was known false. */
  | {
      readonly kind: 'skipped';
      readonly cause: Cause;
      readonly episode: number;
      readonly step: string;
      /** What the sequence does now: its next step, its verify, or nothing more. */
      readonly next: 'step' | 'verify' | 'done';
      readonly message: string;
    }
  /** A step's action failed repeatably: a further attempt begins at `until`. */
  | {
      readonly kind: 'retrying';
      readonly cause: Cause;
      readonly episode: number;
      readonly action: string;
      readonly attempt: number;
      readonly until: number;
      readonly message: string;
    }
  /** A gate on data opened or closed. Unknown closes it. `tainted`: the data of the time in which it was closed. */
  | {
      readonly kind: 'gate';
      readonly cause: Cause;
      readonly gate: string;
      readonly state: 'open' | 'closed' | 'unknown';
      readonly since: number;
      /** The condition that was judged, as a hash: a gate of another condition was never evaluated. */
      readonly timing: string;
      readonly blocks: readonly string[];
      readonly reaches: readonly string[];
      /** Of a closed one: where the data that closed it begins. */
      readonly dataSince?: number;
      readonly message: string;
      readonly tainted?: Interval;
    }
  /** How a rollout goes: a hold began or went on, a gate was judged, it moved on, failed, or is through. */
  | {
      readonly kind: 'rollout';
      readonly cause: Cause;
      readonly episode: number;
      readonly step: string;
      readonly state: RolloutState;
      /** Index of the rollout's step. */
      readonly index: number;
      readonly message: string;
      readonly verdict?: Verdict;
    }
  | {
      readonly kind: 'verified';
      readonly what: 'sequence' | 'version';
      readonly cause?: Cause;
      readonly episode?: number;
      readonly version?: string;
      readonly basis: 'first-sight' | 'verify';
      readonly verdict?: Verdict;
    }
  | {
      readonly kind: 'not-verified';
      readonly cause: Cause;
      readonly episode: number;
      readonly judged: boolean;
      /** The round that begins now, from the first step. Absent: none does. */
      readonly next?: number;
      readonly verdict?: Verdict;
    }
  | {
      readonly kind: 'stalled';
      readonly cause: Cause;
      readonly episode: number;
      readonly reason: StallReason;
      readonly message: string;
      /** The version in service then: a new one ends the stall. */
      readonly version?: string;
    }
  /** The sequence gave up: finished steps that ask for it are taken back, the last one first; then it is stalled. */
  | {
      readonly kind: 'undoing';
      readonly cause: Cause;
      readonly episode: number;
      readonly reason: StallReason;
      readonly message: string;
      /** Ids of the steps, in the order in which they are taken back. */
      readonly steps: readonly string[];
    }
  /** A version that a promotion of ours had put into service: somebody else took it `out`, or brought it `back`. */
  | {
      readonly kind: 'reverted';
      readonly version: string;
      readonly state: 'out' | 'back';
      /** What serves in its place. */
      readonly to: string;
      /** The episode that had promoted it, while that is open. */
      readonly episode?: number;
    };

/**
 * Why people are asked: a limit wants it, the episode is of other clauses, somebody took the version out of service, only a floor
 * of the daemon's own configuration wants it, or an agent asks for it.
 */
export type ApprovalCause = 'approval' | 'adopt' | 'reverted' | 'floor' | 'agent';

/** How a requested action ends. `verified`: what was asked for is seen to be so. `refused`: by a person, or it cannot be done. */
export type RequestFate = 'verified' | 'succeeded' | 'failed' | 'refused' | 'withdrawn' | 'expired';

/** Why a sequence gave up. */
export type StallReason =
  | 'not-verified'
  | 'not-judged'
  | 'step-failed'
  | 'not-met'
  | 'cancelled'
  | 'unbound'
  | 'loop'
  | 'rollout-failed'
  | 'reverted';

/**
 * `holding`: a hold began. `passed`, `failed-check`, `unknown`: what its gate said at a tick. `differs`: the traffic that was
 * read back is not what was shifted; twice in a row is `contested`. `failed`: it does not go on, and traffic stays until a
 * person says what next. `aborted`: it goes back. `done`: the champion is the new version.
 */
export type RolloutState =
  | 'holding'
  | 'passed'
  | 'failed-check'
  | 'unknown'
  | 'differs'
  | 'contested'
  | 'failed'
  | 'advanced'
  | 'aborted'
  | 'done';

/** The store's own. */
export type StoreOwn =
  | { readonly kind: 'checkpoint'; readonly state: Json }
  | { readonly kind: 'anchor'; readonly heads: Readonly<Record<string, string>> }
  | ({ readonly kind: 'proposal' } & ProposalNote)
  | {
      readonly kind: 'audit';
      readonly by: Principal;
      readonly command: string;
      readonly input: JsonObject;
      /** Of the whole input. */
      readonly digest?: string;
      readonly result: 'allowed' | 'refused';
      readonly message?: string;
      /** Refusals of the same principal since the last entry that were only counted. */
      readonly more?: number;
    };

/** What became of a proposal, in the fleet chain. Who may merge it rests on this, never on what git says of authors. */
export interface ProposalNote {
  readonly what: 'proposed' | 'approved' | 'merged' | 'closed';
  readonly branch: string;
  /** Its newest commit then; of `merged`, the commit of the enforced branch that has it. */
  readonly sha: string;
  readonly by: Principal;
  readonly title?: string;
  /** Its page at the forge. */
  readonly url?: string;
}

export type EntryBody = Input | Derived | StoreOwn;
export type EntryKind = EntryBody['kind'];

/**
 * One line of the append-only, hash-chained ledger. `v` is the version of the body's shape; old ones are read up in
 * `fold`. `hash` is over everything else, `prev` included, as canonical JSON.
 */
export interface Entry {
  readonly chain: string;
  readonly seq: number;
  readonly v: 1;
  readonly at: number;
  readonly body: EntryBody;
  readonly prev: string;
  readonly hash: string;
}

/** What `fold` reads: an entry before it is chained. */
export type Fresh = Pick<Entry, 'seq' | 'at' | 'body'>;

// ---------------------------------------------------------------------------------------------- folded history

/** Where one label set of a rule stands. Everything in it comes from entries. */
export interface RuleState {
  readonly phase: 'inactive' | 'pending' | 'firing';
  readonly state: LabelSetState;
  readonly labels: Labels;
  /** Since when `phase` lasts. */
  readonly since: number;
  /** Frozen so far, of a pending timer. */
  readonly frozenMs: number;
  readonly unknownSince?: number;
  readonly clearingSince?: number;
  readonly vanishedSince?: number;
  readonly episode?: number;
}

/** How far the sequence of an episode is. */
export interface Sequence {
  readonly round: number;
  readonly stepIndex: number;
  readonly phase: number;
  readonly status: 'ready' | 'asking' | 'acting' | 'holding' | 'verifying' | 'undoing' | 'done' | 'stalled';
  /** The ask that waits, or the action that is under way. */
  readonly approval?: string;
  readonly action?: string;
  /** Outputs of finished steps, by step id. */
  readonly outputs: Readonly<Record<string, JsonObject>>;
  /** `action` failed repeatably: a further attempt may begin from here on. */
  readonly retryAt?: number;
  readonly endedAt?: number;
  readonly stalled?: string;
  readonly acted: boolean;
  /** The version in service when it stalled: a new one ends the stall. */
  readonly stalledAt?: string;
  /** It waits for an action of another cause (`action` is the one that it would have begun). */
  readonly adopts?: { readonly running: string; readonly action: Action };
  /** A safe verb waits for what it asked to end, until then. */
  readonly preempting?: { readonly running: string; readonly until: number };
  /** A safe verb took its subject: why it does not go on. */
  readonly preempted?: string;
  /** From the first shift of a rollout until the champion is pointed; of a stalled sequence, how it ended. */
  readonly rollout?: RolloutProgress;
  /** While it takes steps back: which, the last one first, and why it gave up. */
  readonly undo?: {
    readonly steps: readonly string[];
    readonly reason: StallReason;
    readonly message: string;
  };
  /** What a person said that it should do now, until the next step has done it. */
  readonly ordered?: { readonly what: 'cancel' | 'retry'; readonly by: string; readonly reason?: string };
}

/** How far a rollout is. `checks` holds what its next judgement depends on: passes in an unbroken row are counted once. */
export interface RolloutProgress extends RolloutShift {
  readonly step: string;
  readonly subject: Subject;
  /** When the first shift was done, and the one whose hold this is. */
  readonly begunAt: number;
  readonly since: number;
  /** What the last entry about it said; absent before the first. */
  readonly state?: RolloutState;
  /** Of this hold, oldest first. */
  readonly checks: readonly ('pass' | 'fail' | 'unknown')[];
  readonly unknownSince?: number;
  /** How often in a row the traffic read back was not the step's. */
  readonly mismatches: number;
  /** Why it is not going on, or where it was when it ended, for people. */
  readonly message?: string;
  /** What a person ordered for this hold. */
  readonly order?: { readonly what: 'advance' | 'abort'; readonly by: string };
  /** The champion was pointed: only to be said. */
  readonly through?: boolean;
}

/** One uninterrupted firing of a rule for one group. `id` is the seq of the entry that opened it. */
export interface Episode {
  readonly id: number;
  readonly cause: Cause;
  readonly labels: Labels;
  readonly openedAt: number;
  readonly mode: Mode;
  readonly actingHash: string;
  readonly adopted: boolean;
  readonly before: Readonly<Record<string, Scalar>>;
  readonly references: Readonly<Record<string, JsonObject>>;
  readonly members: Readonly<Record<string, readonly Labels[]>>;
  readonly sequence: Sequence;
  readonly plan?: SequencePlan;
  /** The request that it is for; no rule has fired. */
  readonly request?: string;
  /** A person asked to end it. */
  readonly resolved?: boolean;
  /** Who asked for what it does (retry, adopt): they do not approve it as well. */
  readonly requestedBy?: readonly string[];
  readonly ended?: { readonly at: number; readonly how: string };
}

/** A requested action. What has an end stays for a while, so that whoever asked finds it. */
export interface Requested {
  readonly id: string;
  readonly verb: string;
  readonly args: JsonObject;
  readonly by: Principal;
  readonly reason?: string;
  readonly at: number;
  readonly until: number;
  /** Until its end: what it runs on. */
  readonly closed?: ClosedPolicy;
  /** Why it cannot be done (any more). */
  readonly refused?: string;
  /** Who took it back before the core had taken it up. */
  readonly withdrawn?: string;
  /** Those who changed what it does while it waited: they do not approve it. */
  readonly authors?: readonly CommitAuthor[];
  /** Once the core has taken it up. */
  readonly episode?: number;
  readonly fate?: {
    readonly how: RequestFate;
    readonly at: number;
    readonly message: string;
    /** Id of its last action, and what that gave. */
    readonly action?: string;
    readonly outputs?: JsonObject;
  };
}

export interface Ask {
  readonly approval: string;
  readonly episode: number;
  readonly action: Action;
  readonly planHash: string;
  readonly from: readonly string[];
  readonly quorum: number;
  readonly expires: number;
  readonly reaskMs: number;
  readonly refused: readonly string[];
  /** The quorum as it is written, when it was raised because nobody is known to be the author of the change. */
  readonly statedQuorum?: number;
  readonly onExpiry?: 'escalate';
  readonly escalateAt?: number;
  /** When it is more than a limit that wants it. */
  readonly why?: Exclude<ApprovalCause, 'approval'>;
  /** Floors that have a say in it, and the only persons whose yes they take. */
  readonly floors?: readonly string[];
  readonly among?: readonly string[];
  readonly at: number;
  readonly votes: readonly Vote[];
}

/** What one person said to an ask. The newest of each person counts. */
export interface Vote {
  readonly by: Principal;
  readonly decision: 'yes' | 'no';
  readonly comment?: string;
  readonly at: number;
}

export interface ActionHistory {
  readonly action: Action;
  readonly episode: number;
  readonly state: ActionState;
  readonly at: number;
  readonly startDue: boolean;
  readonly message?: string;
  readonly outputs?: JsonObject;
  readonly cancelRequested: boolean;
  /** It failed, and may be tried again. */
  readonly repeatable?: boolean;
  /** How many attempts have failed. */
  readonly failures?: number;
  /** When its first attempt consumed rate and cooldown; a further attempt consumes nothing. */
  readonly spentAt?: number;
  /** The approval that it has: it holds for further attempts of the same plan. */
  readonly approval?: string;
  /** Until when a yes that a hold kept from being used stays good. */
  readonly approvedUntil?: number;
  /** Who said no after enough had said yes, before it began: it begins on no yes of that question. */
  readonly denied?: string;
  /** A closed gate asked it to end: it is tried again when that lets it. */
  readonly gated?: boolean;
  /** When it was first asked to end. */
  readonly cancelledAt?: number;
  /** Since when it is known that it should be over. */
  readonly overdueSince?: number;
  /** When its newest attempt ended. */
  readonly endedAt?: number;
}

/** A gate on data as its own chain remembers it. */
export interface GateHistory {
  readonly state: 'open' | 'closed' | 'unknown';
  readonly since: number;
  readonly message: string;
  readonly timing: string;
  readonly blocks: readonly string[];
  readonly reaches: readonly string[];
  /** Since when data is tainted that no reopening has cleared yet. */
  readonly taintedSince?: number;
  /** Times of closed data, oldest first. */
  readonly tainted: readonly Interval[];
}

/** What one verb consumed of its limits on a target. `endedBefore`: the last end of another action than `endedBy`. */
export interface Spent {
  readonly at: readonly number[];
  readonly endedAt?: number;
  readonly endedBy?: string;
  readonly endedBefore?: number;
}

/** The fold of one target's chain. Plain JSON, so that it can be stored, compared and rebuilt. */
export interface Own {
  readonly target: TargetRef;
  readonly seq: number;
  readonly takenAt: number;
  readonly commit?: string;
  /** As of the last `revision`. */
  readonly policies: Readonly<Record<string, PolicyHashes>>;
  /** By policy: those who may have written the change that last altered its acting hash; none when nobody can tell. */
  readonly authors: Readonly<Record<string, readonly CommitAuthor[]>>;
  /** policy → rule → group key → state. */
  readonly rules: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, RuleState>>>>>>;
  /** Open ones, and ended ones that still have a running action. */
  readonly episodes: Readonly<Record<string, Episode>>;
  readonly asks: Readonly<Record<string, Ask>>;
  /** The newest attempt of each action that is not long past. */
  readonly actions: Readonly<Record<string, ActionHistory>>;
  /** By `policy/rule/group/step`: an ask of this acting hash was not granted, and is not repeated before `until`. */
  readonly denials: Readonly<Record<string, { readonly until: number; readonly actingHash: string }>>;
  /** Last written decision by `policy/rule/group`. */
  readonly decisions: Readonly<Record<string, Decision>>;
  /** Per verb: when sequences consumed it, and when its last action ended. */
  readonly spent: Readonly<Record<string, Spent>>;
  /** Versions that were verified in service, oldest first. */
  readonly verifiedVersions: readonly string[];
  /** The champion as our last promotion left it, until somebody else or a rollback puts another there. */
  readonly placed?: { readonly version: string; readonly at: number; readonly episode: number };
  /** Versions that somebody else took out of service: promoting one again needs a person's yes. */
  readonly reverted: Readonly<Record<string, { readonly at: number; readonly to: string }>>;
  /** By plan hash: votes on a question that was taken back. They count when the same plan is asked again before `until`. */
  readonly granted: Readonly<Record<string, { readonly votes: readonly Vote[]; readonly until: number }>>;
  /** By name: the gates on data that this chain judges. */
  readonly gates: Readonly<Record<string, GateHistory>>;
  /** When actions were begun of late, withdrawn ones included, by verb; messages by `verb:policy/rule/group`. */
  readonly begun: Readonly<Record<string, readonly number[]>>;
  /** Since when people know of what lasts: one message a cause. */
  readonly told: Readonly<Record<string, number>>;
  /** The last reconcile that was asked for: a tick at or after `at` evaluates every rule. */
  readonly requested?: { readonly id: string; readonly at: number };
  /** By id: requested actions that wait or run, and the last that have ended. */
  readonly requests?: Readonly<Record<string, Requested>>;
  /** The gap since the last tick, until the next step has used it. */
  readonly gap?: Interval;
}

export interface History {
  readonly own: Own;
  readonly facts: Facts;
}

/** What `step` gives back. `needs` names observations that are still missing for an action. */
export interface Step {
  readonly entries: readonly Derived[];
  readonly needs: readonly Want[];
  /** The earliest time at which the answer can change. */
  readonly wakeAt: number;
  readonly verdicts: readonly Verdict[];
  readonly decisions: readonly Decision[];
  /** What others must know of this target from now on: facts to write with the entries. A value of null takes one away. */
  readonly facts?: Readonly<Record<string, Json>>;
  /**
   * Keys of the facts that the answer depends on, sorted, whether they were there or not. One that the history did not hold was
   * taken as absent: if it is not, the answer is to be asked for again with it.
   */
  readonly read?: readonly string[];
  /** Policies whose evaluation met a bug of ours: nothing of theirs was derived, and the others went on. */
  readonly problems: readonly { readonly policy: string; readonly message: string }[];
}

// ------------------------------------------------------------------------------------------- kinds of doing

/** A schema as zod makes it; only this much is used, so that this file imports nothing. */
export interface Schema {
  safeParse(
    value: unknown,
  ):
    | { success: true; data: unknown }
    | { success: false; error: { issues: readonly { path: PropertyKey[]; message: string }[] } };
}

/** What renders a query for one SQL engine. */
export interface Dialect {
  readonly name: 'duckdb';
  /** `read_parquet('…')` or a quoted table name. */
  relation(dataset: DatasetSpec, connection: ConnectionSpec): string;
  identifier(name: string): string;
  /** Numbers keep every bit; strings are quoted. */
  literal(value: Scalar): string;
  /** A timestamp literal of milliseconds since the epoch. */
  timestamp(at: number): string;
}

/** What a connection is asked: one SELECT, or a PromQL expression at an instant or over a range (ms since the epoch). */
export type Query =
  | { readonly sql: string }
  | { readonly promql: string; readonly at: number }
  | { readonly promql: string; readonly range: Interval; readonly stepMs: number };
/** A row of SQL by column; of PromQL `{ labels, value, at }`: `value` is a finite number, or text such as `NaN`. */
export type Row = Readonly<Record<string, Json>>;
/** Rows, and what the server said about them, such as that a part is missing. */
export type Answer = readonly Row[] & { readonly warnings?: readonly string[] };

/**
 * A kind of observation, pure, in two halves: which queries it needs; what the rows mean. The shell runs the queries,
 * shares identical ones, and keeps profiles. `answers[i]` are the rows of the i-th query so far, in order.
 */
export interface Evaluator {
  readonly name: string;
  /** Its arguments. The value of the evaluator's own key in YAML arrives under `main`. */
  readonly args: Schema;
  /** Fields of each reading with their dimension; `value` is the main one. */
  readonly outputs: Readonly<Record<string, Dimension>>;
  /** Dimension of the main value when it depends on the arguments (`performance: log_loss` is a number, `error_rate` a ratio). */
  mainDimension(args: JsonObject): Dimension;
  /** True when the observation is a vector by labels. */
  isVector(args: JsonObject): boolean;
  /** Labels that its readings carry. */
  labelNames(args: JsonObject): readonly string[];
  /** Why its arguments can never give a value on this model (a metric that its task has not): a mistake at load. */
  unfit?(args: JsonObject, model: ModelSpec): string | undefined;
  /** What it reads: decides which datasets are bound to it at load. */
  readonly reads: 'dataset' | 'predictions+labels' | 'connection';
  /**
   * Which argument names the Dataset when `reads` is `dataset`: `main` (`rows: predictions`) or `dataset` (`nulls: distance,
   * dataset: flights`). Its value is `self`, a role of the Model (predictions, labels, training, holdout) or a Dataset's
   * name; left out, it is the target dataset itself or the Model's predictions.
   */
  readonly datasetArgument: 'main' | 'dataset';
  readonly needsReference: boolean;
  /** The reference's summary. Called again with all answers so far until it gives a profile. Absent: no reference. */
  profile?(
    request: ObservationRequest,
    dialect: Dialect,
    answers: readonly (readonly Row[])[],
  ): { readonly queries: readonly Query[] } | { readonly profile: Json } | { readonly unknown: Unknown };
  queries(request: ObservationRequest, dialect: Dialect, profile: Json | undefined): readonly Query[];
  /** One refinement at most: when it gives `refine`, it is called once more with those answers appended. */
  observe(
    request: ObservationRequest,
    profile: Json | undefined,
    answers: readonly (readonly Row[])[],
    dialect: Dialect,
  ): { readonly observation: Observation } | { readonly refine: readonly Query[] };
}

/** A time of data that a gate was closed for. `lasts`: it is closed still, and `to` is now. */
export interface Tainted extends Interval {
  readonly gate: string;
  readonly lasts?: true;
}

/** What a verb may look at when it turns its arguments into calls. */
export interface VerbContext {
  readonly target: TargetRef;
  readonly documents: ClosedPolicy['documents'];
  /** Now, for lookbacks. */
  readonly at: number;
  readonly serving?: Serving;
  /** Oldest first. */
  readonly verifiedVersions: readonly string[];
  readonly origin: Origin;
  /** Times in which a gate with `taint` was closed, on data that the target descends from; oldest first. */
  readonly tainted?: readonly Tainted[];
}

/** A kind of action, pure: its arguments, its outputs, and how it becomes capability calls. It never decides. */
export interface Verb {
  readonly name: string;
  readonly args: Schema;
  /** What `${steps.<id>.…}` may name. `*`: any further name is allowed, and is a number. */
  readonly outputs: Readonly<Record<string, Dimension>>;
  /** Changes what runs or serves: needs a known breach, a verify, admission in full. */
  readonly disruptive: boolean;
  readonly safe: boolean;
  /** An argument that a slot may fill, with the dimension it must have. */
  readonly slots: Readonly<Record<string, Dimension>>;
  /** Pipelines of the Model that it runs, so that a missing one is an error at load. */
  readonly pipeline?: string;
  /** Needs this part of the Model. */
  readonly needs: readonly ('registry' | 'serving')[];
  /** Never empty. `{ unbound }`: it cannot be done on this target, and why. */
  calls(
    args: JsonObject,
    context: VerbContext,
  ):
    | { readonly calls: readonly CapabilityCall[] }
    | { readonly unbound: string }
    /** Not as the data is now: held as `gated`, until then if that is known. */
    | { readonly held: string; readonly until?: number };
  /**
   * What takes those calls back, asked before they begin, while what they change is still there; empty when they change
   * nothing. Absent: the verb cannot be undone.
   */
  undo?(
    args: JsonObject,
    context: VerbContext,
  ): { readonly calls: readonly CapabilityCall[] } | { readonly unbound: string };
}

/** Which evaluators and verbs this version knows: an argument of the language, so that it needs no import of them. */
export interface Catalogue {
  readonly evaluators: Readonly<Record<string, Evaluator>>;
  readonly verbs: Readonly<Record<string, Verb>>;
}

// ------------------------------------------------------------------------------------------------------ ports

/** Now, in milliseconds. It never goes backwards within a process. */
export type Clock = () => number;

/** The work, or `late()` when it takes longer than that in real time. What comes too late is dropped. */
export type Within = <T>(work: Promise<T>, ms: number, late: () => T) => Promise<T>;

/** Runs one query where the data lives. Throws PortError. */
export type QueryData = (connection: ConnectionSpec, query: Query) => Promise<Answer>;

/** Gives an observation itself, in place of evaluators and their queries: simulations, and replays of history. */
export type TakeObservation = (want: Extract<Want, { readonly request: unknown }>) => Promise<Observation>;

/** Reads what serves a model. Gives `unknown` instead of throwing. */
export type ReadServing = (
  model: ModelSpec,
  connections: ClosedPolicy['documents']['connections'],
) => Promise<Serving>;

/**
 * One primitive effect of a connector. Every call returns within 30 s and never waits for work. One effect per key.
 * Throws PortError when the world refused; then nothing is known about the effect, and `find` settles it.
 */
export interface Effect {
  start(action: Action): Promise<Json>;
  find(
    action: Action,
  ): Promise<
    | { readonly state: 'found'; readonly handle: Json }
    | { readonly state: 'absent' }
    | { readonly state: 'cannot-tell'; readonly message: string }
  >;
  poll(
    action: Action,
    handle: Json,
  ): Promise<
    | { readonly state: 'running' }
    | { readonly state: 'succeeded'; readonly outputs: JsonObject }
    | { readonly state: 'failed'; readonly repeatable: boolean; readonly message: string }
    | { readonly state: 'timed-out'; readonly message: string }
    | { readonly state: 'cancelled' }
    | { readonly state: 'lost'; readonly message: string }
  >;
  /** A request, not an end. */
  cancel(action: Action, handle: Json): Promise<void>;
  /** How long `absent` must be waited for before it is believed. */
  readonly settleAfterMs: number;
  /** First and longest pause between polls, real time. */
  readonly pollMs: { readonly first: number; readonly max: number };
}

/** The effect that carries out a capability on a connection. */
export type EffectFor = (capability: Capability, connection: ConnectionSpec) => Effect;

/** A message of `notify` or `escalate`, as `status` prints it. */
export interface Message {
  readonly key: string;
  readonly at: number;
  readonly severity: 'info' | 'page';
  readonly target: string;
  readonly title: string;
  readonly text: string;
  /** Names of channels; `outbox` is this list itself. */
  readonly channels?: readonly string[];
  /** Messages of one group are one notification. */
  readonly group?: string;
  /** What routes and silences match. */
  readonly labels?: Labels;
  /** The silence that muted it: it is kept, and nobody was told. */
  readonly silenced?: string;
}

/** A target's row: the head of its chain, its folded state, and when to look again. */
export interface TargetRow {
  readonly target: TargetRef;
  /** Rises with every commit to the row. */
  readonly version: number;
  readonly head: string;
  readonly own: Own;
  readonly dueAt: number;
  readonly lastTakenAt: number | undefined;
}

/** What the last tick saw, for `status` and `explain`. Never decided on. */
export interface LastTick {
  readonly takenAt: number;
  /** Of the rules that were due, and of the others as they were when they last were, while their policy is the same. */
  readonly verdicts: readonly Verdict[];
  /** Closure hash by policy, of what the verdicts are about. */
  readonly closures: Readonly<Record<string, string>>;
  readonly decisions: readonly Decision[];
  readonly wakeAt: number;
  readonly problems: Step['problems'];
}

/** One tick as it was committed with its entries: what replay feeds in. */
export interface RecordedTick {
  readonly chain: string;
  /** Seqs of its first derived entry and of its last. */
  readonly from: number;
  readonly to: number;
  readonly snapshot: Snapshot;
  readonly facts: Facts;
  /** The policies that `step` was given, each with the commit that it came from. */
  readonly closures: readonly { readonly hash: string; readonly commit: Commit }[];
}

/** Sizes and ages of a state, for its health. */
export interface Census {
  /** Hash of the last entry by chain: a chain whose head has not moved is folded as it was. */
  readonly heads: Readonly<Record<string, string>>;
  /** Targets that are due; a `dueAt` of 0 says only that it is due now. The longest overdue first. */
  readonly due: readonly {
    readonly chain: string;
    readonly dueAt: number;
    readonly lastTakenAt: number | undefined;
  }[];
  /** Actions that are not at their end. */
  readonly live: readonly { readonly verb: string; readonly state: ActionState; readonly count: number }[];
  /** Entries ever appended. */
  readonly entries: number;
  readonly messages: number;
  /** Of the whole state on its disk. */
  readonly bytes: number;
  /** When the heads were last anchored; before the first anchor, when the first entry was appended. */
  readonly anchoredAt: number | undefined;
}

/** Inside one transaction of the store. What it was called with may be called again, when another transaction came between. */
export interface Transaction {
  target(chain: string): Promise<TargetRow | undefined>;
  /** Values of these facts now; a missing one has version 0 and value null. Whoever sets one that moved since runs again. */
  facts(keys: readonly string[]): Promise<Facts>;
  factsWithPrefix(prefix: string): Promise<Facts>;
  revisionSha(): Promise<string | undefined>;
  /** Chains, hashes and writes the entries, folds `own` forward, raises the row's version. Creates the row when absent. */
  append(write: {
    readonly target: TargetRef;
    readonly bodies: readonly (Input | Derived)[];
    readonly at: number;
    readonly own: Own;
    readonly dueAt: number;
    readonly lastTakenAt?: number;
    readonly last?: LastTick;
  }): Promise<readonly Entry[]>;
  /** A quiet tick: no entry. False, and nothing written, when the row's version is not `version` any more. */
  touch(write: {
    readonly chain: string;
    readonly version: number;
    readonly dueAt: number;
    readonly lastTakenAt: number;
    readonly last: LastTick;
  }): Promise<boolean>;
  setDue(chain: string, dueAt: number): Promise<void>;
  setFact(key: string, value: Json): Promise<void>;
  recordTick(tick: RecordedTick): Promise<void>;
  /** Keeps the compact rows of a tick's observations (unhashed, with retention). */
  observations(chain: string, snapshot: Snapshot): Promise<void>;
  putAction(row: ActionRow): Promise<void>;
  updateAction(
    key: string,
    change: Partial<Pick<ActionRow, 'state' | 'dueAt' | 'polls' | 'cancelRequested' | 'leaseUntil'>> & {
      readonly handle?: Json;
    },
  ): Promise<void>;
  /**
   * Takes an action to work on it alone: raises its epoch and leases it to `owner` until `until`. The row as it then is;
   * undefined, and nothing changed, when its epoch is not `epoch` any more or another lease lasts at `now`.
   */
  takeAction(
    key: string,
    take: { readonly epoch: number; readonly now: number; readonly until: number; readonly owner: string },
  ): Promise<ActionRow | undefined>;
  action(key: string): Promise<ActionRow | undefined>;
  /** The newest live action on a subject, unresolved ones too. */
  actionOn(subject: string): Promise<ActionRow | undefined>;
  /** Appends to the fleet chain. */
  fleet(bodies: readonly (Input | StoreOwn)[], at: number): Promise<readonly Entry[]>;
  /** Compare-and-set of the revision row: false when it was not `expected`. */
  setRevision(revision: Revision, expected: string | undefined): Promise<boolean>;
  /** Once per key: a second call with the same key changes nothing. */
  putMessage(message: Message): Promise<void>;
}

/** The durable state. Reads outside of a transaction are unlocked. */
export interface Store {
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  target(chain: string): Promise<TargetRow | undefined>;
  targets(): Promise<readonly TargetRow[]>;
  /** Those that are known, in the order of `chains`. */
  targetsOf(chains: readonly string[]): Promise<readonly TargetRow[]>;
  last(chain: string): Promise<LastTick | undefined>;
  /** The longest overdue first. */
  dueTargets(now: number, limit?: number): Promise<readonly string[]>;
  /**
   * Due targets that no other replica is looking at, claimed for `owner` until `until`. A claim spares double work; it is
   * never what correctness rests on. Real time for `until`, as `realNow` is.
   */
  claimTargets(claim: {
    readonly now: number;
    readonly realNow: number;
    readonly until: number;
    readonly owner: string;
    readonly limit: number;
  }): Promise<readonly string[]>;
  releaseTargets(chains: readonly string[], owner: string): Promise<void>;
  facts(keys: readonly string[]): Promise<Facts>;
  factsWithPrefix(prefix: string): Promise<Facts>;
  revision(): Promise<Revision | undefined>;
  /** Every closure that an entry refers to stays readable. */
  closure(hash: string): Promise<ClosedPolicy | undefined>;
  /** Not those that somebody still has the lease of: nobody could do anything with them but ask again. */
  dueActions(now: number, limit?: number): Promise<readonly ActionRow[]>;
  actions(filter: {
    readonly chain?: string;
    readonly live?: boolean;
    readonly limit?: number;
  }): Promise<readonly ActionRow[]>;
  findAction(idOrKeyPrefix: string): Promise<readonly ActionRow[]>;
  entries(filter: {
    readonly chain: string;
    /** By seq, both included. */
    readonly from?: number;
    readonly to?: number;
    /** By their time, both included. */
    readonly since?: number;
    readonly until?: number;
    readonly limit?: number;
    readonly kinds?: readonly EntryKind[];
    readonly newestFirst?: boolean;
  }): Promise<readonly Entry[]>;
  chains(): Promise<readonly string[]>;
  /** With `of`: the one that wrote the entry of this seq. */
  ticks(chain: string, of?: number): Promise<readonly RecordedTick[]>;
  observationsOf(
    chain: string,
    filter: { readonly name?: string; readonly limit?: number },
  ): Promise<readonly { takenAt: number; policy: string; observation: Observation }[]>;
  message(key: string): Promise<Message | undefined>;
  messages(filter: { readonly limit?: number }): Promise<readonly Message[]>;
  profile(hash: string): Promise<Json | undefined>;
  putProfile(hash: string, profile: Json): Promise<void>;
  /** Writes or renews the heartbeat of a replica; `ended` removes it. */
  beat(replica: Replica, ended?: boolean): Promise<void>;
  replicas(): Promise<readonly Replica[]>;
  /** Now by the state's own clock: the database server's on PostgreSQL, else this machine's. */
  now(): Promise<number>;
  /** Figures of the state as a whole, each by a query that stays cheap with many targets. `now` is the clock's. */
  census(now: number): Promise<Census>;
  /**
   * Begins a call under a key and gives undefined, or what stands there: somebody began it before. Those from before
   * `keptFrom` are forgotten, and one without an answer from before `deadBefore` is begun anew.
   */
  beginOnce(
    key: string,
    begun: { readonly digest: string; readonly at: number },
    bounds: { readonly keptFrom: number; readonly deadBefore: number },
  ): Promise<{ readonly digest: string; readonly answer?: Json } | undefined>;
  /** Keeps the answer of a call; undefined forgets that it was begun. */
  endOnce(key: string, answer: Json | undefined): Promise<void>;
  /** Small settings of the state itself, such as the clock of a replay. */
  meta(key: string): Promise<string | undefined>;
  setMeta(key: string, value: string): Promise<void>;
  close(): Promise<void>;
}

/** Structured logging, to stderr. Messages are constant; what varies are fields. */
export interface Log {
  info(fields: JsonObject, message: string): void;
  warn(fields: JsonObject, message: string): void;
  error(fields: JsonObject, message: string): void;
}

/** What was asked of the world by one call, and how it ended: `refused` is for good, `failed` may go through later. */
export type CallResult = 'ok' | 'refused' | 'failed';

/**
 * What a process does, told as it is done: for figures and logs about Flyball itself. Nothing is decided on it, and whoever
 * is told must not throw. Durations are real time.
 */
export type Happening =
  /** A loop of the engine went once around; `worked` says how much was due. */
  | { readonly kind: 'round'; readonly loop: 'ticks' | 'effects'; readonly worked: number }
  /** A target was looked at, or could not be. */
  | { readonly kind: 'tick'; readonly chain: string; readonly ms: number; readonly failed: boolean }
  /** A tick became durable, with what it saw. `snapshot` is absent when no rule was due. */
  | { readonly kind: 'looked'; readonly chain: string; readonly snapshot?: Snapshot; readonly last: LastTick }
  /** Entries became durable; `own` is the fold of their chain after them, which the fleet chain has not. */
  | { readonly kind: 'appended'; readonly entries: readonly Entry[]; readonly own?: Own }
  | {
      readonly kind: 'effect';
      readonly capability: Capability;
      readonly call: 'start' | 'find' | 'poll' | 'cancel';
      readonly result: CallResult;
      readonly ms: number;
    }
  | {
      readonly kind: 'query';
      readonly connection: string;
      readonly result: CallResult;
      readonly ms: number;
    };

export type Meter = (what: Happening) => void;

// ------------------------------------------------------------------------------------------------------ errors

/**
 * The world refused. `retry` says whether the same call may go through later; `subject` what it was about. The text
 * says where, what was found, what was expected and what to do, and never holds a secret.
 */
export class PortError extends Error {
  override readonly name = 'PortError';
  readonly code: string;
  readonly retry: 'later' | 'never';
  readonly subject: string;
  constructor(
    message: string,
    details: {
      readonly code: string;
      readonly retry: 'later' | 'never';
      readonly subject: string;
      readonly cause?: unknown;
    },
  ) {
    super(message, details.cause === undefined ? {} : { cause: details.cause });
    this.code = details.code;
    this.retry = details.retry;
    this.subject = details.subject;
  }
}

/** Our own bug: the step stops and nothing is acted on. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition)
    throw new Error(`flyball bug: ${message}. Please report it with the output of 'flyball log --json'.`);
}

/** The end of an exhaustive switch. */
export function never(value: never): never {
  throw new Error(`flyball bug: unexpected ${JSON.stringify(value)}`);
}
