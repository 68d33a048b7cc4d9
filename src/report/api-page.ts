/** The HTTP API as a page to be read: every call with its inputs and what it needs. Pure. */
import { html } from './html.ts';
import { type Frame, pageOf, table } from './page.ts';

export interface ShownCall {
  readonly path: string;
  readonly methods: readonly string[];
  readonly title: string;
  readonly description: string;
  readonly role: string;
  readonly inputs: readonly {
    readonly name: string;
    readonly type: string;
    readonly required: boolean;
    readonly description: string;
  }[];
}

export interface ApiPageParts extends Frame {
  /** Headings in order, with their calls. */
  readonly groups: readonly { readonly name: string; readonly calls: readonly ShownCall[] }[];
  readonly document: string;
}

/** The page. `document` is where the OpenAPI document is. */
export function apiPage({ groups, document, ...frame }: ApiPageParts): string {
  const body = html`<h1>HTTP API</h1>
<p>Each call is a command of Flyball, as the command line has it. Send <code>Authorization: Bearer TOKEN</code>; <code>flyball token create</code> makes one. A write under an <code>Idempotency-Key</code> is done once. Errors are problem details. The same as OpenAPI: <a href="${document}">${document}</a>.</p>
${groups.map(({ name, calls }) => html`<h2>${name}</h2>${calls.map(call)}`)}`;
  return pageOf({ title: 'HTTP API', body, ...frame });
}

function call({ path, methods, title, description, role, inputs }: ShownCall) {
  const lines = inputs.map(one => [
    html`<code>${one.name}</code>${one.required ? html` <strong>required</strong>` : undefined}`,
    one.type,
    one.description,
  ]);
  return html`<section><h3><code>${methods.join(' ')} ${path}</code></h3>
<p><strong>${title}.</strong> ${description} Role: ${role}.</p>
${lines.length === 0 ? undefined : table(['Input', 'Type', 'What it is'], lines)}</section>
`;
}
