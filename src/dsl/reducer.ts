/** The reducers of the language: what they take, and what they give. Data only. */
import type { Dimension } from '../model.ts';

export interface Reducer {
  readonly name: string;
  readonly takes: 'conditions' | 'numbers';
  /** Absent: the dimension of what it reduces. */
  readonly gives?: Dimension;
}

export const REDUCERS: readonly Reducer[] = [
  { name: 'any', takes: 'conditions', gives: 'boolean' },
  { name: 'all', takes: 'conditions', gives: 'boolean' },
  { name: 'none', takes: 'conditions', gives: 'boolean' },
  { name: 'count', takes: 'conditions', gives: 'count' },
  { name: 'share', takes: 'conditions', gives: 'ratio' },
  { name: 'max', takes: 'numbers' },
  { name: 'min', takes: 'numbers' },
  { name: 'avg', takes: 'numbers' },
];

/** Words that are no names of observations, because expressions read them otherwise. */
export const RESERVED: readonly string[] = [
  ...REDUCERS.map(reducer => reducer.name),
  ...['abs', 'exists', 'and', 'or', 'not', 'in', 'is', 'true', 'false', 'null', 'this'],
  ...['before', 'steps', 'target', 'params', 'labels', 'members', 'worst'],
  ...['rollout', 'side', 'step'],
];

/** False for words of the grammar, and for names that every object has (`constructor`). */
export function isFreeName(name: string): boolean {
  return !RESERVED.includes(name) && !(name in {});
}
