/** For tests: a Model with everything that verbs need, and the calls that come of arguments as people write them. */
import type { CapabilityCall, ConnectionSpec, JsonObject, ModelSpec, Verb, VerbContext } from '../model.ts';
import { verbs } from './index.ts';

export const AT = Date.parse('2001-03-01T00:00:00Z');
export const DAY_MS = 86_400_000;
export const ORIGINS: JsonObject = { op: 'in', column: 'origin', values: ['ORD', 'MSP'] };

export const connection: ConnectionSpec = {
  name: 'flights',
  connector: 'local',
  access: 'act',
  commands: {},
  limits: { timeoutMs: 30_000 },
};

export const model: ModelSpec = {
  name: 'late-flights',
  owner: 'ana',
  task: 'binary',
  registry: { connection: 'flights', name: 'late' },
  serving: { connection: 'flights', name: 'late' },
  data: {},
  features: { exclude: [] },
  pipelines: {
    train: {
      connection: 'flights',
      id: 'train_late',
      params: {
        since: { $: 'data.since' },
        until: { $: 'data.until' },
        slice: [{ focus: { $: 'data.focus' }, only: { $: 'data.only' } }],
        rest: { $: 'data.rest' },
        seed: { $: 'data.seed' },
        trees: 50,
      },
      output: { version: 'card.version', rows: 'card.rows' },
      accepts: ['focus', 'only'],
    },
    evaluate: {
      connection: 'flights',
      id: 'evaluate_late',
      params: { candidate: { $: 'data.version' }, champion: { $: 'data.champion' } },
      output: { log_loss: 'metrics.log_loss' },
      accepts: [],
    },
  },
  actions: {},
};

export function context(
  change: Partial<VerbContext> = {},
  modelChange: Partial<ModelSpec> = {},
): VerbContext {
  return {
    target: { kind: 'model', name: 'late-flights' },
    documents: {
      model: { ...model, ...modelChange },
      datasets: {},
      connections: { flights: connection },
      people: {},
      groups: {},
    },
    at: AT,
    serving: { champion: 'v2', weights: { v2: 1 } },
    verifiedVersions: ['v1', 'v2'],
    origin: { target: 'model/late-flights', policy: 'drift', rule: 'drift', group: '', episode: 7 },
    ...change,
  };
}

export function verb(name: string): Verb {
  return verbs[name] as Verb;
}

/** The calls that come of arguments as people write them: checked as at load, then made into calls. */
export function calls(name: string, args: JsonObject, on = context()): readonly CapabilityCall[] {
  const checked = verb(name).args.safeParse(args);
  if (!checked.success) throw new Error(checked.error.issues.map(issue => issue.message).join('; '));
  const made = verb(name).calls(checked.data as JsonObject, on);
  if ('unbound' in made) throw new Error(made.unbound);
  if ('held' in made) throw new Error(made.held);
  return made.calls;
}
