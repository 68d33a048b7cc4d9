/** What is gathered on the way down through an expression: types, mistakes, and what other checks want to know. Pure. */
import type { Diagnostic, Json, Position } from '../model.ts';
import { error } from './diagnostic.ts';
import type { Type } from './dimension.ts';
import type { Names } from './variable.ts';

/** A reducer of a condition, for `${members}`. */
export interface Reduced {
  /** `each`: no reducer stands around it, so there is one answer per label set. */
  readonly reducer: string;
  /** Vectors within it. */
  readonly observations: readonly string[];
  readonly underNot: boolean;
}

/** A part of a condition as JSON Logic, with what it is. */
export interface Typed {
  readonly logic: Json;
  readonly type: Type;
  /** Of a quantity that JSON Logic writes as text: it is text beside text. */
  readonly written?: string;
}

/** What is gathered on the way down. */
export interface Walk {
  readonly names: Names;
  readonly at: (index: number) => Position;
  readonly diagnostics: Diagnostic[];
  readonly reducers: Reduced[];
  readonly observations: Set<string>;
  readonly before: Set<string>;
  readonly steps: Set<string>;
  readonly thresholds: Map<string, Set<number>>;
  /** Starts of quantities of JSON Logic that turned out to be text. */
  readonly texts: Set<number>;
  inside: Set<string> | undefined;
  nots: number;
}

/** Notes a mistake at a character. Gives undefined, so that it can stand in a return. */
export function refuse(walk: Walk, index: number, message: string, hint?: string): undefined {
  walk.diagnostics.push(error(walk.at(index), message, hint));
  return undefined;
}
