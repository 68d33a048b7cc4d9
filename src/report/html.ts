/** HTML that is escaped by construction: what stands in a template is text, and only templates are markup. Pure. */

/** Markup. It comes from `html` alone. */
export class Html {
  readonly #text: string;
  constructor(text: string, key: symbol) {
    if (key !== OWN) throw new Error('flyball bug: markup is made by html alone');
    this.#text = text;
  }
  toString(): string {
    return this.#text;
  }
}

const OWN = Symbol('own');

type Part = string | number | Html | undefined | readonly Part[];

/** A template of markup: values are escaped, templates in it are not, lists are joined, undefined is nothing. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const text = strings.reduce((before, string, i) => `${before}${rendered(parts[i - 1])}${string}`);
  return new Html(text, OWN);
}

/** Text that was written by us for a `<style>` element, which knows no escapes. */
export function styleElement(css: string): Html {
  if (css.includes('</')) throw new Error('flyball bug: a style sheet with markup in it');
  return new Html(`<style>${css}</style>`, OWN);
}

function rendered(part: Part): string {
  if (part === undefined) return '';
  if (part instanceof Html) return String(part);
  if (typeof part === 'object') return part.map(rendered).join('');
  return escaped(String(part));
}

/** Names and messages come from repositories and measured systems: they never become markup. */
export function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
