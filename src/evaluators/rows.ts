/** `rows: DATASET`: how many rows the window holds. */
import { z } from 'zod';
import type { Evaluator } from '../model.ts';
import { countOf, known, observationOf } from './reading.ts';
import { currentRows } from './source.ts';

/**
 * A count, 0 upwards; 0 is known: the query succeeded and nothing was there. Without a window the whole dataset counts.
 * Never unknown by itself; a missing file or an unreachable connection makes it so.
 */
export const rows: Evaluator = {
  name: 'rows',
  args: z.strictObject({
    main: z.string().meta({
      description:
        'How many rows the window holds. A Dataset, a role of the Model (predictions, labels, training, holdout), or self. 0 is known, not missing.',
      examples: ['self', 'predictions'],
    }),
  }),
  outputs: { value: 'count' },
  mainDimension: () => 'count',
  isVector: () => false,
  labelNames: () => [],
  reads: 'dataset',
  datasetArgument: 'main',
  needsReference: false,
  queries: (request, dialect) => [{ sql: `SELECT count(*) AS n ${currentRows(request, dialect)}` }],
  observe: (request, _profile, answers) =>
    observationOf(request, {
      unit: 'count',
      definition: 'rows/v1',
      vector: false,
      readings: [known({ value: countOf(answers[0]?.[0], 'n') })],
    }),
};
