/**
 * Expressions: a syntax tree as JSON Logic, with names, fields, types and dimensions checked. The form is the one that the
 * engine compiles. Nothing is evaluated. Pure.
 */
import type { Dimension } from '../model.ts';
import { didYouMean, oneOf } from './diagnostic.ts';
import { calculated, described, isQuantity, isText, mismatch, type Type } from './dimension.ts';
import type { BinaryOp, Tree } from './infix.ts';
import { REDUCERS } from './reducer.ts';
import { noteThreshold } from './threshold.ts';
import { type Found, resolvePath } from './variable.ts';
import { refuse, type Typed, type Walk } from './walk.ts';

/** The JSON Logic of a tree with its type; undefined after noting the mistakes. */
export function convert(tree: Tree, walk: Walk): Typed | undefined {
  switch (tree.type) {
    case 'number':
      return {
        ...constant(tree.value, tree.unit),
        ...(tree.written !== undefined && { written: tree.written }),
      };
    case 'text':
      return constant(tree.value, 'string');
    case 'boolean':
      return constant(tree.value, 'boolean');
    case 'null':
      return refuse(
        walk,
        tree.start,
        'null is no value; expected a number, text, true or false',
        'Write exists(x) to ask whether it is there.',
      );
    case 'list':
      return refuse(walk, tree.start, 'a list stands alone; expected it on the right side of in');
    case 'path':
      return variable(tree, walk);
    case 'not':
      return negation(tree.arg, walk);
    case 'negative':
      return negative(tree.arg, walk);
    case 'call':
      return call(tree, walk);
    case 'binary':
      return binary(tree, walk);
  }
}

function constant(value: number | string | boolean, dimension: Dimension): Typed {
  return { logic: value, type: { dimension, vector: false, literal: true } };
}

function variable(tree: Extract<Tree, { type: 'path' }>, walk: Walk): Typed | undefined {
  const found: Found = resolvePath(tree.path, walk.names, tree.template);
  if (found === 'broken') return undefined;
  if ('message' in found) return refuse(walk, tree.start, found.message, found.hint);
  if (found.root === 'observation') {
    walk.observations.add(found.name);
    if (found.vector && walk.inside) walk.inside.add(found.name);
    else if (found.vector)
      walk.reducers.push({ reducer: 'each', observations: [found.name], underNot: walk.nots > 0 });
  }
  if (found.root === 'before') walk.before.add(found.name);
  if (found.root === 'steps') walk.steps.add(found.name);
  return {
    logic: found.value ?? { var: found.path },
    // A param is a number to be compared with: it fits counts and ratios as a written one does.
    type: { dimension: found.dimension, vector: found.vector, literal: found.root === 'params' },
  };
}

function negation(arg: Tree, walk: Walk): Typed | undefined {
  walk.nots++;
  const typed = convert(arg, walk);
  walk.nots--;
  if (typed === undefined) return undefined;
  if (typed.type.dimension !== 'boolean')
    return refuse(
      walk,
      arg.start,
      `not stands before ${described(typed.type)}; expected a condition`,
      'Write not (a > b), with parentheses.',
    );
  return { logic: { '!': [typed.logic] }, type: { ...typed.type, literal: false } };
}

function negative(arg: Tree, walk: Walk): Typed | undefined {
  const typed = convert(arg, walk);
  if (typed === undefined) return undefined;
  if (!isQuantity(typed.type.dimension))
    return refuse(walk, arg.start, `- stands before ${described(typed.type)}; expected a number`);
  return { logic: { '-': [0, typed.logic] }, type: typed.type };
}

function binary(tree: Extract<Tree, { type: 'binary' }>, walk: Walk): Typed | undefined {
  const { op } = tree;
  if (op === 'and' || op === 'or') return junction(op, tree, walk);
  if (op === 'is')
    return refuse(walk, tree.start, 'is null belongs to filters; expected exists(x) in a condition');
  if (op === 'in') return membership(tree, walk);
  const left = convert(tree.left, walk);
  const right = convert(tree.right, walk);
  if (left === undefined || right === undefined) return undefined;
  if (op === '+' || op === '-' || op === '*' || op === '/' || op === '%')
    return arithmetic(op, tree, left, right, walk);
  return comparison(op, tree, [left, right], walk);
}

