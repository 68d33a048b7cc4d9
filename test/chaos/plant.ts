/**
 * The system that is governed, as an outside that counts: pipelines' runs, traffic and the registry of models, with every
 * start and every effect by key. Time, clients and wires are others' business.
 */
import type { Json, JsonObject, Scalar } from '../../src/model.ts';

/** A value that depends on what serves: `then` while the version has traffic of the model. */
export interface ServedValue {
  readonly model: string;
  readonly version: string;
  readonly then: Scalar;
  readonly otherwise: Scalar;
}

export interface PlantSpec {
  /** `keyed`: a key that is started again is the run that it is already. `searched`: it is a second effect. */
  readonly mode: 'keyed' | 'searched';
  /** Serves every model at first. */
  readonly version: string;
  /** What queries for a name answer. */
  readonly values: Readonly<Record<string, Scalar | ServedValue>>;
  /** What a finished run gives back; `$key` is the beginning of its own key, with which nobody else names a version. */
  readonly outputs: JsonObject;
  /** How often a run of a pipeline is still under way when it is asked about. */
  readonly polls: number;
  /** How many runs of a pipeline, from its first on, fail in a way that may be repeated. */
  readonly failing?: Readonly<Record<string, number>>;
  /** Values that a registry takes up when a version is pointed at, by the beginning of their name; the model's name follows. */
  readonly healing?: Readonly<Record<string, Scalar>>;
}

/** What an engine says about one action. */
export interface Order {
  readonly key: string;
  readonly capability: string;
  readonly subject: string;
  readonly args: JsonObject;
}

/** One key. More than one effect is what must never be. */
export interface Run extends Order {
  /** Requests to start it that came through, refused and unanswered ones among them. */
  readonly starts: number;
  readonly effects: number;
  readonly polls: number;
  readonly cancels: number;
  readonly fails: boolean;
}

type Answer = { readonly state: string } & JsonObject;

/** What outlives every crash of an engine. A class because it holds what happened. */
export class Plant {
  readonly spec: PlantSpec;
  readonly #runs = new Map<string, { -readonly [K in keyof Run]: Run[K] }>();
  readonly #weights = new Map<string, Readonly<Record<string, number>>>();
  readonly #champions = new Map<string, string>();
  readonly #values: Map<string, Scalar | ServedValue>;
  readonly #begun = new Map<string, number>();

  constructor(spec: PlantSpec) {
    this.spec = spec;
    this.#values = new Map(Object.entries(spec.values));
  }

  /** A start that arrived, whether or not anything comes of it. */
  arrived(order: Order): void {
    this.#run(order).starts += 1;
  }

  /** Begins the work. */
  start(order: Order): Json {
    const run = this.#run(order);
    if (run.effects === 0 || this.spec.mode === 'searched') {
      run.effects += 1;
      this.#take(order);
      run.fails = this.#fails(order);
    }
    return { run: order.key };
  }

  find(key: string): Answer {
    return (this.#runs.get(key)?.effects ?? 0) > 0
      ? { state: 'found', handle: { run: key } }
      : { state: 'absent' };
  }

  poll(key: string): Answer {
    const run = this.#runs.get(key);
    if (run === undefined || run.effects === 0) return { state: 'lost', message: `no run ${key}` };
    run.polls += 1;
    if (run.cancels > 0) return { state: 'cancelled' };
    if (run.capability === 'pipeline.run' && run.polls <= this.spec.polls) return { state: 'running' };
    if (run.fails) return { state: 'failed', repeatable: true, message: 'a worker was evicted' };
    return { state: 'succeeded', outputs: filled(this.spec.outputs, key) };
  }

  cancel(key: string): void {
    const run = this.#runs.get(key);
    if (run !== undefined && run.effects > 0) run.cancels += 1;
  }

  /** Undefined when there is no such value. */
  value(name: string): Scalar | undefined {
    const value = this.#values.get(name);
    if (typeof value !== 'object') return value;
    return (this.serving(value.model).weights[value.version] ?? 0) > 0 ? value.then : value.otherwise;
  }

  set(name: string, value: Scalar): void {
    this.#values.set(name, value);
  }

  serving(model: string): { readonly champion: string; readonly weights: Readonly<Record<string, number>> } {
    return {
      champion: this.#champions.get(model) ?? this.spec.version,
      weights: this.#weights.get(model) ?? { [this.spec.version]: 1 },
    };
  }

  /** In the order of their first start. */
  runs(): readonly Run[] {
    return [...this.#runs.values()];
  }

  #run(order: Order) {
    const run = this.#runs.get(order.key) ?? {
      ...order,
      starts: 0,
      effects: 0,
      polls: 0,
      cancels: 0,
      fails: false,
    };
    this.#runs.set(order.key, run);
    return run;
  }

  #take({ capability, args }: Order): void {
    const model = String(args.name);
    if (capability === 'serving.shift') this.#weights.set(model, args.weights as Record<string, number>);
    if (capability !== 'registry.point') return;
    this.#champions.set(model, String(args.version));
    for (const [name, value] of Object.entries(this.spec.healing ?? {}))
      this.#values.set(`${name}:${model}`, value);
  }

  #fails({ args }: Order): boolean {
    const pipeline = String(args.pipeline);
    const begun = this.#begun.get(pipeline) ?? 0;
    this.#begun.set(pipeline, begun + 1);
    return begun < (this.spec.failing?.[pipeline] ?? 0);
  }
}

function filled(outputs: JsonObject, key: string): JsonObject {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, value]) => [
      name,
      typeof value === 'string' ? value.replace('$key', key.slice(0, 8)) : value,
    ]),
  );
}
