/** Policy files in one form: keys in the order in which they are read, two blanks, comments where they were. Pure. */
import { type Document, isMap, isScalar, type Node, parseAllDocuments, visit, YAMLMap, YAMLSeq } from 'yaml';
import { canonical } from '../canonical.ts';
import { type Diagnostic, type Json, never } from '../model.ts';
import { formatDiagnostic } from './diagnostic.ts';
import type { File } from './documents.ts';
import { readFile } from './source.ts';

/** Keys that stand first, in this order, by the path of their mapping. Others keep their order and follow. */
const ORDER: Readonly<Record<string, readonly string[]>> = {
  '': ['apiVersion', 'kind', 'metadata', 'spec'],
  metadata: ['name', 'labels'],
  spec: [
    ...[
      'description',
      'owner',
      'connector',
      'access',
      'mode',
      'policy',
      'target',
      'params',
      'every',
      'observe',
    ],
    ...['when', 'for', 'clear', 'keepFor', 'staleAfter', 'per', 'maxGroups', 'then', 'verify', 'gate'],
    ...['rules', 'guard', 'notify'],
  ],
};

const LINE_WIDTH = 120;
const FLOW_WIDTH = 110;

export type Formatted =
  | { readonly text: string; readonly changed: boolean }
  | { readonly diagnostics: readonly Diagnostic[] };

/**
 * The file in its one form; what it says stays the same, which is checked. A file that cannot be read as YAML, or that says a
 * key twice, is left alone and its mistakes are given instead. Formatting twice changes nothing.
 */
export function formatFile(file: File): Formatted {
  const before = readFile(file.path, file.text);
  const mistakes = [...before.unreadable, ...before.sources.flatMap(one => one.diagnostics)];
  if (mistakes.length > 0) return { diagnostics: mistakes };
  const documents = parseAllDocuments(file.text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n'), {
    version: '1.2',
    stringKeys: true,
  });
  if (!Array.isArray(documents)) return { text: file.text, changed: false };
  const text = documents.map(formatDocument).join('');
  const after = readFile(file.path, text);
  const same = said(before.sources) === said(after.sources);
  if (!same) {
    const [first] = after.unreadable;
    throw new Error(
      `flyball bug: formatting ${file.path} would change what it says${first ? ` (${formatDiagnostic(first)})` : ''}`,
    );
  }
  return { text, changed: text !== file.text };
}

function said(sources: readonly { readonly value: Json }[]): string {
  return canonical(sources.map(one => one.value));
}

function formatDocument(document: Document.Parsed, index: number): string {
  const { contents } = document;
  if (isMap(contents)) {
    order(contents, '');
    const metadata = contents.get('metadata', true);
    if (isMap(metadata)) order(metadata, 'metadata');
    const spec = contents.get('spec', true);
    if (isMap(spec)) order(spec, 'spec');
  }
  visit(document, {
    Pair: (key, pair) => {
      // Blank lines group keys; none stands before the first.
      if (key === 0 && isScalar(pair.key)) pair.key.spaceBefore = false;
    },
    Map: (_, map) => {
      // What does not fit into a line stands one key a line.
      if (map.flow && JSON.stringify(map.toJSON()).length > FLOW_WIDTH) map.flow = false;
      pad(map, YAMLMap.prototype, ' ');
    },
    Seq: (_, seq) => pad(seq, YAMLSeq.prototype, ''),
  });
  const text = document.toString({ lineWidth: LINE_WIDTH, minContentWidth: 40, indentSeq: true });
  return index === 0 || text.startsWith('---') ? text : `---\n${text}`;
}

/** `{ a: 1 }` and `[1, 2]`: the library knows one padding for both. */
function pad(node: Node, plain: Pick<typeof YAMLMap.prototype, 'toString'>, padding: string): void {
  node.toString = (context, ...rest) =>
    plain.toString.call(node as never, context && { ...context, flowCollectionPadding: padding }, ...rest);
}

function order(map: YAMLMap, path: string): void {
  const first = ORDER[path] ?? never(path as never);
  const rank = (key: unknown) => {
    const at = first.indexOf(isScalar(key) ? String(key.value) : String(key));
    return at < 0 ? first.length : at;
  };
  map.items = map.items
    .map((pair, i) => ({ pair, i }))
    .sort((a, b) => rank(a.pair.key) - rank(b.pair.key) || a.i - b.i)
    .map(({ pair }) => pair);
}
