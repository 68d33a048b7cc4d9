/** Row filters: text over segment columns and literals as a tree. The text never survives, so it cannot reach SQL. Pure. */
import type { ColumnSpec, Diagnostic, Position, Predicate, Scalar, Slot } from '../model.ts';
import { didYouMean, error, oneOf } from './diagnostic.ts';
import { InfixError, parseInfix, type Tree } from './infix.ts';
import { parseTime } from './quantity.ts';

/** What a `${…}` of a filter stands for: one value, or a list of them; or why it cannot stand there. */
export type Filled =
  | { readonly slot: Slot; readonly list: boolean }
  /** Known already: a param, or the target's own data. */
  | { readonly value: Scalar }
  | { readonly message: string; readonly hint?: string };

export interface Filter {
  readonly dataset: string;
  readonly columns: Readonly<Record<string, ColumnSpec>>;
  /** Absent: no templates may stand in it. */
  readonly fill?: (path: readonly string[]) => Filled;
  readonly at: (index: number) => Position;
}

type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=';
const COMPARISONS: readonly string[] = ['==', '!=', '<', '<=', '>', '>='];

/** The tree of a filter's text, or every mistake in it. */
export function parsePredicate(
  text: string,
  filter: Filter,
): { readonly predicate?: Predicate; readonly diagnostics: readonly Diagnostic[] } {
  const diagnostics: Diagnostic[] = [];
  const refuse: Refuse = (index, message, hint) => {
    diagnostics.push(error(filter.at(index), message, hint));
    return undefined;
  };
  try {
    const predicate = convert(parseInfix(text), filter, refuse);
    return predicate === undefined || diagnostics.length > 0 ? { diagnostics } : { predicate, diagnostics };
  } catch (thrown) {
    if (!(thrown instanceof InfixError)) throw thrown;
    refuse(thrown.index, thrown.message, thrown.hint);
    return { diagnostics };
  }
}

type Refuse = (index: number, message: string, hint?: string) => undefined;

function convert(tree: Tree, filter: Filter, refuse: Refuse): Predicate | undefined {
  if (tree.type === 'not') {
    const arg = convert(tree.arg, filter, refuse);
    return arg && { op: 'not', arg };
  }
  if (tree.type !== 'binary')
    return refuse(
      tree.start,
      "this is no comparison; expected one such as origin == 'ORD'",
      booleanHint(tree),
    );
  const { op } = tree;
  if (op === 'and' || op === 'or') {
    const [left, right] = [convert(tree.left, filter, refuse), convert(tree.right, filter, refuse)];
    // Both sides are looked at first, so that all mistakes are told at once.
    return left && right && { op, args: [...parts(op, left), right] };
  }
  const column = columnOf(tree.left, filter, refuse);
  if (op === 'is') return nullness(column?.name, tree.right, refuse);
  if (op === 'in') return membership(column, tree.right, filter, refuse);
  if (COMPARISONS.includes(op)) return comparison(op as Comparison, column, tree.right, filter, refuse);
  return refuse(tree.start, `${op} calculates; expected a comparison of one column with literals`);
}

function parts(op: 'and' | 'or', left: Predicate): readonly Predicate[] {
  return left.op === op ? left.args : [left];
}

function booleanHint(tree: Tree): string | undefined {
  return tree.type === 'path' && !tree.template ? `Write ${tree.path.join('.')} == true.` : undefined;
}

interface Column {
  readonly name: string;
  readonly type: ColumnSpec['type'];
}

function columnOf(tree: Tree, filter: Filter, refuse: Refuse): Column | undefined {
  if (tree.type !== 'path' || tree.template)
    return refuse(
      tree.start,
      'the left side is no column; expected a column on the left and a literal on the right',
    );
  const name = tree.path.join('.');
  const column = Object.hasOwn(filter.columns, name) ? filter.columns[name] : undefined;
  const segments = Object.keys(filter.columns).filter(key => filter.columns[key]?.segment === true);
  if (column === undefined)
    return refuse(
      tree.start,
      `dataset ${filter.dataset} has no column ${name}; expected ${oneOf(segments)}`,
      didYouMean(name, segments),
    );
  if (column.segment !== true)
    return refuse(
      tree.start,
      `column ${name} of dataset ${filter.dataset} is no segment; expected ${oneOf(segments)}`,
      `Say segment: true on the column if rows may be chosen by it.`,
    );
  return { name, type: column.type };
}

