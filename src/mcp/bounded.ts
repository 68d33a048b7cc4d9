/** Results that fit: lists and texts are cut to what a model should read at once, and what was cut is said. */
import type { Json, JsonObject } from '../model.ts';

export interface Bounded {
  readonly output: JsonObject;
  /** `rules: 12 of 300`; empty when all is there. */
  readonly truncated: readonly string[];
}

/** Texts are cut only down to this many characters. */
const SHORTEST = 400;

/** Bytes of a value as JSON. */
export function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value) ?? '');
}

/** The output cut to at most `most` bytes: again and again what takes most room, by the part that is too much. */
export function bounded(output: JsonObject, most: number): Bounded {
  const copy = structuredClone(output) as Record<string, Json>;
  const cut = new Map<string, { readonly of: number; left: number; readonly unit: string }>();
  for (let size = bytesOf(copy); size > most; size = bytesOf(copy)) {
    const found = largest(copy, '');
    if (found === undefined) break;
    const { path, value, put, bytes } = found;
    const share = Math.max(0, 1 - (size - most) / bytes) * 0.95;
    const left = Math.max(typeof value === 'string' ? SHORTEST : 1, Math.floor(value.length * share));
    const shorter =
      typeof value === 'string' ? `${value.slice(0, left - 1).toWellFormed()}…` : value.slice(0, left);
    const unit = typeof value === 'string' ? ' characters' : '';
    const { of } = cut.get(path) ?? { of: value.length };
    cut.set(path, { of, left, unit });
    put(shorter);
  }
  return {
    output: copy,
    truncated: [...cut].map(([path, one]) => `${path}: ${one.left} of ${one.of}${one.unit}`),
  };
}

interface Cuttable {
  readonly path: string;
  readonly value: string | readonly Json[];
  readonly bytes: number;
  put(value: Json): void;
}

/** The list or text that takes most room and can be shorter. */
function largest(of: Record<string, Json> | Json[], path: string): Cuttable | undefined {
  let best: Cuttable | undefined;
  for (const [name, value] of Object.entries(of)) {
    const here = path === '' ? name : `${path}.${name}`;
    const put = (shorter: Json) => {
      (of as Record<string, Json>)[name] = shorter;
    };
    for (const one of [cuttable(here, value, put), inside(value, here)])
      if (one && (best === undefined || one.bytes > best.bytes)) best = one;
  }
  return best;
}

function cuttable(path: string, value: Json, put: (value: Json) => void): Cuttable | undefined {
  const long = typeof value === 'string' ? value.length > SHORTEST : Array.isArray(value) && value.length > 1;
  if (!long) return undefined;
  return { path, value: value as string | readonly Json[], bytes: bytesOf(value), put };
}

function inside(value: Json, path: string): Cuttable | undefined {
  return typeof value === 'object' && value !== null
    ? largest(value as Record<string, Json>, path)
    : undefined;
}
