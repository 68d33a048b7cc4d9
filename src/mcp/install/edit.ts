/** Puts one server into the text of a client's file, or takes it out, and leaves every other character as it is. Pure. */
import { parse as parseToml, patch as patchToml } from '@decimalturn/toml-patch';
import {
  applyEdits,
  findNodeAtLocation,
  modify,
  type ParseError,
  parse,
  parseTree,
  printParseErrorCode,
} from 'jsonc-parser';
import { isMap, isSeq, LineCounter, parseDocument, stringify, type YAMLSeq } from 'yaml';
import type { ClientFile } from './clients.ts';

/** A file that cannot be read as what it should be: nothing is written over it. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable';
}

/** The new text; the same text when there is nothing to change. `undefined`: there is no such file. Throws Unreadable. */
export function edited(text: string | undefined, file: ClientFile, what: 'add' | 'remove'): string {
  const before = text ?? '';
  if (what === 'remove' && text === undefined) return '';
  switch (file.format) {
    case 'jsonc':
      return inJson(before, file, what);
    case 'toml':
      return inToml(before, file, what);
    case 'yaml':
      return inYaml(before, file, what);
  }
}

const JSON_OPTIONS = { allowTrailingComma: true, disallowComments: false, allowEmptyContent: true };

function inJson(text: string, file: ClientFile, what: 'add' | 'remove'): string {
  // A byte order mark stays where it is.
  const mark = text.startsWith('\ufeff') ? '\ufeff' : '';
  const body = text.slice(mark.length);
  const errors: ParseError[] = [];
  const value = parse(body, errors, JSON_OPTIONS) as unknown;
  const [first] = errors;
  if (first) throw new Unreadable(`line ${lineAt(body, first.offset)}: ${printParseErrorCode(first.error)}`);
  const root = parseTree(body, [], JSON_OPTIONS);
  if (body.trim() !== '' && root?.type !== 'object') throw new Unreadable('line 1: it is no object');
  const started = body.trim() === '' ? `${JSON.stringify(file.begin ?? {}, null, 2)}\n` : body;
  const place = file.place[0] === 'mcp' ? opencodePlace(value, file.place) : file.place;
  const now = at(value, place);
  if (what === 'remove' && now === undefined) return text;
  if (what === 'add' && same(now, file.form)) return text;
  for (let depth = 1; depth < place.length; depth++) {
    const above = at(value, place.slice(0, depth));
    if (above !== undefined && !isObject(above))
      throw new Unreadable(`${place.slice(0, depth).join('.')} is no object`);
  }
  // What is written on one line stays so: it would be laid out anew with what comes into it.
  const options = isOnOneLine(started, place) ? {} : { formattingOptions: styleOf(body) };
  const edits = modify(started, [...place], what === 'add' ? file.form : undefined, options);
  return mark + applyEdits(started, edits);
}

/** Whether the innermost object that is there already, and holds something, stands on one line. */
function isOnOneLine(text: string, place: readonly string[]): boolean {
  const root = parseTree(text, [], { allowTrailingComma: true });
  for (let depth = place.length - 1; root && depth >= 0; depth--) {
    const node = findNodeAtLocation(root, place.slice(0, depth));
    if (!node) continue;
    const isEmpty = (node.children ?? []).length === 0;
    return !isEmpty && !text.slice(node.offset, node.offset + node.length).includes('\n');
  }
  return false;
}

/** Files of the first version have servers right below `mcp`. */
function opencodePlace(value: unknown, place: readonly string[]): readonly string[] {
  const mcp = at(value, ['mcp']);
  const name = place.at(-1) ?? '';
  if (!isObject(mcp) || isObject(mcp.servers)) return place;
  const isFirst = Object.values(mcp).some(
    one => isObject(one) && (one.type === 'local' || one.type === 'remote'),
  );
  return isFirst ? ['mcp', name] : place;
}

function styleOf(text: string) {
  const indent = /^([ \t]+)\S/m.exec(text)?.[1] ?? '  ';
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  return {
    insertSpaces: !indent.startsWith('\t'),
    tabSize: indent.startsWith('\t') ? 1 : indent.length,
    eol,
  };
}

function inToml(text: string, { place, form }: ClientFile, what: 'add' | 'remove'): string {
  const value = readToml(text);
  const [table = '', name = ''] = place;
  const servers = value[table];
  if (servers !== undefined && !isObject(servers)) throw new Unreadable(`${table} is no table`);
  const now = servers?.[name];
  if (what === 'remove' ? now === undefined : same(now, form)) return text;
  if (what === 'add' && now === undefined) return appended(text, table, name, form);
  const { [name]: _, ...others } = servers ?? {};
  const left = what === 'add' ? { ...servers, [name]: form } : others;
  return patchToml(text, { ...value, [table]: left });
}

/** A table of its own at the end: what stands before it does not move. */
function appended(text: string, table: string, name: string, form: ClientFile['form']): string {
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  const lines = Object.entries(form).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  const gap = text === '' ? '' : text.endsWith('\n') ? eol : eol + eol;
  const added = `${text}${gap}${[`[${table}.${name}]`, ...lines, ''].join(eol)}`;
  // An inline table above cannot be added to from below.
  try {
    readToml(added);
    return added;
  } catch {
    const value = readToml(text);
    return patchToml(text, { ...value, [table]: { ...(value[table] as object), [name]: form } });
  }
}

