/** One approval as a page: what would be done, why, what changed, who decides, and the form to decide. Pure. */
import { type Course, chart } from './chart.ts';
import { type Html, html } from './html.ts';
import { type Frame, list, pageOf, rows, table } from './page.ts';
import { span, when } from './time-words.ts';

interface Call {
  readonly capability: string;
  readonly subject: string;
  readonly connection: string;
  readonly runs: string;
  /** JSON. */
  readonly args: string;
}

interface Look {
  readonly at: number;
  readonly answer: string;
  readonly clause: string;
  readonly operands: readonly {
    readonly name: string;
    readonly value: string;
    readonly interval?: string | undefined;
    readonly comparison?: string | undefined;
    readonly truth?: string | undefined;
  }[];
}

/** An approval, as the command `approval` gives it. */
export interface ShownApproval {
  readonly now: number;
  readonly approval: string;
  readonly target: string;
  readonly standing: 'waiting' | 'changed' | 'granted' | 'denied' | 'expired' | 'withdrawn';
  readonly because: string;
  readonly endedAt?: number | undefined;
  readonly revocable: boolean;
  readonly became?: string | undefined;
  readonly what: {
    readonly verb: string;
    readonly step: string;
    readonly action: string;
    readonly calls: readonly Call[];
    readonly later: readonly string[];
    readonly traffic: string;
    readonly rollout: readonly { readonly share: string; readonly hold: string; readonly gate: string }[];
    readonly ends: string;
    readonly cost: string;
    readonly undone: string;
    readonly undo: readonly Call[];
  };
  readonly why: {
    readonly rule: string;
    readonly group: string;
    readonly condition: string;
    readonly cause: string;
    readonly episode: number;
    readonly opened?: Look | undefined;
    readonly now?: Look | undefined;
    readonly members: readonly string[];
    readonly where: string;
    readonly commit: string;
    readonly author: string;
    readonly subject: string;
    readonly committedAt?: number | undefined;
    readonly mode: string;
  };
  readonly series: readonly Course[];
  readonly tried: readonly string[];
  readonly changed: readonly string[];
  readonly askedAt: number;
  readonly expires: number;
  readonly unanswered: string;
  readonly planHash: string;
  readonly from: readonly string[];
  readonly needed: number;
  readonly yes: readonly string[];
  readonly may: readonly string[];
  readonly mayNot: readonly { readonly name: string; readonly why: string }[];
  readonly votes: readonly {
    readonly by: string;
    readonly decision: 'yes' | 'no';
    readonly at: number;
    readonly comment: string;
    readonly authenticated: boolean;
  }[];
  readonly you: { readonly name: string; readonly may: boolean; readonly why: string; readonly said: string };
}

/** How a person proves themselves once more: by the token, by logging in anew, or not at all. */
export type Proof = 'none' | 'token' | { readonly login: string };

export interface ApprovalPageParts extends Frame {
  readonly shown: ShownApproval;
  /** Of the form; absent: nothing can be decided here. */
  readonly form?: { readonly csrf: string; readonly proof: Proof };
  /** What came of the form that was sent. */
  readonly notice?: string;
}

export function approvalPage({ shown, form, notice, ...frame }: ApprovalPageParts): string {
  const title = `${shown.what.verb} ${shown.what.calls[0]?.subject ?? ''} for ${shown.target}`;
  return pageOf({
    ...frame,
    title,
    body: html`<h1>${title}</h1>
${notice === undefined ? undefined : html`<div class="state error" role="alert"><p>${notice}</p></div>`}
${standing(shown)}
${effect(shown)}
${evidence(shown)}
<section><h2>Changed since it was asked</h2>${list(shown.changed, 'Nothing that was looked at.')}</section>
<section><h2>Tried so far</h2>${list(shown.tried, 'Nothing yet in this episode.')}</section>
${deciders(shown)}
${decision(shown, form)}`,
  });
}

const STANDINGS: Readonly<Record<ShownApproval['standing'], string>> = {
  waiting: 'Waits for a decision',
  changed: 'The plan changed: this question is taken back',
  granted: 'Approved',
  denied: 'Denied',
  expired: 'Expired: nobody decided in time',
  withdrawn: 'Withdrawn',
};

function standing(one: ShownApproval): Html {
  const until =
    one.standing === 'waiting'
      ? `Expires ${when(one.expires)} UTC, in ${span(one.expires - one.now)}.`
      : one.endedAt === undefined
        ? ''
        : `At ${when(one.endedAt)} UTC.`;
  return html`<div class="state ${one.standing}" role="status">
<p><strong>${STANDINGS[one.standing]}</strong>${one.because === '' ? '' : `: ${one.because}`}</p>
<p>${until} ${one.became ?? ''} ${one.standing === 'waiting' ? `${one.yes.length} of ${one.needed} yes so far.` : ''}</p>
</div>`;
}

function effect({ what, unanswered, expires }: ShownApproval): Html {
  return html`<section><h2>What would be done</h2>
${what.calls.map(card)}
${rows([
  ['Traffic', what.traffic],
  ['Step', what.step],
  ['Then', what.later.length === 0 ? '' : `${what.later.join('; ')} (each with its own admission)`],
  ['Cost', what.cost],
  ['Ends', what.ends],
  ['Undone', what.undone],
  ['No answer', `By ${when(expires)} UTC: ${unanswered}`],
])}
${
  what.rollout.length === 0
    ? undefined
    : html`<h3>Rollout</h3>${table(
        ['Traffic', 'Held for', 'Gate'],
        what.rollout.map(({ share, hold, gate }) => [share, hold, gate]),
      )}`
}
${what.undo.length === 0 ? undefined : html`<h3>What takes it back</h3>${what.undo.map(card)}`}
</section>`;
}

