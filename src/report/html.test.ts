/** Whatever comes from outside stays text, in every page. */
import { describe, expect, test } from 'vitest';
import { approvalPage, type ShownApproval } from './approval-page.ts';
import { chart } from './chart.ts';
import { Html, html, styleElement } from './html.ts';
import { approvalsPage, loginPage, wordPage } from './pages.ts';

const HOSTILE = `"'><img src=x onerror=alert(1)></style><script>alert(1)</script>`;

test('text is escaped, markup is not, lists are joined, and nothing is nothing', () => {
  const inner = html`<b>${'<'}</b>`;
  expect(String(html`<p title="${'"'}">${inner}${['a', inner, 1]}${undefined}</p>`)).toBe(
    '<p title="&quot;"><b>&lt;</b>a<b>&lt;</b>1</p>',
  );
  expect(() => new Html('<b>', Symbol('own'))).toThrow('markup is made by html alone');
  expect(() => styleElement('a{}</style>')).toThrow('a style sheet with markup');
});

const call = { capability: HOSTILE, subject: HOSTILE, connection: HOSTILE, runs: HOSTILE, args: HOSTILE };
const look = {
  at: 1,
  answer: HOSTILE,
  clause: HOSTILE,
  operands: [{ name: HOSTILE, value: HOSTILE, comparison: HOSTILE }],
};
const SHOWN: ShownApproval = {
  ...{
    now: 2,
    approval: 'a1',
    target: HOSTILE,
    standing: 'waiting',
    because: HOSTILE,
    revocable: false,
    became: HOSTILE,
  },
  what: {
    ...{ verb: HOSTILE, step: HOSTILE, action: HOSTILE, calls: [call], later: [HOSTILE], traffic: HOSTILE },
    ...{
      rollout: [{ share: HOSTILE, hold: HOSTILE, gate: HOSTILE }],
      ends: HOSTILE,
      cost: HOSTILE,
      undone: HOSTILE,
      undo: [call],
    },
  },
  why: {
    ...{
      rule: HOSTILE,
      group: HOSTILE,
      condition: HOSTILE,
      cause: HOSTILE,
      episode: 1,
      opened: look,
      now: look,
      members: [HOSTILE],
    },
    ...{ where: HOSTILE, commit: HOSTILE, author: HOSTILE, subject: HOSTILE, committedAt: 1, mode: HOSTILE },
  },
  series: [{ name: HOSTILE, unit: HOSTILE, thresholds: [1], at: [1, 2], values: [1, null] }],
  ...{
    tried: [HOSTILE],
    changed: [HOSTILE],
    askedAt: 1,
    expires: 3,
    unanswered: HOSTILE,
    planHash: HOSTILE,
    from: [HOSTILE],
  },
  ...{ needed: 1, yes: [HOSTILE], may: [HOSTILE], mayNot: [{ name: HOSTILE, why: HOSTILE }] },
  votes: [{ by: HOSTILE, decision: 'yes', at: 1, comment: HOSTILE, authenticated: false }],
  you: { name: HOSTILE, may: true, why: HOSTILE, said: '' },
};
const FRAME = { env: HOSTILE, who: { name: HOSTILE, authenticated: true, logout: HOSTILE } };

describe('no page turns anything from outside into markup', () => {
  const pages = {
    approval: approvalPage({
      ...FRAME,
      shown: SHOWN,
      form: { csrf: HOSTILE, proof: 'token' },
      notice: HOSTILE,
    }),
    approvals: approvalsPage({
      ...{ ...FRAME, now: 2, next: HOSTILE },
      waiting: [
        {
          approval: 'a1',
          target: HOSTILE,
          verb: HOSTILE,
          subject: HOSTILE,
          why: HOSTILE,
          from: [HOSTILE],
          quorum: 1,
          yes: [],
          askedAt: 1,
          expires: 3,
        },
      ],
    }),
    login: loginPage({ ...FRAME, next: HOSTILE, csrf: HOSTILE, provider: HOSTILE, notice: HOSTILE }),
    word: wordPage({
      ...FRAME,
      title: HOSTILE,
      text: HOSTILE,
      hint: HOSTILE,
      link: { href: HOSTILE, text: HOSTILE },
    }),
  };
  test.each(Object.entries(pages))('%s', (_, page) => {
    expect(page).not.toMatch(/<script|<img|onerror=alert\(1\)>/);
    expect(page.match(/<\/style>/g)).toHaveLength(1);
    expect(page).toContain('&lt;script&gt;');
  });
});

test('Enter in a field of the form denies: the first button is the no', () => {
  const page = approvalPage({ env: 'test', shown: SHOWN, form: { csrf: 'c', proof: 'token' } });
  expect(page.indexOf('value="deny"')).toBeLessThan(page.indexOf('value="approve"'));
  for (const standing of ['changed', 'granted', 'denied', 'expired', 'withdrawn'] as const)
    expect(
      approvalPage({ env: 'test', shown: { ...SHOWN, standing }, form: { csrf: 'c', proof: 'none' } }),
    ).not.toContain('name="decision"');
});

test('a line is broken where nothing was known, and a metric nobody knew has no picture', () => {
  const course = {
    name: 'psi',
    unit: 'number',
    thresholds: [0.2],
    at: [1, 2, 3, 4],
    values: [0.1, null, 0.3, 0.4],
  };
  expect(String(chart(course, { asked: 3 })).match(/<polyline/g)).toHaveLength(2);
  expect(chart({ ...course, values: [null, null, null, null] }, { asked: 3 })).toBeUndefined();
});
