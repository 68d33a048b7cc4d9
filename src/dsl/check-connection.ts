/** Connections as they are in one environment, and whether one fits where it is named. Pure. */
import type { ConnectionSpec } from '../model.ts';
import { type ConnectionText, connectionIn } from './connection.ts';
import { error } from './diagnostic.ts';
import { blame, type Library, lookUp, type Shelved } from './library.ts';
import type { Path } from './source.ts';

/** The connection that every fleet has without a document: messages go there. */
export const OUTBOX = 'outbox';

/** Puts what differs in an environment over the rest of a Connection, so that nobody sees another environment's. */
export function bindConnection(shelved: Shelved, env: string): void {
  if (shelved.name === OUTBOX)
    blame(
      shelved,
      error(
        shelved.checked.source.at(['metadata', 'name']),
        'a connection outbox is built in, for messages; expected another name',
      ),
    );
  const { document } = shelved;
  if (document === undefined) return;
  const spec = connectionIn(document.spec as ConnectionText & { readonly name: string }, env);
  shelved.document = { ...document, spec };
}

/** A connection of the connector that fits, or a diagnostic. */
export function connectionFor(
  library: Library,
  shelved: Shelved,
  name: string,
  path: Path,
  connector: ConnectionSpec['connector'],
): ConnectionSpec | undefined {
  const at = shelved.checked.source.at(path);
  const found = lookUp(library, 'Connection', name, at, one => blame(shelved, one));
  if (found && found.connector !== connector) {
    blame(
      shelved,
      error(
        at,
        `connection ${name} is of connector ${found.connector}; expected one of connector ${connector} here`,
      ),
    );
    return undefined;
  }
  return found;
}

/** True when a Connection lets a capability be used on a pipeline or a name: all of them, unless it says which. */
export function mayAct(
  { may }: ConnectionSpec,
  capability: keyof NonNullable<ConnectionSpec['may']>,
  name: string,
): boolean {
  if (may === undefined) return true;
  return (may[capability] ?? []).some(pattern =>
    pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
  );
}
