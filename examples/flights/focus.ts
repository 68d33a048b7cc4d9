/** The row filter that a training run is given, rendered to SQL from its tree. Text from outside is never SQL. */
import type { Predicate, Scalar } from '../../src/model.ts';
import { literal } from './warehouse.ts';

/** The columns that a filter may name, with the type that a value compared with them must have. */
const segments: Readonly<Record<string, 'string' | 'number'>> = {
  origin: 'string',
  destination: 'string',
  hour: 'number',
  weekday: 'number',
  distance: 'number',
};

const comparisons: Readonly<Record<string, string>> = {
  '==': '=',
  '!=': '<>',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
};

const valuesMax = 1000;
const depthMax = 20;

/**
 * SQL of a predicate tree: a boolean expression in parentheses that is never null. Throws when the tree names another
 * column than a segment, compares with a value of another type, or is no predicate at all.
 *
 * @example renderFocus({ op: 'in', column: 'origin', values: ['ORD'] }) // → "((origin IN ('ORD')) IS TRUE)"
 */
export function renderFocus(tree: unknown): string {
  return `((${render(tree, 0)}) IS TRUE)`;
}

function render(tree: unknown, depth: number): string {
  if (depth > depthMax) throw refused(tree, `at most ${depthMax} levels`);
  if (typeof tree !== 'object' || tree === null || Array.isArray(tree))
    throw refused(tree, 'a predicate tree');
  const node = tree as Partial<Record<string, unknown>> & { readonly op?: Predicate['op'] };
  switch (node.op) {
    case 'and':
    case 'or': {
      if (!Array.isArray(node.args) || node.args.length === 0) throw refused(node, 'args, at least one');
      return node.args.map(arg => `(${render(arg, depth + 1)})`).join(node.op === 'and' ? ' AND ' : ' OR ');
    }
    case 'not':
      return `NOT (${render(node.arg, depth + 1)})`;
    case '==':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return `${column(node.column)} ${comparisons[node.op]} ${value(node.column, node.value)}`;
    case 'in': {
      if (!Array.isArray(node.values) || node.values.length === 0 || node.values.length > valuesMax)
        throw refused(node, `values, 1 to ${valuesMax}`);
      return `${column(node.column)} IN (${node.values.map(each => value(node.column, each)).join(', ')})`;
    }
    case 'is-null':
      return `${column(node.column)} IS NULL`;
    case undefined:
      throw refused(node, 'an op');
    default: {
      const unknown: never = node.op;
      throw refused(unknown, 'and, or, not, a comparison, in or is-null');
    }
  }
}

function column(name: unknown): string {
  if (typeof name === 'string' && Object.hasOwn(segments, name)) return name;
  throw refused(name, `a segment column: ${Object.keys(segments).join(', ')}`);
}

function value(name: unknown, scalar: unknown): string {
  const type = segments[String(name)];
  if (typeof scalar !== type) throw refused(scalar, `a ${type} for ${String(name)}`);
  const checked = scalar as Scalar;
  if (typeof checked === 'string') return literal(checked);
  if (typeof checked === 'number' && Number.isFinite(checked)) return String(checked);
  throw refused(scalar, 'a finite number');
}

function refused(found: unknown, expected: string): Error {
  return new Error(`focus: ${JSON.stringify(found)?.slice(0, 200)}; expected ${expected}`);
}
