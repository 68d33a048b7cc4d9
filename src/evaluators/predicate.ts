/** Renders a predicate tree to SQL. Text never passes through: only quoted identifiers and escaped literals do. */
import { assert, type Dialect, never, type Predicate, type Scalar, type Slot } from '../model.ts';

/**
 * A boolean SQL expression in parentheses. Two-valued: a comparison with a NULL is false, so that `not` (and `!=`) hold for
 * NULLs, and a predicate and its negation divide the rows between them. Slots must be filled before.
 *
 * @example predicateSql({ op: '==', column: 'origin', value: 'ORD' }, dialect) // → (("origin" = 'ORD'))
 */
export function predicateSql(tree: Predicate, dialect: Dialect): string {
  switch (tree.op) {
    case 'and':
    case 'or':
      return join(tree.op, tree.args, dialect);
    case 'not':
      // SQL's NULL counts as false before it is negated.
      return `(NOT coalesce(${predicateSql(tree.arg, dialect)}, FALSE))`;
    case 'is-null':
      return `(${dialect.identifier(tree.column)} IS NULL)`;
    case 'in':
      return membership(tree.column, tree.values, dialect);
    case '!=':
      return `(${dialect.identifier(tree.column)} IS DISTINCT FROM ${literal(tree.value, dialect)})`;
    case '==':
    case '<':
    case '<=':
    case '>':
    case '>=': {
      const operator = tree.op === '==' ? '=' : tree.op;
      return `(${dialect.identifier(tree.column)} ${operator} ${literal(tree.value, dialect)})`;
    }
    default:
      return never(tree);
  }
}

function join(op: 'and' | 'or', args: readonly Predicate[], dialect: Dialect): string {
  if (args.length === 0) return op === 'and' ? '(TRUE)' : '(FALSE)';
  return `(${args.map(arg => predicateSql(arg, dialect)).join(op === 'and' ? ' AND ' : ' OR ')})`;
}

function membership(column: string, values: readonly Scalar[] | Slot, dialect: Dialect): string {
  assert(!isSlot(values), `a predicate over ${column} still has an empty slot`);
  if (values.length === 0) return '(FALSE)';
  return `(${dialect.identifier(column)} IN (${values.map(v => dialect.literal(v)).join(', ')}))`;
}

function literal(value: Scalar | Slot, dialect: Dialect): string {
  assert(!isSlot(value), 'a predicate still has an empty slot');
  return dialect.literal(value);
}

function isSlot(value: Scalar | Slot | readonly Scalar[]): value is Slot {
  return typeof value === 'object' && !Array.isArray(value);
}

/** The distinct columns that a predicate reads, in order of appearance. */
export function predicateColumns(tree: Predicate): readonly string[] {
  switch (tree.op) {
    case 'and':
    case 'or':
      return [...new Set(tree.args.flatMap(predicateColumns))];
    case 'not':
      return predicateColumns(tree.arg);
    default:
      return [tree.column];
  }
}