function junction(op: 'and' | 'or', tree: Extract<Tree, { type: 'binary' }>, walk: Walk): Typed | undefined {
  const parts = chain(op, tree).map(part => {
    const typed = convert(part, walk);
    if (typed === undefined || typed.type.dimension === 'boolean') return typed;
    return refuse(
      walk,
      part.start,
      `${op} stands beside ${described(typed.type)}; expected a condition on both sides`,
    );
  });
  const known = parts.filter(part => part !== undefined);
  if (known.length < parts.length) return undefined;
  const type: Type = { dimension: 'boolean', vector: known.some(part => part.type.vector), literal: false };
  return { logic: { [op]: known.map(part => part.logic) }, type };
}

/** `a and b and c` as one list, without recursion: the tree leans left. */
function chain(op: 'and' | 'or', tree: Tree): Tree[] {
  const parts: Tree[] = [];
  let here = tree;
  while (here.type === 'binary' && here.op === op) {
    parts.unshift(here.right);
    here = here.left;
  }
  return [here, ...parts];
}

const LOGIC: Readonly<Partial<Record<BinaryOp, string>>> = { '==': '===', '!=': '!==' };

function comparison(
  op: BinaryOp,
  tree: Extract<Tree, { type: 'binary' }>,
  sides: readonly [Typed, Typed],
  walk: Walk,
): Typed | undefined {
  const left = beside(sides[0], sides[1], tree.left, walk);
  const right = beside(sides[1], sides[0], tree.right, walk);
  const unlike = mismatch(left.type, right.type);
  if (unlike) return refuse(walk, odd(tree, left, right).start, `${op}: ${unlike.message}`, unlike.hint);
  if (op !== '==' && op !== '!=' && !isQuantity(left.type.dimension))
    return refuse(walk, tree.start, `${op} orders ${described(left.type)}; expected == or != here`);
  noteThreshold(left.logic, right.logic, walk.thresholds);
  noteThreshold(right.logic, left.logic, walk.thresholds);
  const vector = left.type.vector || right.type.vector;
  return {
    logic: { [LOGIC[op] ?? op]: [left.logic, right.logic] },
    type: { dimension: 'boolean', vector, literal: false },
  };
}

/** A quantity of JSON Logic beside text is text. */
function beside(one: Typed, other: Typed, tree: Tree, walk: Walk): Typed {
  if (one.written === undefined || !isText(other.type.dimension)) return one;
  walk.texts.add(tree.start);
  return constant(one.written, 'string');
}

/** The side that does not fit: the one that is written out, else the right one. */
function odd({ left, right }: Extract<Tree, { type: 'binary' }>, a: Typed, b: Typed): Tree {
  return a.type.literal && !b.type.literal ? left : right;
}

function membership(tree: Extract<Tree, { type: 'binary' }>, walk: Walk): Typed | undefined {
  const left = convert(tree.left, walk);
  const { right } = tree;
  if (right.type !== 'list')
    return refuse(walk, right.start, "in has no list on its right; expected one such as ['a', 'b']");
  if (right.items.length === 0)
    return refuse(walk, right.start, 'the list is empty; expected at least one value');
  const items = right.items.map(item => {
    const found = convert(item, walk);
    const typed = found && left ? beside(found, left, item, walk) : found;
    if (typed && !typed.type.literal)
      return refuse(walk, item.start, 'the list holds a name; expected numbers, texts, true or false');
    const unlike = typed && left ? mismatch(left.type, typed.type) : undefined;
    return unlike ? refuse(walk, item.start, `in: ${unlike.message}`, unlike.hint) : typed;
  });
  const known = items.filter(item => item !== undefined);
  if (left === undefined || known.length < items.length) return undefined;
  const type: Type = { dimension: 'boolean', vector: left.type.vector, literal: false };
  return { logic: { in: [left.logic, known.map(item => item.logic)] }, type };
}

function arithmetic(
  op: '+' | '-' | '*' | '/' | '%',
  tree: Extract<Tree, { type: 'binary' }>,
  left: Typed,
  right: Typed,
  walk: Walk,
): Typed | undefined {
  const dimension = calculated(op, left.type, right.type);
  if (dimension === undefined)
    return refuse(
      walk,
      (isQuantity(left.type.dimension) ? odd(tree, left, right) : tree.left).start,
      `${op} combines ${described(left.type)} with ${described(right.type)}; expected quantities that fit`,
      mismatch(left.type, right.type)?.hint,
    );
  const vector = left.type.vector || right.type.vector;
  const literal = left.type.literal && right.type.literal;
  return { logic: { [op]: [left.logic, right.logic] }, type: { dimension, vector, literal } };
}

