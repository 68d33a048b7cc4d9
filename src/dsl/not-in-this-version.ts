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
  ...['airflow', 'mlflow', 'kserve', 'postgres', 'clickhouse', 'trino', 'snowflake', 'bigquery'],
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
    'spec.target': ['featureView', 'experiment'],
  },
  Model: {
    spec: ['upstream'],
    'spec.registry': ['champion', 'challenger'],
    'spec.serving': ['namespace', 'fallback'],
    'spec.data': ['attributes'],
    'spec.features': ['from', 'views'],
    'spec.actions.*': ['blastRadius', 'allow', 'deny', 'canary'],
  },
  Dataset: { spec: ['partition', 'quarantine'], 'spec.upstream.*': ['pipeline', 'restartable', 'attempts'] },
  Connection: {
    spec: ['queries', 'adhoc', 'settleAfter'],
    'spec.limits': ['scan'],
  },
  Settings: {},
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
