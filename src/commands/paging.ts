/** Inputs and output of every list that is given in pages. */
import { z } from 'zod';

export const paging = {
  limit: z.int().min(1).max(100).default(20).describe('How many at most.'),
  cursor: z.string().max(500).optional().describe('`next` of the page before.'),
};
export const nextCursor = z.string().optional().describe('The cursor of the next page; absent on the last.');
