/** Datasets that list no columns yet, and the same text with columns in them: everything else stays byte for byte. Pure. */
import { isMap, isScalar, type Pair, parseAllDocuments, type YAMLMap } from 'yaml';
import type { ColumnSpec, DatasetSpec } from '../model.ts';
import { checkFile, type File } from './documents.ts';
import { valueAt } from './shape.ts';

/** A Dataset without columns, as far as its rows can be found with it. */
export interface Uncolumned {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly dataset: DatasetSpec;
}

/** The Datasets whose `columns` are missing or empty, which the validator refuses. */
export function uncolumned(files: readonly File[]): readonly Uncolumned[] {
  return files.flatMap(file =>
    checkFile(file).documents.flatMap(({ kind, name, source }) => {
      if (kind !== 'Dataset' || name === undefined) return [];
      const text = (key: string) => {
        const value = valueAt(source.value, ['spec', key]);
        return typeof value === 'string' ? value : undefined;
      };
      const columns = valueAt(source.value, ['spec', 'columns']) ?? null;
      const isEmpty = columns === null || (typeof columns === 'object' && Object.keys(columns).length === 0);
      const [connection, path, table] = [text('connection'), text('path'), text('table')];
      if (!isEmpty || connection === undefined || (path === undefined) === (table === undefined)) return [];
      const place = path === undefined ? { table: table ?? '' } : { path };
      const { line, column } = source.at(['spec']);
      return [{ file: file.path, line, column, dataset: { name, connection, ...place, columns: {} } }];
    }),
  );
}

/**
 * The text with these columns in the Dataset of that name. Undefined when it is not sure where they belong: the Dataset is not
 * there, is written in braces, or lists columns already.
 */
export function withColumns(
  text: string,
  dataset: string,
  columns: Readonly<Record<string, ColumnSpec>>,
): string | undefined {
  const spec = specOf(text, dataset);
  if (spec === undefined || spec.flow === true || spec.items.length === 0) return undefined;
  const first = spec.items[0];
  const start = isScalar(first?.key) ? first.key.range?.[0] : undefined;
  if (start === undefined) return undefined;
  const indent = ' '.repeat(start - (text.lastIndexOf('\n', start - 1) + 1));
  const break_ = text.includes('\r\n') ? '\r\n' : '\n';
  const lines = [
    `${indent}columns:`,
    ...Object.entries(columns).map(([name, { type }]) => `${indent}  ${keyText(name)}: { type: ${type} }`),
  ];
  const block = lines.map(line => line + break_).join('');
  const written = spec.items.find(pair => isScalar(pair.key) && pair.key.value === 'columns');
  if (written === undefined) return inserted(text, endOfLines(text, spec), block, break_);
  const range = rangeOf(text, written);
  return range === undefined
    ? undefined
    : inserted(text.slice(0, range.from) + text.slice(range.to), range.from, block, break_);
}

/** The `spec` mapping of one Dataset of a file. */
function specOf(text: string, dataset: string): YAMLMap | undefined {
  for (const document of parseAllDocuments(text)) {
    if (!('contents' in document) || document.errors.length > 0) continue;
    if (document.get('kind') !== 'Dataset' || document.getIn(['metadata', 'name']) !== dataset) continue;
    const spec = document.get('spec', true);
    return isMap(spec) ? spec : undefined;
  }
  return undefined;
}

/** The whole lines of a key that has no value, or an empty one. */
function rangeOf(text: string, { key, value }: Pair): { from: number; to: number } | undefined {
  const start = isScalar(key) ? key.range?.[0] : undefined;
  if (start === undefined) return undefined;
  const isEmpty = (isMap(value) && value.items.length === 0) || (isScalar(value) && value.value === null);
  if (value !== null && value !== undefined && !isEmpty) return undefined;
  const end = text.indexOf('\n', start);
  return { from: text.lastIndexOf('\n', start - 1) + 1, to: end < 0 ? text.length : end + 1 };
}

/** After the last line of a block mapping. */
function endOfLines(text: string, spec: YAMLMap): number {
  const end = spec.range?.[1] ?? text.length;
  const at = end > 0 && text[end - 1] === '\n' ? end : text.indexOf('\n', end) + 1;
  return at <= 0 ? text.length : at;
}

function inserted(text: string, at: number, block: string, break_: string): string {
  const before = text.slice(0, at);
  const gap = before === '' || before.endsWith('\n') ? '' : break_;
  return before + gap + block + text.slice(at);
}

function keyText(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !/^(y|n|yes|no|true|false|on|off|null)$/i.test(name)
    ? name
    : JSON.stringify(name);
}
