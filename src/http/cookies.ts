/** The cookies of the pages: of this host alone, out of reach of scripts, and sent by our own pages only. */
import type { Asked } from './route.ts';

const NAMES = { session: 'flyball-session', visit: 'flyball-visit', flow: 'flyball-login' } as const;

/** `session`: who is logged in. `visit`: one browser before that. `flow`: a login under way at the identity provider. */
export type CookieName = keyof typeof NAMES;

/** What the browser sent; undefined when it sent none, or two. */
export function cookieOf(asked: Asked, name: CookieName): string | undefined {
  const found = (asked.headers.cookie ?? '').split(';').flatMap(part => {
    const [key = '', ...value] = part.trim().split('=');
    return key === nameOf(asked, name) ? [value.join('=')] : [];
  });
  return found.length === 1 ? found[0] : undefined;
}

/** The header that sets a cookie; an empty value takes it away. The browser forgets it after `seconds`, or when it is closed. */
export function setCookie(asked: Asked, name: CookieName, value: string, seconds?: number): string {
  // The provider's answer comes from its own site: that one cookie must come along.
  const site = name === 'flow' ? 'Lax' : 'Strict';
  return [
    `${nameOf(asked, name)}=${value}`,
    ...['Path=/', 'HttpOnly', `SameSite=${site}`],
    ...(isSecure(asked) ? ['Secure'] : []),
    ...(value === '' ? ['Max-Age=0'] : seconds === undefined ? [] : [`Max-Age=${seconds}`]),
  ].join('; ');
}

/** No other host of the same site can set one whose name begins so; browsers take it over TLS only. */
function nameOf(asked: Asked, name: CookieName): string {
  return isSecure(asked) ? `__Host-${NAMES[name]}` : NAMES[name];
}

function isSecure({ origin }: Asked): boolean {
  return origin.startsWith('https:');
}
