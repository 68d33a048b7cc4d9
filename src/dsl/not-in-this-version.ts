/** Words of the full language that this version refuses by name, so that nobody takes them for a slip. Data only. */
import type { DocumentKind } from '../model.ts';
import type { Path } from './source.ts';

/** Kinds of documents that enter with the code that uses them. */
export const LATER_KINDS: readonly string[] = ['FeatureView', 'Experiment'];

/** Evaluators and verbs of the full language. One that the catalogue knows is never looked up here. */
export const LATER_EVALUATORS: readonly string[] = [
  ...[
    'distinct',
    'schema',
    'outliers',
    'slice',
    'warranted',
    'freshness',
    'upstream',
    'compare',
    'experiment',
  ],
  ...['fairness', 'pii', 'registry', 'rollout', 'episode', 'reachable'],
];
export const LATER_VERBS: readonly string[] = [
  ...['refresh', 'restart', 'quarantine', 'release', 'start_experiment', 'stop_experiment', 'run', 'halt'],
];
export const LATER_CONNECTORS: readonly string[] = [
  ...[
    'airflow',
    'mlflow',
    'kserve',
    'prometheus',
    'postgres',
    'clickhouse',
    'trino',
    'snowflake',
    'bigquery',
  ],
  ...[
    'databricks',
    'kubernetes',
    'sagemaker',
    'argo',
    'slack',
    'pagerduty',
    'http',
    'sql',
    'feast',
    'dagster',
  ],
];

/** Per kind and place (`*` is any key or index): keys of the full language. */
const LATER_KEYS: Readonly<Record<DocumentKind, Readonly<Record<string, readonly string[]>>>> = {
  Policy: {
    spec: ['params', 'per', 'maxGroups', 'rules', 'gate', 'notify', 'maxSeries', 'exclude'],
    'spec.every': ['cron', 'zone'],
    'spec.target': ['featureView', 'experiment'],
    'spec.target.model': ['labels'],
    'spec.target.dataset': ['labels'],
    'spec.target.connection': ['labels'],
    'spec.observe.*': ['onMissing', 'expect', 'sides', 'empty', 'needs', 'treatAs', 'promql'],
    'spec.observe.*.reference': ['version'],
    'spec.then.*': ['if', 'retry', 'undo', 'per'],
    'spec.then.*.approval': ['safe'],
    'spec.guard': ['allow', 'deny', 'blastRadius', 'inhibitedBy'],
  },
  Model: {
    spec: ['season', 'params', 'exclude', 'upstream'],
    'spec.registry': ['champion', 'challenger'],
    'spec.serving': ['namespace', 'fallback'],
    'spec.data': ['attributes'],
    'spec.features': ['from', 'views'],
    'spec.actions.*': ['safe', 'preemptAfter', 'blastRadius', 'allow', 'deny', 'canary'],
  },
  Dataset: { spec: ['partition', 'expect', 'upstream', 'quarantine'] },
  Connection: {
    spec: ['may', 'url', 'auth', 'environments', 'queries', 'adhoc', 'settleAfter'],
    'spec.limits': ['concurrency', 'rate', 'scan'],
  },
  Settings: { spec: ['windows', 'guard', 'channels', 'notify', 'rollouts', 'proposals'] },
  PolicyTest: {},
};

/** The words of the full language that this version refuses in the mapping at a path. */
export function laterKeys(kind: DocumentKind, path: Path): readonly string[] {
  for (const [pattern, keys] of Object.entries(LATER_KEYS[kind])) {
    const segments = pattern.split('.');
    const same =
      segments.length === path.length && segments.every((s, i) => s === '*' || s === String(path[i]));
    if (same) return keys;
  }
  return [];
}
