/** The params of a policy with the values that are in force for one target, within the policy's bounds. Pure. */
import type { Dimension, Param, Scalar } from '../model.ts';
import { type Closing, refuse } from './closing.ts';
import { didYouMean, error, oneOf, quoted } from './diagnostic.ts';
import type { Library } from './library.ts';
import type { PolicySpec } from './policy.ts';
import { parseDuration, parseRatio } from './quantity.ts';

type Written = NonNullable<PolicySpec['params']>[string];
type Typed = Pick<Param, 'value' | 'dimension'>;
type Parts = Pick<Closing, 'policy' | 'spec' | 'source' | 'diagnostics' | 'library' | 'model'>;

/** A scalar of YAML with what it is: `5%` is a ratio, `6h` a duration, `5k` a number, other text is text. */
export function typedScalar(raw: Scalar): Typed {
  if (typeof raw === 'number') return { value: raw, dimension: 'number' };
  if (typeof raw === 'boolean') return { value: raw, dimension: 'boolean' };
  const share = /%$/.test(raw) ? parseRatio(raw) : undefined;
  if (share !== undefined) return { value: share, dimension: 'ratio' };
  const ms = parseDuration(raw);
  if (ms !== undefined) return { value: ms, dimension: 'duration' };
  if (/^\d+(\.\d+)?k$/.test(raw)) return { value: Number(raw.slice(0, -1)) * 1000, dimension: 'number' };
  return { value: raw, dimension: 'string' };
}

/** The values in force by name, the Model's before the defaults. Those with mistakes are noted and stand in `broken`. */
export function closeParams(parts: Parts): {
  readonly params: ReadonlyMap<string, Param>;
  readonly broken: readonly string[];
} {
  const params = new Map<string, Param>();
  const broken: string[] = [];
  const overrides = overridesOf(parts);
  for (const [name, written] of Object.entries(parts.spec.params ?? {})) {
    const found = defaultOf(parts, name, written);
    const used = found && (overrides.has(name) ? overridden(parts, name, written, found, overrides) : found);
    if (used) params.set(name, used);
    else broken.push(name);
  }
  return { params, broken };
}

function defaultOf(parts: Parts, name: string, written: Written): Param | undefined {
  const path = ['spec', 'params', name];
  const own = typedScalar(written.default);
  const before = parts.diagnostics.length;
  for (const bound of ['min', 'max'] as const) {
    const given = written[bound];
    if (given === undefined) continue;
    const { dimension } = typedScalar(given);
    if (typeof own.value !== 'number')
      refuse(
        parts,
        [...path, bound],
        `${bound} bounds ${dimensionWord(own.dimension)}, which has no order; expected no bound, or a number, share or duration as default`,
      );
    else if (dimension !== own.dimension)
      refuse(
        parts,
        [...path, bound],
        `${bound} is ${dimensionWord(dimension)} and the default ${dimensionWord(own.dimension)}; expected the same of both`,
      );
  }
  if (parts.diagnostics.length > before) return undefined;
  const [min, max] = boundsOf(written);
  if (min > max)
    return refuse(
      parts,
      [...path, 'max'],
      `max is ${String(written.max)} and min ${String(written.min)}; expected max to be at least min`,
    );
  const outside = outsideOf(own, written);
  if (outside !== undefined)
    return refuse(parts, [...path, 'default'], `default is ${String(written.default)}; expected ${outside}`);
  return { ...own, position: parts.source.at([...path, 'default']) };
}

/** What the Model sets of this policy's params; names that the policy has not are noted there. */
function overridesOf({ policy, spec, diagnostics, library, model }: Parts): ReadonlyMap<string, Scalar> {
  const found = Object.entries(model?.params?.[policy] ?? {});
  const known = Object.keys(spec.params ?? {});
  for (const [name] of found) {
    if (known.includes(name)) continue;
    const at = modelSource(library, model?.name)?.atKey(['spec', 'params', policy, name]);
    if (at)
      diagnostics.push(
        error(at, `policy ${policy} has no param ${name}; expected ${oneOf(known)}`, didYouMean(name, known)),
      );
  }
  return new Map(found.filter(([name]) => known.includes(name)));
}

function overridden(
  { policy, diagnostics, library, model }: Parts,
  name: string,
  written: Written,
  found: Param,
  overrides: ReadonlyMap<string, Scalar>,
): Param | undefined {
  const raw = overrides.get(name);
  const position = modelSource(library, model?.name)?.at(['spec', 'params', policy, name]);
  if (raw === undefined || position === undefined) return found;
  const given = typedScalar(raw);
  const unlike = given.dimension !== found.dimension;
  const outside = unlike ? undefined : outsideOf(given, written);
  if (!unlike && outside === undefined) return { ...given, position };
  const expected = unlike
    ? `${dimensionWord(found.dimension)} as the default of policy ${policy} (${String(written.default)})`
    : `${outside}, the bounds of policy ${policy}`;
  diagnostics.push(error(position, `${name} is ${quoted(raw)}; expected ${expected}`));
  return undefined;
}

function modelSource(library: Library, name: string | undefined) {
  return name === undefined ? undefined : library.byName.get(`Model ${name}`)?.checked.source;
}

function boundsOf({ min, max }: Written): readonly [number, number] {
  const number = (raw: Scalar | undefined, none: number) =>
    raw === undefined ? none : Number(typedScalar(raw).value);
  return [number(min, Number.NEGATIVE_INFINITY), number(max, Number.POSITIVE_INFINITY)];
}

/** The bounds in words, when a value lies outside of them. */
function outsideOf({ value }: Typed, written: Written): string | undefined {
  const [min, max] = boundsOf(written);
  if (typeof value !== 'number' || (value >= min && value <= max)) return undefined;
  if (written.min === undefined) return `at most ${String(written.max)}`;
  if (written.max === undefined) return `at least ${String(written.min)}`;
  return `${String(written.min)} to ${String(written.max)}`;
}

function dimensionWord(dimension: Dimension): string {
  if (dimension === 'boolean') return 'true or false';
  return dimension === 'string' ? 'text' : `a ${dimension}`;
}