function card(call: Call): Html {
  return html`<div class="card"><h3>${call.capability} ${call.subject}</h3>
${rows([
  ['On', call.connection],
  ['Runs', call.runs],
])}
<pre>${pretty(call.args)}</pre></div>`;
}

/** JSON that was cut off stays as it is. */
function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function evidence({ why, series, askedAt }: ShownApproval): Html {
  return html`<section><h2>Why</h2>
${rows([
  ['Condition', html`<code>${why.condition}</code>`],
  ['Rule', `${why.rule}${why.group === '' ? '' : ` [${why.group}]`}, episode ${why.episode}`],
  ['Because', why.opened && why.opened.clause !== why.condition ? why.opened.clause : ''],
  ['Asked as', why.cause],
])}
${operands(why.opened, why.now)}
${series.map(one => chart(one, { opened: why.opened?.at, asked: askedAt }))}
${why.members.length === 0 ? undefined : html`<h3>Label sets</h3>${list(why.members, '')}`}
${rows([
  ['Written', html`<code>${why.where}</code>`],
  ['Commit', `${why.commit.slice(0, 12)} by ${why.author}: ${why.subject}`],
  ['Committed', why.committedAt === undefined ? '' : `${when(why.committedAt)} UTC`],
])}
</section>`;
}

/** Each operand when the episode opened and when it was last looked at. */
function operands(opened: Look | undefined, now: Look | undefined): Html | undefined {
  const [first, last] = [opened?.operands ?? [], now?.operands ?? []];
  const names = [...new Set([...first, ...last].map(one => one.name))];
  if (names.length === 0) return undefined;
  const named = (all: Look['operands'], name: string) => all.find(one => one.name === name);
  return table(
    [
      'Value',
      `Opened${opened ? ` ${when(opened.at)}` : ''}`,
      `Last look${now ? ` ${when(now.at)}: ${now.answer}` : ''}`,
      'Compared',
    ],
    names.map(name => {
      const [was, is] = [named(first, name), named(last, name)];
      return [name, shownValue(was), shownValue(is), comparisonOf(is ?? was)];
    }),
  );
}

function shownValue(one: Look['operands'][number] | undefined): string {
  if (!one) return '';
  return one.interval === undefined ? one.value : `${one.value} (${one.interval})`;
}

function comparisonOf(one: Look['operands'][number] | undefined): string {
  return one?.comparison === undefined ? '' : `${one.comparison} is ${one.truth ?? 'unknown'}`;
}

function deciders(one: ShownApproval): Html {
  return html`<section><h2>Who decides</h2>
${rows([
  [
    'Needed',
    `${one.needed} yes from ${one.from.join(', ')}; so far ${one.yes.join(', ') || 'none'}. One no is enough.`,
  ],
  ['May', one.may.join(', ') || 'nobody'],
  ['May not', one.mayNot.map(({ name, why }) => `${name} (${why})`).join(', ')],
  ['You', one.you.why],
  ['Asked', `${when(one.askedAt)} UTC`],
  ['Plan', html`<code>${one.planHash}</code>`],
  ['Approval', html`<code>${one.approval}</code>`],
])}
${one.votes.length === 0 ? undefined : html`<h3>Said</h3>${list(one.votes.map(vote), '')}`}
</section>`;
}

function vote({ by, decision, at, comment, authenticated }: ShownApproval['votes'][number]): Html {
  const proof = authenticated ? '' : ' (unauthenticated, self)';
  return html`<strong>${by}</strong>${proof}: ${decision}, ${when(at)} UTC${comment === '' ? '' : `: ${comment}`}`;
}

function decision(one: ShownApproval, form: ApprovalPageParts['form']): Html | undefined {
  const isOpen = one.standing === 'waiting' || one.revocable;
  if (!isOpen || form === undefined) return undefined;
  if (typeof form.proof === 'object')
    return html`<section><h2>Decide</h2><p>A decision needs a login of the last minutes: <a href="${form.proof.login}">log in again</a>.</p></section>`;
  // Enter in a field presses the first button: that is the no.
  const no =
    one.you.said === 'no' ? undefined : html`<button class="no" name="decision" value="deny">Deny</button>`;
  const yes =
    one.standing !== 'waiting' || one.you.said === 'yes'
      ? undefined
      : html`<button class="yes" name="decision" value="approve">Approve</button>`;
  return html`<section><h2>Decide</h2>
<form class="decide" method="post" action="/approvals/${one.approval}" autocomplete="off">
<input type="hidden" name="csrf" value="${form.csrf}">
<input type="hidden" name="plan" value="${one.planHash}">
<p>${one.you.why}${one.you.said === '' ? '' : ` You said ${one.you.said}.`}</p>
<label for="comment">Comment, kept in the ledger</label>
<textarea id="comment" name="comment" rows="3" maxlength="2000"></textarea>
${form.proof === 'token' ? html`<input type="text" name="username" autocomplete="username" value="token" hidden><label for="token">Your token, as your login is a while ago</label><input id="token" type="password" name="token" required>` : undefined}
<div class="buttons">${no}${yes}</div>
</form></section>`;
}