const FUNCTIONS = ['abs', 'exists', ...REDUCERS.map(reducer => reducer.name)];

function call(tree: Extract<Tree, { type: 'call' }>, walk: Walk): Typed | undefined {
  const { name, args } = tree;
  if (!FUNCTIONS.includes(name))
    return refuse(
      walk,
      tree.start,
      `${name} is no function; expected ${oneOf(FUNCTIONS)}`,
      didYouMean(name, FUNCTIONS),
    );
  if ((name === 'min' || name === 'max') && args.length > 1) return extreme(name, args, walk);
  const [arg] = args;
  if (arg === undefined || args.length !== 1)
    return refuse(walk, tree.start, `${name} has ${args.length} arguments; expected one`);
  if (name === 'exists') return existence(arg, walk);
  if (name === 'abs') return absolute(arg, walk);
  return reduction(name, arg, tree.start, walk);
}

function extreme(name: 'min' | 'max', args: readonly Tree[], walk: Walk): Typed | undefined {
  const typed = args.map(arg => convert(arg, walk));
  const known = typed.filter(one => one !== undefined);
  const [first] = known;
  if (first === undefined || known.length < args.length) return undefined;
  for (const [i, one] of known.entries()) {
    const start = args[i]?.start ?? 0;
    if (one.type.vector)
      return refuse(walk, start, `${name} of several takes single values; expected no vector`);
    if (!isQuantity(one.type.dimension))
      return refuse(walk, start, `${name} holds ${described(one.type)}; expected a number`);
    const unlike = mismatch(first.type, one.type);
    if (unlike) return refuse(walk, start, `${name}: ${unlike.message}`, unlike.hint);
  }
  const dimension = known.find(one => !one.type.literal)?.type.dimension ?? first.type.dimension;
  const literal = known.every(one => one.type.literal);
  return { logic: { [name]: known.map(one => one.logic) }, type: { dimension, vector: false, literal } };
}

function existence(arg: Tree, walk: Walk): Typed | undefined {
  const typed = convert(arg, walk);
  if (typed === undefined) return undefined;
  if (arg.type !== 'path') return refuse(walk, arg.start, 'exists holds a calculation; expected one name');
  return {
    logic: { exists: [typed.logic] },
    type: { dimension: 'boolean', vector: typed.type.vector, literal: false },
  };
}

function absolute(arg: Tree, walk: Walk): Typed | undefined {
  const typed = convert(arg, walk);
  if (typed === undefined) return undefined;
  if (!isQuantity(typed.type.dimension))
    return refuse(walk, arg.start, `abs holds ${described(typed.type)}; expected a number`);
  return { logic: { abs: [typed.logic] }, type: typed.type };
}

function reduction(name: string, arg: Tree, start: number, walk: Walk): Typed | undefined {
  if (walk.inside)
    return refuse(
      walk,
      start,
      `${name} stands within another reducer; expected one reducer around the vector`,
    );
  const inside = new Set<string>();
  walk.inside = inside;
  const typed = convert(arg, walk);
  walk.inside = undefined;
  if (typed === undefined) return undefined;
  if (!typed.type.vector)
    return refuse(
      walk,
      start,
      `${name} reduces a single value; expected a vector, one value per label set`,
      'Leave the reducer out.',
    );
  const reducer = REDUCERS.find(one => one.name === name);
  const takesConditions = reducer?.takes === 'conditions';
  if (takesConditions && typed.type.dimension !== 'boolean')
    return refuse(
      walk,
      arg.start,
      `${name} reduces ${described(typed.type)}; expected a condition, such as ${name}(psi > 0.2)`,
    );
  if (!takesConditions && !isQuantity(typed.type.dimension))
    return refuse(walk, arg.start, `${name} reduces ${described(typed.type)}; expected a number`);
  walk.reducers.push({ reducer: name, observations: [...inside], underNot: walk.nots > 0 });
  const dimension = reducer?.gives ?? typed.type.dimension;
  return { logic: { reduce: [name, typed.logic] }, type: { dimension, vector: false, literal: false } };
}
