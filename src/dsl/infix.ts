/**
 * Infix text as a syntax tree, by jsep with a plugin for glued units, words as operators and `${…}` paths. Nothing is ever
 * evaluated. jsep keeps its grammar in module state, so it is set here once, and no other file imports jsep. Pure.
 */
import jsep from 'jsep';
import { didYouMean, oneOf } from './diagnostic.ts';
import { parseDuration, percent, UNITS_MS } from './quantity.ts';
import { templatePath } from './template.ts';

/** A literal's dimension: a bare number has none of its own. */
export type LiteralUnit = 'number' | 'duration' | 'ratio';

/** `start` counts characters of the text from 0. */
export type Tree =
  | {
      readonly type: 'number';
      readonly value: number;
      readonly unit: LiteralUnit;
      /** As JSON Logic has it, where a quantity is text. */
      readonly written?: string;
      readonly start: number;
    }
  | { readonly type: 'text'; readonly value: string; readonly start: number }
  | { readonly type: 'boolean'; readonly value: boolean; readonly start: number }
  | { readonly type: 'null'; readonly start: number }
  /** A name with its members; `template` when it was written as `${…}`. */
  | {
      readonly type: 'path';
      readonly path: readonly string[];
      readonly template: boolean;
      readonly start: number;
    }
  | { readonly type: 'call'; readonly name: string; readonly args: readonly Tree[]; readonly start: number }
  | { readonly type: 'list'; readonly items: readonly Tree[]; readonly start: number }
  | { readonly type: 'not'; readonly arg: Tree; readonly start: number }
  | { readonly type: 'negative'; readonly arg: Tree; readonly start: number }
  | {
      readonly type: 'binary';
      readonly op: BinaryOp;
      readonly left: Tree;
      readonly right: Tree;
      readonly start: number;
    };

export type BinaryOp = keyof typeof PRECEDENCE;

/** How tightly operators bind. */
export const PRECEDENCE = {
  or: 1,
  and: 2,
  '==': 6,
  '!=': 6,
  '<': 7,
  '>': 7,
  '<=': 7,
  '>=': 7,
  in: 7,
  is: 7,
  '+': 9,
  '-': 9,
  '*': 10,
  '/': 10,
  '%': 10,
} as const;

const ALIASES: Readonly<Record<string, BinaryOp>> = { '&&': 'and', '||': 'or' };
/** Operators of other languages: parsed so that the message can name the right one. */
const FOREIGN: Readonly<Record<string, { readonly precedence: number; readonly instead: string }>> = {
  '===': { precedence: 6, instead: '==' },
  '!==': { precedence: 6, instead: '!=' },
  '<>': { precedence: 6, instead: '!=' },
  '=': { precedence: 0.5, instead: '==' },
  '&': { precedence: 5, instead: 'and' },
  '|': { precedence: 3, instead: 'or' },
};

const MAX_CHARACTERS = 2000;
const MAX_DEPTH = 60;

/** A mistake at a character of the text. */
export class InfixError extends Error {
  readonly index: number;
  readonly hint: string | undefined;
  constructor(index: number, message: string, hint?: string) {
    super(message);
    this.index = index;
    this.hint = hint;
  }
}

/** jsep's node with what the plugin adds: where it starts, and whether it stood in parentheses. */
interface Node extends jsep.Expression {
  start?: number;
  grouped?: boolean;
}

interface Parser {
  index: number;
  readonly expr: string;
  /** Starts of the tokens that are being read, outermost first. */
  starts?: number[];
}

interface Env {
  node?: Node | false;
}

jsep.plugins.register({
  name: 'flyball',
  init() {
    jsep.removeAllBinaryOps();
    jsep.removeAllUnaryOps();
    jsep.removeAllLiterals();
    for (const [op, precedence] of Object.entries(PRECEDENCE)) jsep.addBinaryOp(op, precedence);
    for (const [op, name] of Object.entries(ALIASES)) jsep.addBinaryOp(op, PRECEDENCE[name]);
    for (const [op, { precedence }] of Object.entries(FOREIGN)) jsep.addBinaryOp(op, precedence);
    for (const op of ['not', '!', '-']) jsep.addUnaryOp(op);
    for (const [literal, value] of Object.entries({ true: true, false: false, null: null }))
      jsep.addLiteral(literal, value);
    // The core build brings the ternary operator; this language has none.
    delete (jsep.hooks as unknown as Record<string, unknown>)['after-expression'];
    jsep.hooks.add('gobble-token', function (env) {
      openToken(this, env as Env);
    });
    jsep.hooks.add('after-token', function (env) {
      closeToken(this, env as Env);
    });
  },
});

