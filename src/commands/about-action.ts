/** The entries of a chain that are about one action or request, a page at a time. */
import { z } from 'zod';
import type { Entry } from '../model.ts';
import { type ListOf, openCursor, type Paging, sealCursor } from './cursor.ts';
import { entryText } from './entry-text.ts';
import type { Ports } from './ports.ts';
import { safe } from './time.ts';

export const entryLine = z.object({ seq: z.int(), at: z.number(), kind: z.string(), text: z.string() });

/** Entries looked at together, and at most for one page: what is further is on the next one. */
const BATCH = 200;
const MOST_READ = 2000;

/** What they are about: ids in full. */
interface Named {
  readonly action?: string;
  readonly request?: string;
}

/** The entries about it, oldest first, from where the chain first names it or the cursor says. */
export async function entriesAbout(
  ports: Ports,
  chain: string,
  named: Named,
  { limit, cursor }: Paging,
): Promise<{ entries: z.input<typeof entryLine>[]; next?: string }> {
  const of: ListOf = { list: 'action', filters: { chain, ...named } };
  const from = await openCursor(ports, of, cursor);
  const entries: z.input<typeof entryLine>[] = [];
  let at = typeof from === 'number' ? from : await beginningOf(ports, chain, named);
  for (let read = 0; ; ) {
    const batch = await ports.world.store.entries({ chain, from: at, limit: BATCH });
    for (const { seq, at: time, body } of batch) {
      at = seq + 1;
      if (isAbout(body, named))
        entries.push({ seq, at: time, kind: body.kind, text: safe(entryText(body), 400) });
      if (entries.length === limit) break;
    }
    read += batch.length;
    if (entries.length === limit || read >= MOST_READ)
      return { entries, next: await sealCursor(ports, of, at) };
    if (batch.length < BATCH) return { entries };
  }
}

/** The first entry that names it, as far back as is looked. */
async function beginningOf(ports: Ports, chain: string, named: Named): Promise<number> {
  const kinds =
    named.request === undefined ? (['ask', 'intent', 'adopted'] as const) : (['request'] as const);
  const found = await ports.world.store.entries({ chain, kinds, newestFirst: true, limit: MOST_READ });
  return found.findLast(({ body }) => isAbout(body, named))?.seq ?? 1;
}

function isAbout(body: Entry['body'], { action: id, request }: Named): boolean {
  if (request !== undefined) {
    if ('request' in body && body.request === request) return true;
    if ('cause' in body && body.cause?.policy === `request:${request}`) return true;
  }
  if (!('action' in body)) return false;
  const about = typeof body.action === 'string' ? body.action : body.action?.id;
  return about !== undefined && (about === id || about === request);
}
