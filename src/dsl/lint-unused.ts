/** What is written and never used: observations, params, and names of Settings. Pure. */
import type { Json, SettingsSpec } from '../model.ts';
import { ofKind } from './library.ts';
import { type Finding, finding, type Linted, type LintedPolicy } from './lint-finding.ts';
import { pathsOf } from './lint-timing.ts';

/** Observations that no condition, argument or text of the policy reads. */
export function unusedObservations({ closed, source }: LintedPolicy): readonly Finding[] {
  const { rules, observe } = closed;
  const specs = Object.values(observe);
  const names = new Set([
    ...[...rules, ...specs.map(one => one.needs ?? null)].flatMap(namesIn),
    ...specs.flatMap(({ args }) => namesIn(args)),
  ]);
  return specs
    .filter(({ name }) => !names.has(name))
    .map(({ name }) =>
      finding(
        'unused-observation',
        source.atKey(['spec', 'observe', name]),
        `nothing reads ${name}, and it is taken at every look all the same; expected a condition or a text that does`,
      ),
    );
}

/** Every part of every path within: of conditions, and of templates in arguments and texts. */
function namesIn(value: unknown): readonly string[] {
  if (value === null || typeof value !== 'object') return [];
  const { logic, $: slot } = value as { readonly logic?: Json; readonly $?: unknown };
  if (logic !== undefined) return pathsOf(logic).flatMap(path => path.split('.'));
  if (typeof slot === 'string') return slot.split('.');
  return Object.values(value).flatMap(namesIn);
}

/** Params that stand nowhere else in the document. */
export function unusedParams({ spec, source }: LintedPolicy): readonly Finding[] {
  const names = Object.keys(spec.params ?? {});
  if (names.length === 0) return [];
  const { params: _, ...rest } = (source.value as { readonly spec: { readonly [key: string]: Json } }).spec;
  const used = new Set(
    textsIn(rest).flatMap(text => [...text.matchAll(/\bparams\.(\w+)/g)].map(found => found[1])),
  );
  return names
    .filter(name => !used.has(name))
    .map(name =>
      finding(
        'unused-param',
        source.atKey(['spec', 'params', name]),
        `nothing uses params.${name}, so whoever sets it changes nothing; expected a condition or an argument that does`,
      ),
    );
}

/** The parts of Settings that are there to be named by others, and what each of them does unnamed. */
const NAMED = [
  ['windows', 'window', 'opens and closes nothing'],
  ['groups', 'group', 'is asked for nothing and owns nothing'],
  ['channels', 'channel', 'gets no message'],
  ['rollouts', 'rollout', 'moves no traffic'],
] as const;

/**
 * Names of Settings that no text of any document is: it may stand for something else, and is then taken as used. Of a
 * repository whose other documents have mistakes nothing is said.
 */
export function unusedSettings({ library }: Linted): readonly Finding[] {
  const [settings] = ofKind(library, 'Settings');
  if (settings?.document === undefined) return [];
  if (library.all.some(one => one.document === undefined)) return [];
  const spec = settings.document.spec as SettingsSpec;
  const { source } = settings.checked;
  const texts = new Set(library.all.flatMap(one => textsIn(naming(one.checked.source.value))));
  return NAMED.flatMap(([key, word, idle]) =>
    Object.keys(spec[key] ?? {})
      .filter(name => !texts.has(name))
      .map(name =>
        finding(
          'unused-setting',
          source.atKey(['spec', key, name]),
          `nothing names ${word} ${name}, so it ${idle}; expected a document that does`,
        ),
      ),
  );
}

/** A document without its own name, and without what Settings define under names of their own. */
function naming(value: Json): Json {
  const { kind, metadata, spec } = value as { readonly [key: string]: { readonly [key: string]: Json } };
  const { name: _, ...about } = metadata ?? {};
  if ((kind as Json) !== 'Settings') return [about, spec ?? {}];
  const defined: readonly string[] = NAMED.map(([key]) => key);
  return Object.entries(spec ?? {}).flatMap(([key, one]) => (defined.includes(key) ? [] : [one]));
}

/** Every text value, keys apart. */
function textsIn(value: Json): readonly string[] {
  if (typeof value === 'string') return [value];
  return value !== null && typeof value === 'object' ? Object.values(value).flatMap(textsIn) : [];
}
