/** `${params.…}` and `${target.…}`: values that are known when a policy is closed, put in place of their templates. Pure. */
import type { Json, JsonObject } from '../model.ts';
import { type Closing, plain, refuse } from './closing.ts';
import type { Constant } from './members.ts';
import { formatDuration } from './quantity.ts';
import type { Path } from './source.ts';
import { templatePath } from './template.ts';
import { resolvePath } from './variable.ts';

const ROOTS = ['params', 'target'];

/** True for the path of a value that is known when a policy is closed. */
export function isConstantPath(path: string): boolean {
  return ROOTS.includes(path.split('.')[0] ?? '');
}

const specs = new WeakMap<object, Json>();

/** The target's own spec, as conditions and templates see it; null without a target. */
export function targetSpecOf(closing: Closing): Json {
  const spec = closing.model ?? closing.dataset ?? closing.connections.get(closing.target.name);
  if (spec === undefined) return null;
  const known = specs.get(spec);
  if (known !== undefined) return known;
  const made = plain(spec);
  specs.set(spec, made);
  return made;
}

/** What `params.x` or `target.x` stands for, or why it stands for nothing. */
export function constantOf(closing: Closing, path: readonly string[]): Constant {
  const found = resolvePath(
    path,
    {
      observations: new Map(),
      broken: closing.lacking.params.map(name => `params.${name}`),
      steps: new Map(),
      allSteps: [],
      before: false,
      params: closing.params,
      target: closing.target,
      targetSpec: targetSpecOf(closing),
      where: 'a template',
    },
    false,
  );
  if (found === 'broken' || 'message' in found) return found;
  if (found.value !== undefined) return { value: found.value, dimension: found.dimension };
  const { kind, name } = closing.target;
  return { value: found.path === 'target.kind' ? kind : name, dimension: 'string' };
}

/**
 * The arguments with each whole template of a constant replaced by its value, but for the keys `others`. Mistakes are noted
 * below `at`; `broken` when one has a mistake that is told elsewhere.
 */
export function withConstants(
  closing: Closing,
  args: JsonObject,
  at: (path: Path) => Path,
  others: readonly string[],
): { readonly args: JsonObject; readonly broken: boolean } {
  let broken = false;
  const walk = (value: Json, path: Path): Json => {
    if (value !== null && typeof value === 'object')
      return Array.isArray(value)
        ? value.map((one, i) => walk(one as Json, [...path, i]))
        : Object.fromEntries(
            Object.entries(value).map(([key, one]) => [key, walk(one as Json, [...path, key])]),
          );
    const named = typeof value === 'string' ? templatePath(value) : undefined;
    if (named === undefined || !isConstantPath(named) || others.includes(String(path[0]))) return value;
    const found = constantOf(closing, named.split('.'));
    if (found !== 'broken' && 'value' in found) return found.value;
    broken = true;
    if (found !== 'broken') refuse(closing, at(path), found.message, found.hint);
    return value;
  };
  return { args: walk(args, []) as JsonObject, broken };
}

/** A constant as people read it in a message: `5%`, `6h`. */
export function constantText({ value, dimension }: Extract<Constant, { readonly value: unknown }>): string {
  if (typeof value !== 'number') return String(value);
  if (dimension === 'duration') return formatDuration(value);
  return dimension === 'ratio' ? `${Number((value * 100).toPrecision(12))}%` : String(value);
}
