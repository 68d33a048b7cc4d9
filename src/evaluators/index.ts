/** The table of evaluators: what a policy may observe. */
import type { Evaluator } from '../model.ts';
import { drift } from './drift.ts';
import { nulls } from './nulls.ts';
import { performance } from './performance.ts';
import { query } from './query.ts';
import { rows } from './rows.ts';

/** By the key that names each in YAML. */
export const evaluators: Readonly<Record<string, Evaluator>> = { drift, rows, nulls, performance, query };
