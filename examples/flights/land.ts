/** What the passing of time does to the files: a day's flights and labels become visible on the day after. */
import { copyFile } from 'node:fs/promises';
import { layout } from './layout.ts';
import { appear } from './warehouse.ts';

/** Files that an injected fault may keep from landing. */
export type Landing = 'flights' | 'labels';

/**
 * Makes the flights of `day` (with their outcome) and its labels visible to pipelines and policies. `drop` names what
 * does not arrive: an injected stretch of missing data. Landing a day twice changes nothing.
 */
export async function landDay(
  root: string,
  day: string,
  options: { readonly drop?: readonly Landing[] } = {},
): Promise<void> {
  const paths = layout(root);
  const dropped = new Set(options.drop);
  if (!dropped.has('flights')) await land(paths.sourceFlights(day), paths.flights(day));
  if (!dropped.has('labels')) await land(paths.sourceLabels(day), paths.labels(day));
}

async function land(from: string, to: string): Promise<void> {
  await appear(to, temporary => copyFile(from, temporary));
}
