/** The validator of `PolicyTest`: series per observation, events on a virtual clock, and what must come of them. */
import { z } from 'zod';
import { envelope, name } from './fields.ts';

/** `PolicyTest`. */
export const policyTestDocument = envelope('PolicyTest', z.strictObject({ policy: name }));
export type PolicyTestSpec = z.output<typeof policyTestDocument>['spec'];
