/**
 * Raw JSON Logic in place of text: the same syntax tree as infix text gives, so that the same checks follow, and the tree as
 * text again. It has the stored form's operators and no others. Pure.
 */
import type { Json } from '../model.ts';
import { didYouMean, oneOf, quoted } from './diagnostic.ts';
import { type BinaryOp, InfixError, PRECEDENCE, type Tree } from './infix.ts';
import { parseDuration, percent } from './quantity.ts';
import type { Path } from './source.ts';

/** More than people write by hand; the same order as the longest text. */
const MAX_PARTS = 1000;
const MAX_DEPTH = 60;

/** Operators of two operands, with what they are in text. */
const BINARY: Readonly<Record<string, BinaryOp>> = {
  ...{ '>': '>', '>=': '>=', '<': '<', '<=': '<=', '==': '==', '===': '==', '!=': '!=', '!==': '!=' },
  ...{ '+': '+', '-': '-', '*': '*', '/': '/', '%': '%', in: 'in' },
};
const CALLS: readonly string[] = ['abs', 'exists', 'min', 'max'];
const OPERATORS: readonly string[] = ['var', 'and', 'or', '!', ...Object.keys(BINARY), 'reduce', ...CALLS];
/** Operators of stock JSON Logic that this language says otherwise. */
const INSTEAD: Readonly<Record<string, string>> = {
  '!!': 'Leave it out: conditions are true or false.',
  if: 'Write it with and, or and !.',
  '?:': 'Write it with and, or and !.',
  missing: 'Write { exists: [ { var: NAME } ] }.',
  missing_some: 'Write { exists: [ { var: NAME } ] }.',
  all: "Write { reduce: ['all', …] }.",
  none: "Write { reduce: ['none', …] }.",
  some: "Write { reduce: ['any', …] }.",
  any: "Write { reduce: ['any', …] }.",
  count: "Write { reduce: ['count', …] }.",
  share: "Write { reduce: ['share', …] }.",
  avg: "Write { reduce: ['avg', …] }.",
  not: 'Write !.',
};

/** Reads one tree. A class because it numbers the places that it passes. */
class Reader {
  /** Where each part stands, by its `start`. */
  readonly paths: Path[] = [];

  tree(logic: Json, path: Path): Tree {
    const start = this.place(path);
    if (typeof logic === 'number') return { type: 'number', value: logic, unit: 'number', start };
    if (typeof logic === 'boolean') return { type: 'boolean', value: logic, start };
    if (typeof logic === 'string') return literalOf(logic, start);
    if (logic === null) return { type: 'null', start };
    if (isList(logic)) return { type: 'list', items: this.all(logic, path), start };
    const [op, ...more] = Object.keys(logic);
    if (op === undefined)
      throw new InfixError(start, 'the mapping is empty; expected one operator, such as { var: NAME }');
    if (more.length > 0)
      throw new InfixError(
        start,
        `the mapping has ${more.length + 1} keys (${[op, ...more].slice(0, 4).join(', ')}); expected one operator`,
      );
    const given = logic[op] ?? null;
    return this.operation(op, isList(given) ? given : [given], isList(given), [...path, op], start);
  }

  /** `start` is the operator's own place: what its operands say has theirs. */
  private operation(op: string, args: readonly Json[], listed: boolean, path: Path, start: number): Tree {
    const arity = (fits: boolean, expected: string) => {
      if (!fits) throw new InfixError(start, `${op} has ${counted(args.length)}; expected ${expected}`);
    };
    if (op === 'var') return this.variable(args, listed, path, start);
    if (op === 'reduce') return this.reduction(args, listed, path, start);
    if (!OPERATORS.includes(op))
      throw new InfixError(
        start,
        `${quoted(op)} is no operator; expected ${oneOf(OPERATORS)}`,
        (Object.hasOwn(INSTEAD, op) ? INSTEAD[op] : undefined) ?? didYouMean(op, OPERATORS),
      );
    if (op === 'and' || op === 'or') arity(listed && args.length >= 2, 'a list of two or more');
    else if (op === '!') arity(args.length === 1, 'one');
    else if (op === '-') arity(args.length === 1 || (listed && args.length === 2), 'one or two');
    else if (CALLS.includes(op)) arity(args.length >= 1, 'at least one');
    else arity(listed && args.length === 2, 'two');
    const parts = listed ? this.all(args, path) : [this.tree(args[0] ?? null, path)];
    const [first, second] = parts;
    if (first === undefined) throw new InfixError(start, `${op} has no argument; expected one`);
    if (op === 'and' || op === 'or')
      return parts
        .slice(1)
        .reduce<Tree>((left, right) => ({ type: 'binary', op, left, right, start }), first);
    if (op === '!') return { type: 'not', arg: first, start };
    const name = BINARY[op];
    if (name === undefined) return { type: 'call', name: op, args: parts, start };
    if (second === undefined) return { type: 'negative', arg: first, start };
    return { type: 'binary', op: name, left: first, right: second, start };
  }

