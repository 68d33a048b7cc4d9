/**
 * A policy whose shape has mistakes, without the parts that have them: good enough to find its other mistakes in the same
 * pass, never to be closed. Pure.
 */
import type { z } from 'zod';
import type { Lacking } from './closing.ts';

/** Parts of `spec`, of a rule, of a step and of a gate whose absence makes no further mistakes. */
const SPARED: Readonly<Record<string, readonly string[]>> = {
  spec: ['mode', 'description', 'guard', 'notify', 'maxSeries'],
  rule: ['for', 'keepFor', 'staleAfter', 'maxGroups'],
  step: ['timeout', 'approval', 'retry', 'onNotMet'],
  verify: ['attempts', 'otherwise'],
  gate: ['reach', 'reopen', 'taint', 'running', 'fails'],
};

/** Parts that are needed, where any will do. */
const ANY: Readonly<Record<string, unknown>> = {
  every: '1d',
  // Selects nothing: the document is looked at without a target.
  target: { model: { labels: { 'flyball.dev/none': '' } } },
};

type Value = Record<string, unknown>;

/** The rest of a document, and what is not in it any more. */
export interface Salvaged<T> {
  readonly data: T;
  readonly lacking: Lacking;
}

/** What the validator gives for the rest of the document, or undefined when too much of it is wrong. */
export function salvage<T>(
  validator: z.ZodType<T>,
  found: unknown,
  issues: readonly z.core.$ZodIssue[],
): Salvaged<T> | undefined {
  const copy = structuredClone(found) as Value;
  const lacking = { observations: new Set<string>(), params: new Set<string>() };
  for (const issue of issues) if (!spare(copy, issue, lacking)) return undefined;
  const again = validator.safeParse(copy);
  if (!again.success) return undefined;
  return {
    data: again.data,
    lacking: { observations: [...lacking.observations], params: [...lacking.params] },
  };
}

function spare(
  copy: Value,
  issue: z.core.$ZodIssue,
  lacking: { readonly observations: Set<string>; readonly params: Set<string> },
): boolean {
  const path = issue.path.map(String);
  if (path[0] === 'spec' && Object.hasOwn(ANY, path[1] ?? '')) return replace(copy, path);
  if (issue.code === 'unrecognized_keys') {
    const at = below(copy, path);
    for (const extra of issue.keys) delete at?.[extra];
    return at !== undefined;
  }
  const [top, key = '', name = ''] = path;
  if (top !== 'spec') return false;
  if ((key === 'observe' || key === 'params') && name !== '') {
    lacking[key === 'observe' ? 'observations' : 'params'].add(name);
    return remove(copy, path.slice(0, 3));
  }
  if (SPARED.spec?.includes(key)) return remove(copy, path.slice(0, 2));
  return spareInRule(
    copy,
    key === 'rules' ? path.slice(0, 3) : ['spec'],
    path.slice(key === 'rules' ? 3 : 1),
  );
}

function spareInRule(copy: Value, rule: readonly string[], path: readonly string[]): boolean {
  const [key = '', second = '', third = ''] = path;
  if (SPARED.rule?.includes(key)) return remove(copy, [...rule, key]);
  if ((key === 'verify' || key === 'gate') && SPARED[key]?.includes(second))
    return remove(copy, [...rule, key, second]);
  return (
    key === 'then' && SPARED.step?.includes(third) === true && remove(copy, [...rule, key, second, third])
  );
}

function replace(copy: Value, path: readonly string[]): boolean {
  const spec = below(copy, ['spec']);
  const key = path[1] ?? '';
  if (spec) spec[key] = ANY[key];
  return spec !== undefined;
}

function remove(copy: Value, path: readonly string[]): boolean {
  const at = below(copy, path.slice(0, -1));
  if (at === undefined) return false;
  delete at[path.at(-1) ?? ''];
  return true;
}

function below(copy: Value, path: readonly string[]): Value | undefined {
  let here: unknown = copy;
  for (const part of path) here = (here as Value | null | undefined)?.[part];
  return typeof here === 'object' && here !== null ? (here as Value) : undefined;
}
