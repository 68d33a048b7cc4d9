/** Facts as plain JSON, read with care: they come out of a store. Pure. */
import type { Facts, Json, JsonObject } from '../model.ts';

/** The object that a fact holds; undefined when it is not there or is none. */
export function objectOf(facts: Facts, key: string): JsonObject | undefined {
  return asObject(facts[key]?.value);
}

export function asObject(value: Json | undefined): JsonObject | undefined {
  const plain = value !== null && value !== undefined && typeof value === 'object' && !Array.isArray(value);
  return plain ? (value as JsonObject) : undefined;
}

/** The list that a fact holds; empty when it is not there or is none. */
export function listOf(facts: Facts, key: string): readonly Json[] {
  const value = facts[key]?.value;
  return Array.isArray(value) ? value : [];
}

/** A moment as people read it in messages: UTC, to the minute. */
export function moment(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** Those of these facts that anybody has ever said something of, by value: what an entry records of what it read. */
export function byValue(facts: Facts, keys: readonly string[]): Facts {
  return Object.fromEntries(
    keys.flatMap(key => {
      const fact = facts[key];
      return fact === undefined || (fact.version === 0 && fact.value === null) ? [] : [[key, fact]];
    }),
  );
}
