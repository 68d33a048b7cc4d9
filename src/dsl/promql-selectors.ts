/** The series selectors of a PromQL text: what must be there for the query to say anything. A reading aid, not a parser. Pure. */

/** Words before a parenthesis that name labels, not series. */
const LABEL_LISTS = ['by', 'without', 'on', 'ignoring', 'group_left', 'group_right'];
const WORDS = [...LABEL_LISTS, ...['and', 'or', 'unless', 'atan2', 'bool', 'offset', 'inf', 'nan']];
const NAME = /[A-Za-z_:][A-Za-z0-9_:]*/y;
const SPACE = /\s*/y;

/**
 * The selectors, each once, in order: `http_requests_total{code=~"5.."}`, without ranges and offsets. Functions, aggregations,
 * labels and comments are none. For a text that is no PromQL it gives what looks like one.
 */
export function selectorsOf(promql: string): readonly string[] {
  const found = new Set<string>();
  let at = 0;
  while (at < promql.length) {
    const after = past(promql, at);
    if (after > at) {
      at = after;
      continue;
    }
    const name = matched(NAME, promql, at);
    const end = at + name.length;
    const next = end + matched(SPACE, promql, end).length;
    if (promql[next] === '{') {
      const close = closing(promql, next, '{', '}');
      found.add(`${name}${promql.slice(next, close)}`);
      at = close;
    } else if (name === '') {
      at++;
    } else if (promql[next] === '(' && LABEL_LISTS.includes(name.toLowerCase())) {
      at = closing(promql, next, '(', ')');
    } else {
      if (promql[next] !== '(' && !WORDS.includes(name.toLowerCase()) && !isAggregation(promql, next))
        found.add(name);
      at = end;
    }
  }
  return [...found];
}

/** `sum by (…) (…)`: the name stands before its grouping. */
function isAggregation(promql: string, at: number): boolean {
  return /^(by|without)\s*\(/i.test(promql.slice(at, at + 64));
}

/** Past a text in quotes, a comment, a range in brackets, or a number with its unit; where it was when there is none. */
function past(promql: string, at: number): number {
  const character = promql[at] ?? '';
  if (character === '#') return endOf(promql.indexOf('\n', at), promql);
  if (character === '[') return closing(promql, at, '[', ']');
  if ('"\'`'.includes(character)) return quotedEnd(promql, at, character);
  const number = /(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+|[A-Za-z0-9]*)/y;
  return at + matched(number, promql, at).length;
}

function quotedEnd(promql: string, from: number, quote: string): number {
  for (let at = from + 1; at < promql.length; at++) {
    if (promql[at] === '\\' && quote !== '`') at++;
    else if (promql[at] === quote) return at + 1;
  }
  return promql.length;
}

/** After the bracket that closes the one at `from`; brackets within quotes do not count. */
function closing(promql: string, from: number, opens: string, closes: string): number {
  let depth = 0;
  for (let at = from; at < promql.length; ) {
    const character = promql[at] ?? '';
    if ('"\'`'.includes(character)) {
      at = quotedEnd(promql, at, character);
      continue;
    }
    if (character === opens) depth++;
    if (character === closes && --depth === 0) return at + 1;
    at++;
  }
  return promql.length;
}

function endOf(index: number, promql: string): number {
  return index < 0 ? promql.length : index + 1;
}

function matched(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
}
