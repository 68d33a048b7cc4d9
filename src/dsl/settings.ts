/** The validator of `Settings`: the fleet's mode, and who people and groups are. */
import { z } from 'zod';
import type { SettingsSpec } from '../model.ts';
import { envelope, mode, name, present, text } from './fields.ts';

const spec = z
  .strictObject({
    mode: mode.optional(),
    people: z
      .record(name, z.strictObject({ emails: z.array(text).min(1, 'expected at least one address') }))
      .default({})
      .meta({ description: 'Who a git author is: a name and its addresses.' }),
    groups: z
      .record(name, z.array(name))
      .default({})
      .meta({ description: 'Groups of people, for approvals.' }),
  })
  .transform((value): SettingsSpec => present(value) as SettingsSpec);

/** `Settings`, once, in `flyball.yaml`. */
export const settingsDocument = envelope('Settings', spec);
