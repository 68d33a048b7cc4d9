/**
 * Observations as a compact time series: what is the same every time (names, units, labels, names of fields) is a shape that
 * is kept once, and a row holds only what changes: numbers and messages. Pure; what is encoded is decoded to the same value.
 */
import { canonical } from '../canonical.ts';
import type { Json, JsonObject, Observation, Snapshot } from '../model.ts';

/** The text of a shape: canonical JSON in which every number stands for the next value of the row. */
export type Shape = string;

/** A value that fills a shape: a number, a text, or `@` and the distance in milliseconds from the row's own time. */
type Value = number | string | boolean;

/** One observation: its shape's number, its values, then the same of each of its readings. */
type Code = readonly [shape: number, ...(Value | Code)[]];

/** By the number of a shape. */
export type ShapeOf = (nr: number) => Shape;
/** The number of a shape. */
export type NumberOf = (shape: Shape) => number;

/** The shape number of rows from before there were shapes: policy and observation stand in them as they were. */
const VERBATIM = 0;

/** Times within four months of a row's own are written as the distance from it. */
const NEAR_MS = 10_000_000_000;

/** What a policy saw. */
export interface Seen {
  readonly policy: string;
  readonly observation: Observation;
}

interface Split {
  readonly shape: Shape;
  readonly values: readonly Value[];
}

/** Everything of one moment, as shapes and values; `encodeSeen` gives the text of a row once shapes have numbers. */
export function splitSnapshot({
  takenAt,
  observations,
}: Pick<Snapshot, 'takenAt' | 'observations'>): readonly (readonly Split[])[] {
  return Object.entries(observations).flatMap(([policy, byName]) =>
    Object.values(byName).map(observation => {
      const { readings, ...rest } = observation;
      const frame = { policy, observation: readings === undefined ? rest : { ...rest, readings: [] } };
      return [frame, ...(readings ?? [])].map(part => split(part as unknown as Json, takenAt));
    }),
  );
}

/** The text of a row. */
export function encodeSeen(parts: readonly (readonly Split[])[], numberOf: NumberOf): string {
  const codes = parts.map(([frame, ...readings]) => {
    const code = ({ shape, values }: Split): Code => [numberOf(shape), ...values];
    return frame === undefined ? [] : [...code(frame), ...readings.map(code)];
  });
  return JSON.stringify(codes);
}

/** What was seen at that moment, in the order in which it was. */
export function decodeSeen(text: string, takenAt: number, shapeOf: ShapeOf): readonly Seen[] {
  return (JSON.parse(text) as Code[]).map(([nr, ...rest]) => {
    if (nr === VERBATIM) return { policy: String(rest[0]), observation: JSON.parse(String(rest[1])) };
    const values = rest.filter(one => !Array.isArray(one)) as Value[];
    const readings = rest.filter(one => Array.isArray(one)) as unknown as Code[];
    const seen = fill(shapeOf(nr), values, takenAt) as unknown as Seen;
    if (readings.length === 0) return seen;
    const filled = readings.map(([shape, ...own]) => fill(shapeOf(shape), own as Value[], takenAt));
    return {
      ...seen,
      observation: { ...seen.observation, readings: filled as unknown as Observation['readings'] },
    };
  });
}

/** The numbers of the shapes that a row needs. */
export function shapesIn(text: string): readonly number[] {
  const codes = JSON.parse(text) as Code[];
  return codes.flatMap(([nr, ...rest]) => [
    ...(nr === VERBATIM ? [] : [nr]),
    ...rest.flatMap(one => (Array.isArray(one) ? [(one as unknown as Code)[0]] : [])),
  ]);
}

function split(value: Json, takenAt: number): Split {
  const values: Value[] = [];
  // Canonical first, so that shapes of equal values are equal and holes are filled in the order of the text.
  const holed = holes(JSON.parse(canonical(value)) as Json, {
    hole: one => {
      values.push(shorten(one, takenAt));
      return 0;
    },
  });
  return { shape: JSON.stringify(holed), values };
}

interface Holes {
  hole(value: Value): number;
  /** Whether a text or truth that is not a number changes from time to time. */
  readonly changing?: boolean;
}

function holes(value: Json, { hole, changing = false }: Holes): Json {
  if (typeof value === 'number') return hole(value);
  if (typeof value === 'string' || typeof value === 'boolean') return changing ? hole(value) : value;
  if (value === null) return null;
  if (Array.isArray(value)) return value.map(one => holes(one, { hole, changing }));
  return Object.fromEntries(
    Object.entries(value as JsonObject).map(([key, one]) => [
      key,
      holes(one, { hole, changing: changing || changes(key, value as JsonObject) }),
    ]),
  );
}

/** Fields of readings, messages, and the hash of a reference that moves with time. */
function changes(key: string, { interval }: JsonObject): boolean {
  return key === 'fields' || key === 'message' || (key === 'hash' && interval !== undefined);
}

function fill(shape: Shape, values: readonly Value[], takenAt: number): Json {
  let next = 0;
  const walk = (value: Json): Json => {
    if (typeof value === 'number') return lengthen(values[next++] ?? null, takenAt);
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, walk(one)]));
  };
  return walk(JSON.parse(shape) as Json);
}

function shorten(value: Value, takenAt: number): Value {
  if (typeof value === 'string') return value.startsWith('@') ? `@${value}` : value;
  const near = Number.isSafeInteger(value) && Math.abs(Number(value) - takenAt) < NEAR_MS;
  return near && Math.abs(Number(value)) > NEAR_MS ? `@${Number(value) - takenAt}` : value;
}

function lengthen(value: Value | null, takenAt: number): Json {
  if (typeof value !== 'string' || !value.startsWith('@')) return value;
  return value.startsWith('@@') ? value.slice(1) : takenAt + Number(value.slice(1));
}
