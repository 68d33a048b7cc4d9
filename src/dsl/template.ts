/** `${…}` templates in YAML text: a whole text that names a path becomes a typed slot; anything else is refused. Pure. */
import type { Json, JsonObject, Slot } from '../model.ts';
import type { Path } from './source.ts';

const WHOLE = /^\$\{\s*([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)\s*\}$/;

/** The dotted path of a text that is one template and nothing else; undefined for any other text. */
export function templatePath(text: string): string | undefined {
  return WHOLE.exec(text)?.[1];
}

/** True when a text holds a template, whole or in part. */
export function hasTemplate(text: string): boolean {
  return text.includes('${');
}

/** True for `{ $: 'a.b' }`. */
export function isSlot(value: unknown): value is Slot {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.keys(value).length === 1 &&
    typeof (value as { $?: unknown }).$ === 'string'
  );
}

/**
 * The same values with each whole template as a slot. `refuse` is told of text around a template, of templates that are
 * not a path, and of mappings that already look like a slot (only templates make those).
 */
export function withSlots(
  value: JsonObject,
  refuse: (path: Path, found: string, message: string) => void,
): JsonObject {
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, slotted(one, [key], refuse)]));
}

function slotted(
  value: Json,
  path: Path,
  refuse: (path: Path, found: string, message: string) => void,
): Json {
  if (typeof value === 'string') {
    if (!hasTemplate(value)) return value;
    const whole = templatePath(value);
    if (whole !== undefined) return { $: whole };
    refuse(path, value, `expected one \${path} and nothing around it, or text without \${`);
    return value;
  }
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((one, i) => slotted(one as Json, [...path, i], refuse));
  if (Object.hasOwn(value, '$'))
    refuse(path, '$', `expected no key named $: write the template as text, "\${path}"`);
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, slotted(one, [...path, key], refuse)]),
  );
}
