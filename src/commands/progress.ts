/** How the engine of this process gets on, by what its meter is told. For its health; nothing is decided on it. */
import type { ActionRow, Clock, Meter } from '../model.ts';

/** A loop that gives no sign for this long stands still: longer than any call or query may take. */
export const STUCK_MS = 300_000;

/** The engine of this process at a moment. Durations are real time. */
export interface Progress {
  /** By loop: how long ago it last gave a sign, which is a round, a tick, or the answer to a call. */
  readonly quietMs: Readonly<Record<string, number>>;
  /** Chains whose last tick could not be finished, in order of name. */
  readonly failing: readonly string[];
  /** Actions that were under way and due to be asked about when this process began, as their rows were then. */
  readonly before: readonly ActionRow[];
  /** It was ready once. */
  readonly caughtUp: boolean;
}

export interface ProgressPort {
  look(): Progress;
  /** From here on only what is late counts, no longer what was never looked at. */
  catchUp(): void;
}

/** Begins now. `steady` is a clock that nobody sets; in milliseconds. */
export function followProgress(
  steady: Clock,
  before: readonly ActionRow[],
): ProgressPort & { readonly meter: Meter } {
  const began = steady();
  const seen = new Map<string, number>();
  const failing = new Set<string>();
  let caughtUp = false;
  const sign = (loop: string) => void (seen.has(loop) && seen.set(loop, steady()));
  return {
    meter(what) {
      if (what.kind === 'round') seen.set(what.loop, steady());
      else if (what.kind === 'tick') {
        sign('ticks');
        if (what.failed) failing.add(what.chain);
        else failing.delete(what.chain);
      } else if (what.kind === 'query') sign('ticks');
      else if (what.kind === 'effect') sign('effects');
    },
    look: () => {
      const now = steady();
      const loops = seen.size === 0 ? [['start', began] as const] : [...seen];
      return {
        quietMs: Object.fromEntries(loops.map(([loop, at]) => [loop, now - at])),
        failing: [...failing].sort(),
        before,
        caughtUp,
      };
    },
    catchUp() {
      caughtUp = true;
    },
  };
}

const LOOPS: Readonly<Record<string, string>> = {
  start: 'the engine',
  ticks: 'the loop that looks at targets',
  effects: 'the loop that carries out actions',
};

/** Why the process is not alive; empty when its loops go round. */
export function lifeless({ quietMs }: Progress): string[] {
  return Object.entries(quietMs)
    .filter(([, ms]) => ms > STUCK_MS)
    .map(([loop, ms]) => `${LOOPS[loop] ?? `the loop ${loop}`} gave no sign for ${Math.round(ms / 1000)} s`);
}
