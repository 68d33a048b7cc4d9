/** Checks what a verb asks of an effect, because nothing of it is trusted here. */
import { z } from 'zod';
import { type CapabilityCall, PortError } from '../model.ts';

/** The arguments of a call as the schema gives them. Throws a PortError that names what does not fit. */
export function checkedArgs<T>(schema: z.ZodType<T>, call: CapabilityCall): T {
  const checked = schema.safeParse(call.args);
  if (checked.success) return checked.data;
  throw new PortError(`${call.subject}: ${call.capability}: ${z.prettifyError(checked.error)}`, {
    code: 'bad-arguments',
    retry: 'never',
    subject: call.subject,
  });
}
