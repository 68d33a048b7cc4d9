/** The system that a simulation governs: what runs there, how it ends, and which version serves. Holds state, and no clock. */
import {
  type Action,
  assert,
  type JsonObject,
  type ModelSpec,
  type Outcome,
  type Serving,
} from '../model.ts';

/** How an effect ends: after how long, as what. Deadlines and cancellations may end it before that. */
export interface Ending {
  readonly afterMs: number;
  readonly outcome: Outcome;
  readonly outputs?: JsonObject;
  /** Of a failure: whether a further attempt may help. */
  readonly repeatable?: boolean;
  readonly message?: string;
}

/** One effect that began outside. */
export interface Run {
  readonly action: Action;
  readonly begunAt: number;
  readonly endsAt: number;
  readonly ending: Ending;
}

type Poll =
  | { readonly state: 'running' }
  | { readonly state: 'succeeded'; readonly outputs: JsonObject }
  | { readonly state: 'failed'; readonly repeatable: boolean; readonly message: string }
  | { readonly state: 'timed-out' | 'lost'; readonly message: string }
  | { readonly state: 'cancelled' };

/** How long a version was trained on, where nothing says it. */
const TRAINED_MS = 30 * 86_400_000;

/** A class because it holds what happened outside. Every method is told the time. */
export class Outside {
  readonly runs: Run[] = [];
  private readonly effects: (action: Action, at: number) => Ending;
  private readonly byKey = new Map<string, Run>();
  /** Succeeded and not yet seen in what serves, in the order of their beginning. */
  private waiting: Run[] = [];
  private first: string;
  private readonly weights = new Map<string, Readonly<Record<string, number>>>();
  private readonly champions = new Map<string, string>();
  private readonly trained = new Map<string, number>();

  /** `version` serves every model at `from`, and was trained until then. */
  constructor(effects: (action: Action, at: number) => Ending, from: number, version = 'v1') {
    this.effects = effects;
    this.first = version;
    this.trained.set(version, from);
  }

  /** Someone else puts a version into service: every model is served by it alone. */
  serve(version: string, at: number): void {
    this.settle(at);
    this.first = version;
    this.champions.clear();
    this.weights.clear();
  }

  /** One effect a key, however often it is begun. */
  begin(action: Action, at: number): void {
    if (this.byKey.has(action.key)) return;
    const ending = this.effects(action, at);
    const run = { action, begunAt: at, endsAt: at + ending.afterMs, ending };
    this.keep(run);
    this.runs.push(run);
    this.waiting.push(run);
  }

  has(key: string): boolean {
    return this.byKey.has(key);
  }

  endsAt(key: string): number | undefined {
    return this.byKey.get(key)?.endsAt;
  }

  /** A request that is met at once; what has ended by then stays as it ended. */
  cancel(key: string, at: number): void {
    const run = this.byKey.get(key);
    if (run === undefined || run.endsAt <= at) return;
    this.keep({ ...run, endsAt: at, ending: { afterMs: at - run.begunAt, outcome: 'cancelled' } });
  }

  poll(key: string, at: number): Poll {
    const run = this.byKey.get(key);
    if (run === undefined) return { state: 'lost', message: 'nothing of this key ever began' };
    const { ending, action } = run;
    if (at < run.endsAt) return { state: 'running' };
    switch (ending.outcome) {
      case 'succeeded':
        return { state: 'succeeded', outputs: { ...pointed(action), ...ending.outputs } };
      case 'failed':
        return {
          state: 'failed',
          repeatable: ending.repeatable ?? false,
          message: ending.message ?? 'it failed',
        };
      case 'cancelled':
        return { state: 'cancelled' };
      case 'timed-out':
      case 'lost':
        return { state: ending.outcome, message: ending.message ?? `it was ${ending.outcome}` };
    }
  }

  /** What serves the model at a time: the first version, until an effect that had succeeded by then put another there. */
  serving(model: ModelSpec, at: number): Serving {
    this.settle(at);
    const { registry, serving } = model;
    const champion =
      (registry && this.champions.get(`${registry.connection}/${registry.name}`)) ?? this.first;
    const weights = serving && this.weights.get(`${serving.connection}/${serving.name}`);
    const to = this.trained.get(champion);
    return {
      champion,
      weights: weights ?? { [champion]: 1 },
      ...(to === undefined ? {} : { trained: { from: to - TRAINED_MS, to } }),
    };
  }

  private keep(run: Run): void {
    this.byKey.set(run.action.key, run);
    for (const list of [this.runs, this.waiting]) {
      const at = list.findIndex(one => one.action.key === run.action.key);
      if (at >= 0) list[at] = run;
    }
  }

  /** In the order in which they ended; of one time, in that of their beginning. */
  private settle(at: number): void {
    const ended = this.waiting.filter(run => run.endsAt <= at).sort((a, b) => a.endsAt - b.endsAt);
    if (ended.length === 0) return;
    this.waiting = this.waiting.filter(run => run.endsAt > at);
    for (const run of ended) if (run.ending.outcome === 'succeeded') this.apply(run);
  }

  private apply({ action, begunAt, ending }: Run): void {
    const { capability, connection, args } = action.call;
    const place = `${connection}/${String(args.name)}`;
    if (capability === 'serving.shift') {
      const weights = args.weights as Readonly<Record<string, number>> | undefined;
      assert(weights, `${action.verb} shifted nothing`);
      this.weights.set(place, weights);
    }
    if (capability === 'registry.point' && args.alias === 'champion')
      this.champions.set(place, String(args.version));
    const made = ending.outputs?.version;
    if (capability === 'pipeline.run' && typeof made === 'string' && !this.trained.has(made))
      this.trained.set(made, begunAt);
  }
}

/** What a registry gives back is what it was told. */
function pointed({ call }: Action): JsonObject {
  const { version } = call.args;
  return call.capability === 'registry.point' && typeof version === 'string' ? { version } : {};
}
