/** The verbs of this version, by the word that policies use. */
import type { Verb } from '../model.ts';
import { escalate } from './escalate.ts';
import { evaluate } from './evaluate.ts';
import { notify } from './notify.ts';
import { promote } from './promote.ts';
import { retrain } from './retrain.ts';
import { rollback } from './rollback.ts';

export const verbs: Readonly<Record<string, Verb>> = {
  retrain,
  evaluate,
  promote,
  rollback,
  notify,
  escalate,
};
