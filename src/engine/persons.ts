/** Who is who: whose word can decide, who asked for something, and which person a git author is. Pure. */
import type { CommitAuthor, PersonSpec, Principal } from '../model.ts';

/** True for a person who speaks for themselves. No agent and no service decides, and nobody does for somebody else. */
export function isPerson({ kind, onBehalfOf, door }: Principal): boolean {
  return kind === undefined && onBehalfOf === undefined && door !== 'mcp';
}

/** The names under which somebody asked: their own, and that of the person for whom they act. */
export function askersOf({ name, onBehalfOf }: Principal): readonly string[] {
  return onBehalfOf === undefined ? [name] : [name, onBehalfOf];
}

/** By what somebody is known outside. `key`: of a signature that was verified. `forge`: an account that the forge has proven. */
export interface Identity {
  readonly email?: string;
  readonly key?: string;
  readonly forge?: { readonly kind: 'github' | 'gitlab' | 'gitea'; readonly login: string };
}

type People = Readonly<Record<string, PersonSpec>>;

/**
 * The person of `people` behind an identity, or undefined when nobody can vouch for one. A verified key decides before an account
 * of a forge, and that before an e-mail address, which is only text: of a person who has keys it proves nothing by itself.
 */
export function personOf(people: People, { email, key, forge }: Identity): string | undefined {
  const known = Object.entries(people);
  if (key !== undefined) {
    const owner = known.find(([, { keys = [] }]) => keys.some(one => keyText(one) === keyText(key)));
    if (owner !== undefined) return owner[0];
  }
  if (forge !== undefined) {
    const login = forge.login.toLowerCase();
    const owner = known.find(([, person]) => person[forge.kind]?.toLowerCase() === login);
    if (owner !== undefined) return owner[0];
  }
  if (email === undefined) return undefined;
  const [owner] = known.find(([, person]) => hasAddress(person, email)) ?? [];
  return owner === undefined || (people[owner]?.keys?.length ?? 0) > 0 ? undefined : owner;
}

/** Case never tells two mailboxes apart. */
function hasAddress({ emails }: PersonSpec, email: string): boolean {
  return emails.some(one => one.toLowerCase() === email.toLowerCase());
}

/**
 * A fingerprint in one form. That of an SSH key is base64, in which case counts and `=` at its end does not; one of OpenPGP is
 * hexadecimal, in groups or not.
 */
export function keyText(key: string): string {
  const text = key.trim();
  if (/^sha256:/i.test(text)) return `SHA256:${text.slice(7).replace(/=+$/, '')}`;
  return text.replace(/^0x/i, '').replace(/\s+/g, '').toUpperCase();
}

/** The persons whom the authors of a change may be, and whether every one of them is somebody known. */
export interface Authors {
  readonly people: readonly string[];
  readonly areKnown: boolean;
}

/**
 * Who wrote a change. An address that a person has makes that person one who may not decide, proven or not; known they are only
 * when it is proven as far as `people` asks.
 */
export function peopleBehind(people: People, authors: readonly CommitAuthor[]): Authors {
  const found = authors.map(author => {
    const identity = typeof author === 'string' ? { email: author } : author;
    const person = personOf(people, identity);
    const named = Object.entries(people).flatMap(([name, one]) =>
      hasAddress(one, identity.email) ? [name] : [],
    );
    return { person, named };
  });
  return {
    people: [...new Set(found.flatMap(({ person, named }) => [...(person ? [person] : []), ...named]))],
    areKnown: found.length > 0 && found.every(({ person }) => person !== undefined),
  };
}