function openToken(parser: Parser, env: Env): void {
  parser.starts ??= [];
  parser.starts.push(parser.index);
  if (parser.starts.length > MAX_DEPTH)
    throw new InfixError(parser.index, `nested deeper than ${MAX_DEPTH} levels; expected less`);
  const rest = parser.expr.slice(parser.index);
  if (rest.startsWith(`\${`)) env.node = gobbleTemplate(parser, rest);
  else if (/^\.?\d/.test(rest)) env.node = gobbleNumber(parser, rest);
}

function closeToken(parser: Parser, env: Env): void {
  const start = parser.starts?.pop() ?? 0;
  if (!env.node) return;
  if (parser.expr.charAt(start) === '(') env.node.grouped = true;
  env.node.start ??= start;
}

function gobbleTemplate(parser: Parser, rest: string): Node {
  const end = rest.indexOf('}');
  const path = end < 0 ? undefined : templatePath(rest.slice(0, end + 1));
  if (path === undefined)
    throw new InfixError(parser.index, `this is no path; expected \${ with dotted names and a closing }`);
  parser.index += end + 1;
  return { type: 'Template', path };
}

function gobbleNumber(parser: Parser, rest: string): Node {
  const compound = /^(\d+(?:\.\d+)?(?:ms|[smhdw]))+(?![\w%.])/.exec(rest)?.[0];
  if (compound !== undefined) {
    const value = parseDuration(compound);
    if (value === undefined)
      throw new InfixError(parser.index, `${compound} is too long; expected a shorter duration`);
    parser.index += compound.length;
    return { type: 'Number', value, unit: 'duration' };
  }
  const [all, digits = '', unit = ''] = /^((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([A-Za-z%_][\w]*)?/.exec(
    rest,
  ) ?? [''];
  const value = unit === '%' ? percent(digits) : unit === 'k' ? Number(digits) * 1000 : Number(digits);
  if (!['', '%', 'k'].includes(unit)) {
    const known = [...Object.keys(UNITS_MS), '%', 'k'];
    throw new InfixError(
      parser.index,
      `${all} has no known unit; expected ${oneOf(known)} after a number`,
      didYouMean(unit, known),
    );
  }
  if (!Number.isFinite(value))
    throw new InfixError(parser.index, `${all} is too large; expected a finite number`);
  parser.index += all.length;
  return { type: 'Number', value, unit: unit === '%' ? 'ratio' : 'number' };
}

/** The tree of one expression. Throws `InfixError` and nothing else. */
export function parseInfix(text: string): Tree {
  if (text.length > MAX_CHARACTERS)
    throw new InfixError(
      0,
      `${text.length} characters; expected at most ${MAX_CHARACTERS} in one expression`,
    );
  // jsep skips separators between expressions; here they have no meaning.
  const stray = /;|,\s*(?=[,)\]]|$)|(?<=[([]\s*),/.exec(
    text.replace(/"(\\.|[^"\\])*"|'(\\.|[^'\\])*'/g, quote => 'x'.repeat(quote.length)),
  );
  if (stray)
    throw new InfixError(
      stray.index,
      `a stray ${JSON.stringify(stray[0].charAt(0))}; expected an expression without it`,
    );
  let node: Node;
  try {
    node = jsep(text) as Node;
  } catch (thrown) {
    throw rephrased(thrown, text);
  }
  if (node.type === 'Compound') {
    const second = (node.body as Node[])[1];
    if (second === undefined) throw new InfixError(0, 'nothing is written; expected an expression');
    throw new InfixError(
      startOf(second),
      'two expressions stand side by side; expected an operator between them, such as and',
    );
  }
  return treeOf(node);
}

function rephrased(thrown: unknown, text: string): InfixError {
  if (thrown instanceof InfixError) return thrown;
  const { index, description } = thrown as { index?: number; description?: string };
  const at = Math.min(typeof index === 'number' ? index : 0, Math.max(0, text.length - 1));
  const afterPercent = /Expected expression after %/.test(description ?? '');
  return new InfixError(
    at,
    `${(description ?? 'not readable')
      .replace(/^Unexpected $/, 'unexpected end')
      .replace(/^Unexpected/, 'unexpected')
      .replace(/^(Expected|Unclosed|Missing)/, word => word.toLowerCase())}; expected a complete expression`,
    afterPercent ? 'A percentage is written without a space, such as 5%.' : undefined,
  );
}

function treeOf(node: Node): Tree {
  const start = node.start ?? 0;
  switch (node.type) {
    case 'Number':
      return { type: 'number', value: node.value as number, unit: node.unit as LiteralUnit, start };
    case 'Template':
      return { type: 'path', path: String(node.path).split('.'), template: true, start };
    case 'Literal':
      return literal(node, start);
    case 'Identifier':
    case 'ThisExpression':
    case 'MemberExpression':
      return { type: 'path', path: memberPath(node, start), template: false, start };
    case 'CallExpression':
      return call(node, start);
    case 'ArrayExpression':
      return { type: 'list', items: (node.elements as (Node | null)[]).map(one => item(one, start)), start };
    case 'UnaryExpression':
      return unary(node, start);
    case 'BinaryExpression':
      return binary(node);
    default:
      throw new InfixError(
        start,
        'this form is not in the language; expected names, numbers, texts, operators and calls',
      );
  }
}

function literal(node: Node, start: number): Tree {
  const { value } = node;
  if (value === null) return { type: 'null', start };
  if (typeof value === 'boolean') return { type: 'boolean', value, start };
  const text = String(value);
  const stray = /\\([^nrtbfv\\'"])/.exec(String(node.raw).replace(/\\\\/g, '  '));
  if (stray)
    throw new InfixError(
      start + stray.index,
      `\\${stray[1]} is no escape; expected \\\\, \\', \\", \\n, \\r, \\t, \\b, \\f or \\v`,
      'Write the character itself, or \\\\ for a backslash.',
    );
  if (!text.isWellFormed())
    throw new InfixError(start, 'the text holds half a character; expected Unicode text');
  return { type: 'text', value: text, start };
}

function item(node: Node | null, start: number): Tree {
  if (node === null) throw new InfixError(start, 'the list has a gap; expected a value between two commas');
  return treeOf(node);
}

function memberPath(node: Node, start: number): string[] {
  if (node.type === 'ThisExpression') return ['this'];
  if (node.type === 'Identifier') return [String(node.name)];
  if (node.type !== 'MemberExpression' || node.computed || node.optional)
    throw new InfixError(start, 'members are written with dots; expected a path such as perf.rows');
  return [...memberPath(node.object as Node, start), ...memberPath(node.property as Node, start)];
}

function call(node: Node, start: number): Tree {
  const callee = node.callee as Node;
  if (callee.type !== 'Identifier')
    throw new InfixError(start, 'only named functions can be called; expected one such as abs(x)');
  return {
    type: 'call',
    name: String(callee.name),
    args: (node.arguments as (Node | null)[]).map(one => item(one, start)),
    start,
  };
}

function unary(node: Node, start: number): Tree {
  const arg = treeOf(node.argument as Node);
  if (node.operator !== '-') return { type: 'not', arg, start };
  return arg.type === 'number' ? { ...arg, value: -arg.value, start } : { type: 'negative', arg, start };
}

function binary(node: Node): Tree {
  const op = String(node.operator);
  const left = node.left as Node;
  const foreign = FOREIGN[op];
  if (foreign)
    throw new InfixError(
      startOf(left),
      `${op} is not an operator here; expected ${foreign.instead}`,
      `Write ${foreign.instead}.`,
    );
  const name = ALIASES[op] ?? (op as BinaryOp);
  // jsep binds `not` to the next word alone; people mean the whole comparison, as in Python and SQL.
  const first = name === 'and' || name === 'or' ? undefined : leadingNot(left);
  if (first) {
    const start = first.start ?? 0;
    return { type: 'not', arg: treeOf(withoutLeadingNot(node)), start };
  }
  const tree = treeOf(left);
  return { type: 'binary', op: name, left: tree, right: treeOf(node.right as Node), start: tree.start };
}

function startOf(node: Node): number {
  return node.start ?? (node.type === 'BinaryExpression' ? startOf(node.left as Node) : 0);
}

function leadingNot(node: Node): Node | undefined {
  if (node.grouped) return undefined;
  if (node.type === 'UnaryExpression' && node.operator === 'not') return node;
  return node.type === 'BinaryExpression' ? leadingNot(node.left as Node) : undefined;
}

function withoutLeadingNot(node: Node): Node {
  if (node.type === 'UnaryExpression') return node.argument as Node;
  return { ...node, left: withoutLeadingNot(node.left as Node) };
}