function readToml(text: string): Record<string, unknown> {
  try {
    return parseToml(text) as Record<string, unknown>;
  } catch (error) {
    const [first = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    const line = (error as { line?: unknown }).line;
    throw new Unreadable(typeof line === 'number' && !/line/i.test(first) ? `line ${line}: ${first}` : first);
  }
}

function inYaml(text: string, { place, form, begin = {} }: ClientFile, what: 'add' | 'remove'): string {
  const [list = ''] = place;
  const started = text.trim() === '' && what === 'add' ? yamlOf(begin) : text;
  const { document, servers } = readYaml(started, list);
  const items = (servers?.toJSON() ?? []) as unknown[];
  const index = items.findIndex(one => isObject(one) && one.name === form.name);
  if (what === 'remove' ? index < 0 : same(items[index], form)) return text;
  // Written anew a document means the same; where lines can be put in or taken out, the others stay as they are.
  const lines = inLines(started, list, servers, { form, index, what });
  if (what === 'remove') document.deleteIn(items.length === 1 ? [list] : [list, index]);
  else if (index >= 0) document.setIn([list, index], document.createNode(form));
  else if (servers) document.addIn([list], document.createNode(form));
  else document.set(list, document.createNode([form]));
  const wanted: unknown = document.toJSON();
  if (lines !== undefined && same(parseDocument(lines).toJSON(), wanted)) return lines;
  return document.toString({ lineWidth: 0 });
}

function readYaml(text: string, list: string) {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter });
  const [first] = document.errors;
  if (first) {
    const { line } = counter.linePos(first.pos[0]);
    throw new Unreadable(`line ${line}: ${first.message.split('\n')[0]}`);
  }
  if (document.contents !== null && !isMap(document.contents))
    throw new Unreadable('line 1: it is no mapping');
  const servers: unknown = document.get(list);
  if (servers !== undefined && servers !== null && !isSeq(servers))
    throw new Unreadable(`${list} is no list`);
  return { document, servers: isSeq(servers) ? servers : undefined };
}

/** The change as lines that come or go; undefined where it cannot be made so. */
function inLines(
  text: string,
  list: string,
  servers: YAMLSeq | undefined,
  { form, index, what }: { form: ClientFile['form']; index: number; what: 'add' | 'remove' },
): string | undefined {
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  const ranges = (servers?.items ?? []).map(item => extentOf(item));
  const lineEnd = (offset: number) => {
    const end = text.indexOf('\n', Math.max(0, offset - 1));
    return end < 0 ? text.length : end + 1;
  };
  const lineStart = (offset: number) => text.lastIndexOf('\n', offset - 1) + 1;
  const first = ranges[0]?.[0];
  const indent = first === undefined ? '  ' : (/^ */.exec(text.slice(lineStart(first)))?.[0] ?? '');
  const item = stringify([form], { lineWidth: 0 })
    .trimEnd()
    .split('\n')
    .map(line => indent + line)
    .join(eol);
  if (what === 'remove') {
    const range = ranges[index];
    if (range === undefined) return undefined;
    const key = new RegExp(`^${list}:`, 'm').exec(text)?.index;
    const from = ranges.length === 1 ? key : lineStart(range[0] ?? 0);
    return from === undefined ? undefined : text.slice(0, from) + text.slice(lineEnd(range[1] ?? 0));
  }
  if (index >= 0) return undefined;
  const last = ranges.at(-1)?.[1];
  if (servers && last === undefined) return undefined;
  const at = last === undefined ? text.length : lineEnd(last);
  const gap = at > 0 && text[at - 1] !== '\n' ? eol : '';
  const added = servers ? `${item}${eol}` : `${list}:${eol}${item}${eol}`;
  return text.slice(0, at) + gap + added + text.slice(at);
}

/** From where a node begins to where its last word ends: what is between it and the next is not its own. */
function extentOf(node: unknown): readonly [from: number, to: number] | undefined {
  const { range, flow } = node as { readonly range?: readonly number[] | null; readonly flow?: boolean };
  if (!range) return undefined;
  const [from = 0, end = 0] = range;
  const last = flow === true ? undefined : lastIn(node);
  return [from, last === undefined || last === null ? end : (extentOf(last)?.[1] ?? end)];
}

function lastIn(node: unknown): unknown {
  if (isSeq(node)) return node.items.at(-1);
  return isMap(node) ? (node.items.at(-1)?.value ?? node.items.at(-1)?.key) : undefined;
}

function yamlOf(fields: Readonly<Record<string, unknown>>): string {
  return Object.entries(fields)
    .map(([key, value]) => `${key}: ${String(value)}\n`)
    .join('');
}

function at(value: unknown, place: readonly string[]): unknown {
  let here = value;
  for (const name of place) here = isObject(here) && Object.hasOwn(here, name) ? here[name] : undefined;
  return here;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}
