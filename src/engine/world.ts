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
} from '../model.ts';

export interface World {
  readonly store: Store;
  /** `takenAt`, `for`, windows, cooldowns and expiry. May run fast, and stands still while a run is unfinished. */
  readonly clock: Clock;
  /** Real time, for polls and backoff: also under a fast clock. */
  readonly realClock: Clock;
  readonly catalogue: Catalogue;
  readonly queryData: QueryData;
  readonly dialectFor: (connection: ConnectionSpec) => Dialect;
  readonly readServing: ReadServing;
  readonly effectFor: EffectFor;
  readonly log: Log;
  readonly takeObservation?: TakeObservation;
  /** Told what this process does. Nothing is decided on it. */
  readonly meter?: Meter;
}
