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

/** The parts of a text around templates; undefined when a `${` begins something that is not a path. */
export function textParts(text: string): readonly (string | Slot)[] | undefined {
  const parts: (string | Slot)[] = [];
  let rest = text;
  for (let from = rest.indexOf('${'); from >= 0; from = rest.indexOf('${')) {
    const end = rest.indexOf('}', from);
    const path = end < 0 ? undefined : templatePath(rest.slice(from, end + 1));
    if (path === undefined) return undefined;
    if (from > 0) parts.push(rest.slice(0, from));
    parts.push({ $: path });
    rest = rest.slice(end + 1);
  }
  return rest === '' ? parts : [...parts, rest];
}

/**
 * The same values with each whole template as a slot. `refuse` is told of text around a template, of templates that are
 * not a path, and of mappings that already look like a slot (only templates make those). Values of the keys `others` are
 * left as they are.
 */
export function withSlots(
  value: JsonObject,
  refuse: (path: Path, found: string, message: string) => void,
  others: readonly string[] = [],
): JsonObject {
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [
      key,
      others.includes(key) ? one : slotted(one, [key], refuse),
    ]),
  );
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
  for (const key of ['$', '$text'])
    if (Object.hasOwn(value, key))
      refuse(path, key, `expected no key named ${key}: write the template as text, "\${path}"`);
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, slotted(one, [...path, key], refuse)]),
  );
}
