/** What pages answer: HTML that nothing is loaded into and nobody may frame, or a way on. */
import { createHash } from 'node:crypto';
import { PAGE_STYLE } from '../report/page-style.ts';
import type { Reply } from './route.ts';

const STYLE = createHash('sha256').update(PAGE_STYLE).digest('base64');

/** The one style sheet that stands in each page, forms to ourselves, and nothing else. */
const POLICY = [
  `default-src 'none'`,
  `style-src 'sha256-${STYLE}'`,
  `form-action 'self'`,
  `frame-ancestors 'none'`,
  `base-uri 'none'`,
].join('; ');

export function pageReply(status: number, body: string, cookies: readonly string[] = []): Reply {
  return {
    status,
    type: 'text/html; charset=utf-8',
    body,
    headers: {
      'content-security-policy': POLICY,
      'x-frame-options': 'DENY',
      // With no-referrer browsers would say the origin of a form as null, and it could not be checked.
      'referrer-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
      ...(cookies.length === 0 ? {} : { 'set-cookie': cookies }),
    },
  };
}

/** After a form: the browser asks for the page anew, so that going back sends nothing twice. */
export function goTo(path: string, cookies: readonly string[] = []): Reply {
  return {
    status: 303,
    body: '',
    headers: {
      location: path,
      'referrer-policy': 'same-origin',
      ...(cookies.length === 0 ? {} : { 'set-cookie': cookies }),
    },
  };
}

/** A path of this daemon, or the list: nobody is sent anywhere else. */
export function ownPath(given: string | null | undefined): string {
  return given && /^\/(?:approvals(?:\/[A-Za-z0-9]{1,64})?)?$/.test(given) ? given : '/approvals';
}
