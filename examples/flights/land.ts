/** What the passing of time does to the files: a day's flights and labels become visible on the day after. */
import { copyFile } from 'node:fs/promises';
import { layout } from './layout.ts';
import { appear } from './warehouse.ts';

/**
 * Makes the flights of `day` (with their outcome) and its labels visible to pipelines and policies. Landing a day twice
 * changes nothing.
 */
export async function landDay(root: string, day: string): Promise<void> {
  const paths = layout(root);
  await land(paths.sourceFlights(day), paths.flights(day));
  await land(paths.sourceLabels(day), paths.labels(day));
}

async function land(from: string, to: string): Promise<void> {
  await appear(to, temporary => copyFile(from, temporary));
}