  private variable(args: readonly Json[], listed: boolean, path: Path, start: number): Tree {
    const [name] = args;
    if (args.length !== 1)
      throw new InfixError(
        start,
        `var has ${counted(args.length)}; expected a name alone`,
        args.length === 2 ? 'There are no defaults: what is missing is unknown.' : undefined,
      );
    const parts = typeof name === 'string' ? name.split('.') : [];
    if (parts.length === 0 || parts.includes(''))
      throw new InfixError(
        this.place(listed ? [...path, 0] : path),
        `var is ${quoted(name)}; expected a name with dots, such as perf.rows`,
      );
    return { type: 'path', path: parts, template: false, start };
  }

  private reduction(args: readonly Json[], listed: boolean, path: Path, start: number): Tree {
    const [name, inner] = args;
    if (!listed || args.length !== 2)
      throw new InfixError(
        start,
        `reduce has ${counted(args.length)}; expected a reducer and what it reduces, such as ['count', …]`,
      );
    if (typeof name !== 'string' || CALLS.slice(0, 2).includes(name))
      throw new InfixError(
        this.place([...path, 0]),
        `the reducer is ${quoted(name)}; expected a name such as count`,
      );
    return { type: 'call', name, args: [this.tree(inner ?? null, [...path, 1])], start };
  }

  private all(list: readonly Json[], path: Path): Tree[] {
    return list.map((one, i) => this.tree(one, [...path, i]));
  }

  private place(path: Path): number {
    const start = this.paths.push(path) - 1;
    if (start >= MAX_PARTS)
      throw new InfixError(start, `more than ${MAX_PARTS} parts; expected fewer in one condition`);
    if (path.length > 2 * MAX_DEPTH)
      throw new InfixError(start, `nested deeper than ${MAX_DEPTH} levels; expected less`);
    return start;
  }
}

/**
 * The tree of a condition in JSON Logic. `start` of its parts, and of the error, is an index into `paths`: where in `logic` it
 * stands. The error is the first mistake of form.
 */
export function readLogic(logic: Json): {
  readonly paths: readonly Path[];
  readonly tree?: Tree;
  readonly error?: InfixError;
} {
  const reader = new Reader();
  try {
    return { paths: reader.paths, tree: reader.tree(logic, []) };
  } catch (thrown) {
    if (!(thrown instanceof InfixError)) throw thrown;
    return { paths: reader.paths, error: thrown };
  }
}

/** Text that looks like a quantity is one, unless it stands beside text: `expression.ts` looks at the other side. */
function literalOf(written: string, start: number): Tree {
  const digits = written.replace(/^-/, '');
  const sign = digits === written ? 1 : -1;
  const ms = parseDuration(digits);
  if (ms !== undefined) return { type: 'number', value: sign * ms, unit: 'duration', written, start };
  if (/^\d+(\.\d+)?%$/.test(digits))
    return { type: 'number', value: sign * percent(digits.slice(0, -1)), unit: 'ratio', written, start };
  return { type: 'text', value: written, start };
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function counted(operands: number): string {
  return operands === 1 ? '1 argument' : `${operands} arguments`;
}

const NOT = 2.5;
const LEAF = 20;

/** The tree of JSON Logic as text that gives the same tree again. `texts`: starts of what looks like a quantity and is text. */
export function writeInfix(tree: Tree, texts: ReadonlySet<number>): string {
  return write(tree, 0, texts);
}

function write(tree: Tree, least: number, texts: ReadonlySet<number>): string {
  const text = unwrapped(tree, texts);
  return binding(tree) < least ? `(${text})` : text;
}

function binding(tree: Tree): number {
  if (tree.type === 'binary') return PRECEDENCE[tree.op];
  return tree.type === 'not' ? NOT : LEAF;
}

function unwrapped(tree: Tree, texts: ReadonlySet<number>): string {
  const list = (all: readonly Tree[]) => all.map(one => write(one, 0, texts)).join(', ');
  switch (tree.type) {
    case 'number':
      if (tree.written === undefined) return String(tree.value);
      return texts.has(tree.start) ? quoted(tree.written) : tree.written;
    case 'text':
      return `"${tree.value.replace(/[\\"]/g, '\\$&')}"`;
    case 'boolean':
      return String(tree.value);
    case 'null':
      return 'null';
    case 'path':
      return tree.path.join('.');
    case 'list':
      return `[${list(tree.items)}]`;
    case 'not':
      return `not ${write(tree.arg, NOT, texts)}`;
    case 'negative':
      return `-${write(tree.arg, LEAF, texts)}`;
    case 'call':
      return `${tree.name}(${list(tree.args)})`;
    case 'binary':
      return binary(tree, texts);
  }
}

/** Without recursion to the left, so that a long chain needs no stack. */
function binary(tree: Extract<Tree, { type: 'binary' }>, texts: ReadonlySet<number>): string {
  const own = PRECEDENCE[tree.op];
  const comparing = own >= PRECEDENCE['=='] && own <= PRECEDENCE['<'];
  const rest: string[] = [];
  let here: Tree = tree;
  while (here.type === 'binary' && here.op === tree.op && (!comparing || here === tree)) {
    rest.push(`${here.op} ${write(here.right, own + 1, texts)}`);
    here = here.left;
  }
  return [write(here, comparing ? own + 1 : own, texts), ...rest.reverse()].join(' ');
}
