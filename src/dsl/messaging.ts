/** Where messages go: the channels and routes of Settings, for closures. Pure. */
import type { NotifySpec, SettingsSpec } from '../model.ts';
import { type Library, settingsOf } from './library.ts';

/** The channels and routes of the Settings, as far as there are any. */
export function messagingOf(library: Library): {
  readonly channels?: NonNullable<SettingsSpec['channels']>;
  readonly notify?: NotifySpec;
} {
  const settings = settingsOf(library);
  return {
    ...(settings?.channels && { channels: settings.channels }),
    ...(settings?.notify && { notify: settings.notify }),
  };
}
