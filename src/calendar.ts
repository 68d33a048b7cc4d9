/**
 * Windows and cron schedules in IANA zones, by one maintained library, so that every door and every test gives the same
 * answer. Pure: now is an argument.
 */
import { Cron } from 'croner';
import type { CronSpec } from './model.ts';

/** The last run at or before `at`, in milliseconds; undefined when there is none. */
export function cronBefore(spec: CronSpec, at: number): number | undefined {
  const cron = new Cron(spec.cron, { timezone: spec.zone, paused: true, mode: '5-part' });
  return cron.previousRuns(1, new Date(at + 1))[0]?.getTime();
}
