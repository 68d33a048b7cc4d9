/** Values of params that a PolicyTest sets, in place of the policy's defaults and of what Models set. */
import type { ModelSpec, Scalar } from '../model.ts';
import { type Library, ofKind } from './library.ts';
import type { PolicySpec } from './policy.ts';

/** By policy, then by name; as written. */
export type ParamOverrides = Readonly<Record<string, Readonly<Record<string, Scalar>>>>;

/** Puts the values into the library's own documents, beyond the bounds too: a test may ask what would happen there. */
export function overrideParams(library: Library, overrides: ParamOverrides): void {
  for (const shelved of ofKind(library, 'Policy')) {
    const given = Object.hasOwn(overrides, shelved.name) ? overrides[shelved.name] : undefined;
    const { document } = shelved;
    if (!given || !document) continue;
    const spec = document.spec as PolicySpec;
    const params = Object.entries(spec.params ?? {}).map(([name, written]) => {
      const value = Object.hasOwn(given, name) ? given[name] : undefined;
      return [name, value === undefined ? written : { default: value }] as const;
    });
    shelved.document = { ...document, spec: { ...spec, params: Object.fromEntries(params) } };
  }
  for (const shelved of ofKind(library, 'Model')) {
    const spec = shelved.document?.spec as ModelSpec | undefined;
    if (!shelved.document || !spec?.params) continue;
    const params = Object.entries(spec.params).map(([policy, values]) => {
      const kept = Object.entries(values).filter(([name]) => overrides[policy]?.[name] === undefined);
      return [policy, Object.fromEntries(kept)] as const;
    });
    shelved.document = { ...shelved.document, spec: { ...spec, params: Object.fromEntries(params) } };
  }
}
