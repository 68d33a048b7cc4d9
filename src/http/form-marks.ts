/** That a form is one of ours, for this browser and about this: marks that only this state can make, and where it was sent from. */
import { canonical } from '../canonical.ts';
import type { Ports } from '../commands/index.ts';
import type { JsonObject } from '../model.ts';
import { isSame, markOf, randomText } from '../sealing.ts';
import { cookieOf, setCookie } from './cookies.ts';
import { Problem } from './problem.ts';
import type { Asked } from './route.ts';

/** One browser: its session, or what it was given at its first visit. */
export interface Visitor {
  readonly id: string;
  /** Cookies to set, when it is new. */
  readonly cookies: readonly string[];
}

/** Who has a session is known by it; of anybody else the browser is told apart from others. */
export function visitorOf(asked: Asked, session: { readonly id: string } | undefined): Visitor {
  if (session) return { id: session.id, cookies: [] };
  const known = cookieOf(asked, 'visit');
  if (known !== undefined && /^[\w-]{43}$/.test(known)) return { id: known, cookies: [] };
  const id = randomText(32);
  return { id, cookies: [setCookie(asked, 'visit', id)] };
}

/** The mark of a form about something, for one browser. */
export async function markForm(ports: Ports, { id }: Visitor, about: JsonObject): Promise<string> {
  return markOf(await ports.sealingKey(), canonical({ form: id, about }));
}

/** Throws Problem for a form that another site sent, or that was not given to this browser about this. */
export async function requireForm(
  ports: Ports,
  asked: Asked,
  visitor: Visitor,
  about: JsonObject,
): Promise<URLSearchParams> {
  requireOwnOrigin(asked);
  const form = await asked.form();
  for (const name of new Set(form.keys()))
    if (form.getAll(name).length > 1)
      throw new Problem('input', `The form holds ${name.slice(0, 40)} twice.`);
  if (!isSame(form.get('csrf') ?? '', await markForm(ports, visitor, about)))
    throw new Problem('origin', 'This form was not given to you here for this. Open the page anew.');
  return form;
}

/** A browser says where a form comes from; here nobody but our own pages may send one, whatever listen.origins says. */
function requireOwnOrigin({ headers, origin }: Asked): void {
  const given = headers.origin;
  const site = headers['sec-fetch-site'];
  if (given === origin && (site === undefined || site === 'same-origin')) return;
  throw new Problem('origin', `Origin ${String(given).slice(0, 200)}: expected ${origin}.`);
}
