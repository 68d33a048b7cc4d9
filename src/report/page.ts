/** The frame of the daemon's pages, and parts that several of them share. It loads nothing and runs nothing. Pure. */
import { type Html, html, styleElement } from './html.ts';
import { PAGE_STYLE } from './page-style.ts';

/** Who looks, and where. */
export interface Frame {
  readonly env: string;
  /** Absent: nobody is logged in. */
  readonly who?: {
    readonly name: string;
    readonly authenticated: boolean;
    /** Of the form that logs out; absent where there is no login. */
    readonly logout?: string;
  };
}

export interface PageParts extends Frame {
  readonly title: string;
  readonly body: Html;
  /** A path of this daemon to which the browser goes by itself. */
  readonly goesTo?: string;
}

/** The whole page, as text. */
export function pageOf({ title, env, who, body, goesTo }: PageParts): string {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${goesTo === undefined ? undefined : html`<meta http-equiv="refresh" content="0;url=${goesTo}">`}
<title>${title} · Flyball ${env}</title>
${styleElement(PAGE_STYLE)}
</head>
<body>
<header class="top"><strong>Flyball</strong> <span>${env}</span> <nav aria-label="Pages"><a href="/approvals">Approvals</a></nav>${who && whoami(who)}</header>
<main>
${body}
</main>
</body>
</html>
`;
  return String(page);
}

function whoami({ name, authenticated, logout }: NonNullable<Frame['who']>): Html {
  if (!authenticated)
    return html`<div class="who">${name} <strong>(unauthenticated, self)</strong>: nobody's identity is checked</div>`;
  if (logout === undefined) return html`<div class="who">${name}</div>`;
  return html`<div class="who">${name} <form method="post" action="/logout"><input type="hidden" name="csrf" value="${logout}"><button class="plain">Log out</button></form></div>`;
}

/** Names with what they are; those with nothing are left out. */
export function rows(all: readonly (readonly [name: string, value: string | Html])[]): Html {
  const kept = all.filter(([, value]) => value !== '');
  return html`<dl class="rows">${kept.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}

/** A list, or what is said when it is empty. */
export function list(all: readonly (string | Html)[], empty: string): Html {
  if (all.length === 0) return html`<p>${empty}</p>`;
  return html`<ul>${all.map(one => html`<li>${one}</li>`)}</ul>`;
}

export function table(head: readonly string[], body: readonly (readonly (string | Html)[])[]): Html {
  return html`<div class="scroll"><table><thead><tr>${head.map(cell => html`<th scope="col">${cell}</th>`)}</tr></thead>
<tbody>${body.map(line => html`<tr>${line.map(cell => html`<td>${cell}</td>`)}</tr>`)}</tbody></table></div>`;
}
