/** The daemon's other pages: what waits, the login, and a word about what went wrong or on. Pure. */
import { type Html, html } from './html.ts';
import { type Frame, pageOf, rows } from './page.ts';
import { span, when } from './time-words.ts';

/** What waits, as the command `approvals` gives it. */
export interface ShownWaiting {
  readonly approval: string;
  readonly target: string;
  readonly verb: string;
  readonly subject: string;
  readonly why: string;
  readonly from: readonly string[];
  readonly quorum: number;
  readonly yes: readonly string[];
  readonly askedAt: number;
  readonly expires: number;
}

export function approvalsPage(
  given: Frame & { readonly waiting: readonly ShownWaiting[]; readonly now: number; readonly next?: string },
): string {
  const { waiting, now, next, ...frame } = given;
  const more = next && html`<p><a href="/approvals?cursor=${encodeURIComponent(next)}">More</a></p>`;
  return pageOf({
    ...frame,
    title: 'Approvals',
    body: html`<h1>Approvals</h1>
${waiting.length === 0 ? html`<p>Nothing waits for approval.</p>` : waiting.map(one => card(one, now))}
${more}`,
  });
}

function card(one: ShownWaiting, now: number): Html {
  return html`<div class="card"><h2><a href="/approvals/${one.approval}">${one.verb} ${one.subject}</a></h2>
${rows([
  ['For', one.target],
  ['Why', one.why],
  ['Asked', `${when(one.askedAt)} UTC, ${span(now - one.askedAt)} ago`],
  ['Expires', `${when(one.expires)} UTC, in ${span(one.expires - now)}`],
  ['Needs', `${one.quorum} yes from ${one.from.join(', ')}; so far ${one.yes.join(', ') || 'none'}`],
])}</div>`;
}

export interface LoginParts extends Frame {
  /** A path of this daemon, where it goes on afterwards. */
  readonly next: string;
  readonly csrf: string;
  /** The path of the login by the identity provider, where there is one. */
  readonly provider?: string;
  readonly notice?: string;
}

/** By a token that is typed, or by the identity provider. */
export function loginPage({ next, csrf, provider, notice, ...frame }: LoginParts): string {
  return pageOf({
    ...frame,
    title: 'Log in',
    body: html`<h1>Log in</h1>
${notice === undefined ? undefined : html`<div class="state error" role="alert"><p>${notice}</p></div>`}
<p>Deciding needs proof of a person. A link alone proves nothing.</p>
${provider === undefined ? undefined : html`<p><a href="${provider}">Log in by your organisation</a></p>`}
<form class="login" method="post" action="/login">
<input type="hidden" name="csrf" value="${csrf}"><input type="hidden" name="next" value="${next}">
<input type="text" name="username" autocomplete="username" value="token" hidden>
<label for="token">Token</label>
<input id="token" type="password" name="token" required autocomplete="current-password" maxlength="200">
<p>It begins with fb_; <code>flyball token create</code> makes one for a principal of daemon.yaml.</p>
<div class="buttons"><button>Log in</button></div>
</form>
<p>Logged in already, and came by a link? <a href="${next}">Go on</a>.</p>`,
  });
}

/** One thing that has to be said, with a way on. */
export function wordPage(
  given: Frame & {
    readonly title: string;
    readonly text: string;
    readonly hint?: string;
    readonly link?: { readonly href: string; readonly text: string };
    readonly goesTo?: string;
  },
): string {
  const { title, text, hint, link, ...frame } = given;
  return pageOf({
    ...frame,
    title,
    body: html`<h1>${title}</h1>
<div class="state error"><p>${text}</p>${hint === undefined ? undefined : html`<p>${hint}</p>`}</div>
${link && html`<p><a href="${link.href}">${link.text}</a></p>`}`,
  });
}
