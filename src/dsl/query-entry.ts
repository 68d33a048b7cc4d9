/** `entry: NAME` of a query: the text that stands under this name in its Connection. Pure. */
import type { Json } from '../model.ts';
import { type Closing, refuse } from './closing.ts';
import { didYouMean, oneOf } from './diagnostic.ts';
import type { PolicySpec } from './policy.ts';
import type { Path } from './source.ts';

type Raw = PolicySpec['observe'][string];

/** The observation with the entry's text beside its name; undefined after noting why there is none. Any other as it is. */
export function withEntry(closing: Closing, raw: Raw, evaluator: string, path: Path): Raw | undefined {
  if (evaluator !== 'query' || raw.entry === undefined) return raw;
  const at = [...path, 'entry'];
  const { entry, query } = raw as { readonly entry: Json; readonly query: Json };
  const own = (['sql', 'promql'] as const).find(key => raw[key] !== undefined);
  if (own !== undefined) return refuse(closing, at, `entry stands beside ${own}; expected one of them`);
  // The name of the Connection is checked where it is bound.
  const found = closing.library.byName.get(`Connection ${String(query)}`)?.document?.spec;
  const connection = found as { connector: string; queries?: Readonly<Record<string, string>> } | undefined;
  const queries = connection?.queries ?? {};
  const text = Object.hasOwn(queries, String(entry)) ? queries[String(entry)] : undefined;
  if (text !== undefined) return { ...raw, [connection?.connector === 'duckdb' ? 'sql' : 'promql']: text };
  const known = Object.keys(queries);
  return refuse(
    closing,
    at,
    `connection ${String(query)} has no query ${String(entry)}; expected ${known.length === 0 ? 'spec.queries there' : oneOf(known)}`,
    didYouMean(String(entry), known),
  );
}