function nullness(column: string | undefined, right: Tree, refuse: Refuse): Predicate | undefined {
  const negated = right.type === 'not';
  const operand = negated ? right.arg : right;
  if (operand.type !== 'null')
    return refuse(right.start, 'is stands before something else; expected is null or is not null');
  if (column === undefined) return undefined;
  const isNull: Predicate = { op: 'is-null', column };
  return negated ? { op: 'not', arg: isNull } : isNull;
}

function membership(
  column: Column | undefined,
  right: Tree,
  filter: Filter,
  refuse: Refuse,
): Predicate | undefined {
  if (right.type === 'path' && right.template) {
    const filled = fill(right, filter, refuse);
    if (filled === undefined) return undefined;
    if ('value' in filled || !filled.list)
      return refuse(right.start, 'in has one value on its right; expected a list, or == in place of in');
    return column && { op: 'in', column: column.name, values: filled.slot };
  }
  if (right.type !== 'list')
    return refuse(right.start, "in has no list on its right; expected one such as ['ORD', 'MSP']");
  if (right.items.length === 0) return refuse(right.start, 'the list is empty; expected at least one value');
  const values = right.items.map(item => literal(item, column, refuse));
  const known = values.filter(value => value !== undefined);
  return column && known.length === values.length
    ? { op: 'in', column: column.name, values: known }
    : undefined;
}

function comparison(
  op: Comparison,
  column: Column | undefined,
  right: Tree,
  filter: Filter,
  refuse: Refuse,
): Predicate | undefined {
  if (column?.type === 'boolean' && op !== '==' && op !== '!=')
    return refuse(
      right.start,
      `${op} orders column ${column.name}, which is true or false; expected == or !=`,
    );
  if (right.type === 'path' && right.template) {
    const filled = fill(right, filter, refuse);
    if (filled === undefined) return undefined;
    if ('value' in filled) return constant(op, column, right, filled.value, refuse);
    if (filled.list)
      return refuse(
        right.start,
        `${op} has a list on its right; expected in, or one value such as \${worst.…}`,
      );
    return column && { op, column: column.name, value: filled.slot };
  }
  const value = literal(right, column, refuse);
  return column && value !== undefined ? { op, column: column.name, value } : undefined;
}

/** A value that a template stands for is checked as one that is written. */
function constant(
  op: Comparison,
  column: Column | undefined,
  { start }: Tree,
  value: Scalar,
  refuse: Refuse,
): Predicate | undefined {
  const tree: Tree =
    typeof value === 'string'
      ? { type: 'text', value, start }
      : typeof value === 'number'
        ? { type: 'number', value, unit: 'number', start }
        : { type: 'boolean', value, start };
  const checked = literal(tree, column, refuse);
  return column && checked !== undefined ? { op, column: column.name, value: checked } : undefined;
}

function fill(
  tree: Extract<Tree, { type: 'path' }>,
  filter: Filter,
  refuse: Refuse,
): Exclude<Filled, { readonly message: string }> | undefined {
  if (filter.fill === undefined)
    return refuse(tree.start, 'a template stands in a filter of an observation; expected literals');
  const filled = filter.fill(tree.path);
  return 'message' in filled ? refuse(tree.start, filled.message, filled.hint) : filled;
}

const LITERALS: Readonly<Record<ColumnSpec['type'], string>> = {
  number: 'a number',
  integer: 'a whole number',
  string: "text in quotes, such as 'ORD'",
  boolean: 'true or false',
  timestamp: "a time in quotes, such as '2001-01-31'",
};

function literal(tree: Tree, column: Column | undefined, refuse: Refuse): Scalar | undefined {
  if (tree.type === 'null') return refuse(tree.start, 'null equals nothing; expected is null or is not null');
  if (tree.type !== 'number' && tree.type !== 'text' && tree.type !== 'boolean')
    return refuse(
      tree.start,
      'the right side is no literal; expected a number, text in quotes, true or false',
      textHint(tree),
    );
  if (column === undefined || fits(tree, column.type)) return tree.value;
  return refuse(
    tree.start,
    `column ${column.name} is of type ${column.type}, and this is ${JSON.stringify(tree.value)}; expected ${LITERALS[column.type]}`,
  );
}

function textHint(tree: Tree): string | undefined {
  return tree.type === 'path' && !tree.template
    ? `Write '${tree.path.join('.')}' in quotes if it is text.`
    : undefined;
}

function fits(
  tree: Extract<Tree, { type: 'number' | 'text' | 'boolean' }>,
  type: ColumnSpec['type'],
): boolean {
  if (tree.type === 'boolean') return type === 'boolean';
  if (tree.type === 'number')
    return type === 'number' || (type === 'integer' && Number.isSafeInteger(tree.value));
  return type === 'string' || (type === 'timestamp' && parseTime(tree.value) !== undefined);
}
