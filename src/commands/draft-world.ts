/**
 * The world as a draft may see it. Nobody has read a draft: it observes what was recorded and the embedded engine. A server is
 * asked only what is in force in the base, what its Connection names under `queries`, or anything where that says `adhoc`; and
 * always by the Connection of the base. Pure but for the port that it wraps.
 */
import { canonical } from '../canonical.ts';
import { type Compiled, scanPromql } from '../dsl/index.ts';
import type { World } from '../engine/world.ts';
import {
  type ClosedPolicy,
  type ConnectionSpec,
  type Connector,
  type Json,
  type JsonObject,
  type ObservationSpec,
  PortError,
} from '../model.ts';

/** Connectors that run in this process, on the folders that Connections name. */
const EMBEDDED: ReadonlySet<Connector> = new Set<Connector>(['duckdb', 'local']);

/** What all queries of one call may take together, in milliseconds of real time. */
const CALL_MS = 120_000;

/** A longer query of a draft is not looked at. */
const MOST_CHARACTERS = 8000;

/** True when nothing that this policy observes lies on a server. */
export function isEmbedded({ documents }: ClosedPolicy): boolean {
  return Object.values(documents.connections).every(one => EMBEDDED.has(one.connector));
}

/** The world with the queries that a draft over `base` may ask, and no effects. */
export function draftWorld<W extends World>(world: W, base: Compiled): W {
  const isKnown = knownTexts(base);
  const until = world.realClock() + CALL_MS;
  const askEmbedded = world.queryDraft ?? world.queryData;
  const isOfBase = (connection: ConnectionSpec) => {
    const own = Object.hasOwn(base.connections, connection.name) && base.connections[connection.name];
    return own !== false && canonical(own as unknown as Json) === canonical(connection as unknown as Json);
  };
  return {
    ...world,
    queryData: async (connection, query) => {
      const { name, connector, adhoc } = connection;
      if (!isOfBase(connection))
        throw refused(name, 'the draft changes this Connection; expected the one of the base commit');
      const text = 'sql' in query ? query.sql : query.promql;
      if (world.realClock() > until)
        throw refused(name, `the queries of this draft took more than ${CALL_MS / 1000} s together`);
      if (EMBEDDED.has(connector)) return askEmbedded(connection, query);
      if (adhoc === true || isKnown(name, text)) return world.queryData(connection, query);
      const expected = Object.keys(base.connections[name]?.queries ?? {});
      const entries = expected.length === 0 ? '' : `, an entry of its queries (${expected.join(', ')})`;
      throw refused(
        name,
        `nobody has read this query of a draft yet; expected a text that is in force${entries}, or adhoc: true on the Connection`,
      );
    },
    readServing: async (model, connections) => {
      const strange = Object.values(connections).find(one => !isOfBase(one));
      if (strange === undefined) return world.readServing(model, connections);
      const message = `connection ${strange.name}: the draft changes it, so it is not asked`;
      return { weights: {}, unknown: { reason: 'unreachable', message } };
    },
    effectFor: (_, connection) => {
      throw refused(connection.name, 'a draft acts on nothing');
    },
  };
}

function refused(name: string, why: string): PortError {
  return new PortError(`connection ${name}: ${why}.`, { code: 'refused', retry: 'never', subject: name });
}

/** Whether a text that is about to be asked is one of the base: with other values where it has templates, and in nothing else. */
function knownTexts(base: Compiled): (connection: string, text: string) => boolean {
  const known = new Map<string, Set<string>>();
  const add = (connection: string, pattern: string) => {
    const of = known.get(connection) ?? new Set();
    known.set(connection, of.add(pattern));
  };
  for (const { observe, documents } of base.closed) {
    const gates = Object.values(documents.gates ?? {}).flatMap(gate => Object.values(gate.observe));
    for (const { connection, args } of [...Object.values(observe), ...gates] as readonly ObservationSpec[])
      if (connection !== undefined) for (const pattern of patternsOf(args)) add(connection, pattern);
  }
  for (const { name, queries = {} } of Object.values(base.connections))
    for (const text of Object.values(queries)) add(name, entryPattern(text));
  return (connection, text) =>
    text.length <= MOST_CHARACTERS &&
    [...(known.get(connection) ?? [])].some(pattern => new RegExp(`^${pattern}$`).test(text));
}

/** What a value is once it was put in and escaped (`query-text` of the evaluators): text that ends no quotes, numbers, durations. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are never there, because they are escaped.
const QUOTED = /(?:[^"'`\\\u0000-\u001f\u007f]|\\x[0-9a-f]{2})*/.source;
const NUMBER = /(?:\(-\d[\d.]*(?:e[+-]?\d+)?\)|\d[\d.]*(?:e[+-]?\d+)?)/.source;
const DURATION = /(?:\d+(?:h|ms|m|s))+/.source;
const PLACES: Readonly<Record<string, string>> = {
  quoted: QUOTED,
  regex: QUOTED,
  number: NUMBER,
  duration: DURATION,
};

function patternsOf({ sql, promql, rows }: JsonObject): readonly string[] {
  return [sql, promql, rows].flatMap(written => {
    if (typeof written === 'string') return [literal(written)];
    const parts = written as { text?: readonly string[]; as?: readonly string[] } | null | undefined;
    if (!parts?.text || !parts.as) return [];
    const { text, as } = parts;
    // A literal of SQL has no such form, and no server is asked in SQL yet.
    if (as.some(one => PLACES[one] === undefined)) return [];
    return [text.map((part, i) => literal(part) + (PLACES[as[i] ?? ''] ?? '')).join('')];
  });
}

/** Of an entry as it is written: a template between quotes is text, elsewhere a number or a duration. */
function entryPattern(text: string): string {
  let pattern = '';
  let from = 0;
  for (const template of scanPromql(text).templates) {
    const isQuoted = template.stands === 'quoted' || template.stands === 'regex';
    pattern += literal(text.slice(from, template.from));
    pattern += isQuoted ? QUOTED : `(?:${DURATION}|${NUMBER})`;
    from = template.to;
  }
  return pattern + literal(text.slice(from));
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
