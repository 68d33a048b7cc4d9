/** The ports that the engine's shell works through, wired by hand in `main.ts`. Types only. */
import type {
  Catalogue,
  Clock,
  ConnectionSpec,
  Dialect,
  EffectFor,
  Log,
  Meter,
  QueryData,
  ReadServing,
  Store,
  TakeObservation,
  Within,
} from '../model.ts';

export interface World {
  readonly store: Store;
  /** `takenAt`, `for`, windows, cooldowns and expiry. May run fast, and stands still while a run is unfinished. */
  readonly clock: Clock;
  /**
   * Real time, for polls, leases and backoff: also under a fast clock. It goes on while the process is stopped, and no setting
   * of the machine's clock moves it.
   */
  readonly realClock: Clock;
  readonly catalogue: Catalogue;
  readonly queryData: QueryData;
  /** The same for drafts, apart from the engine's own queries; absent: there is one for both. */
  readonly queryDraft?: QueryData;
  readonly dialectFor: (connection: ConnectionSpec) => Dialect;
  readonly readServing: ReadServing;
  readonly effectFor: EffectFor;
  readonly log: Log;
  readonly takeObservation?: TakeObservation;
  /** Absent in simulations, where nothing takes time. */
  readonly within?: Within;
  /** Told what this process does. Nothing is decided on it. */
  readonly meter?: Meter;
  /** Of several engines on one state: which of them this is, and how long it may take for a start. */
  readonly replica?: { readonly id: string; readonly leaseMs: number };
}
