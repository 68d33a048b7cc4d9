/**
 * A policy whose shape has mistakes, without the parts that have them: good enough to find its other mistakes in the same
 * pass, never to be closed. Pure.
 */
import type { z } from 'zod';

/** Parts of `spec` whose absence makes no further mistakes; `every` is needed, and any will do. */
const SPARED = new Set(['for', 'keepFor', 'staleAfter', 'mode', 'description', 'guard', 'notify']);

type Value = Record<string, unknown>;

/** What the validator gives for the rest of the document, or undefined when too much of it is wrong. */
export function salvage<T>(
  validator: z.ZodType<T>,
  found: unknown,
  issues: readonly z.core.$ZodIssue[],
): T | undefined {
  const copy = structuredClone(found) as Value;
  for (const issue of issues) if (!spare(copy, issue)) return undefined;
  const again = validator.safeParse(copy);
  return again.success ? again.data : undefined;
}

function spare(copy: Value, issue: z.core.$ZodIssue): boolean {
  const path = issue.path.map(String);
  const [top, key] = path;
  if (issue.code === 'unrecognized_keys') {
    if (path.length > 1) return false;
    const at = top === undefined ? copy : (copy[top] as Value | undefined);
    for (const extra of issue.keys) delete at?.[extra];
    return at !== undefined;
  }
  const spec = copy.spec as Value | undefined;
  if (top !== 'spec' || key === undefined || spec === undefined) return false;
  if (key === 'every') spec.every = '1d';
  else if (SPARED.has(key)) delete spec[key];
  else return false;
  return true;
}
