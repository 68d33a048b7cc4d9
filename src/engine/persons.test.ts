/** Which person somebody is: by a verified key, by an account of a forge, by an address; and whose word counts. */
import { expect, test } from 'vitest';
import type { PersonSpec, Principal } from '../model.ts';
import { type Identity, isPerson, keyText, peopleBehind, personOf } from './persons.ts';

const SSH = 'SHA256:Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmE';
const PGP = '0123 4567 89AB CDEF 0123  4567 89AB CDEF 0123 4567';
const PEOPLE: Readonly<Record<string, PersonSpec>> = {
  ana: { emails: ['ana@acme.example', 'ana@home.example'], keys: [SSH, PGP], github: 'Ana-Acme' },
  ben: { emails: ['ben@acme.example'], gitlab: 'ben' },
};

test.each<[Identity, string | undefined]>([
  [{ email: 'ben@acme.example' }, 'ben'],
  [{ email: 'Ben@ACME.example' }, 'ben'],
  [{ email: 'x@elsewhere' }, undefined],
  [{}, undefined],
  // A person who has keys is not whoever writes their address.
  [{ email: 'ana@acme.example' }, undefined],
  [{ email: 'ana@acme.example', key: SSH }, 'ana'],
  [{ email: 'ana@home.example', key: `${SSH}=` }, 'ana'],
  [{ key: '0x0123456789abcdef0123456789abcdef01234567' }, 'ana'],
  [{ email: 'ana@acme.example', key: SSH.toLowerCase() }, undefined],
  [{ email: 'ana@acme.example', key: 'SHA256:other' }, undefined],
  // What is proven counts, whatever the text says.
  [{ email: 'ben@acme.example', key: SSH }, 'ana'],
  [{ email: 'ben@acme.example', key: 'SHA256:other' }, 'ben'],
  [{ forge: { kind: 'github', login: 'ana-acme' } }, 'ana'],
  [{ email: 'ana@acme.example', forge: { kind: 'github', login: 'ANA-acme' } }, 'ana'],
  [{ forge: { kind: 'gitlab', login: 'ana-acme' } }, undefined],
  [{ email: 'ben@acme.example', forge: { kind: 'github', login: 'ana-acme' } }, 'ana'],
  [{ email: 'toString' }, undefined],
])('%j is %s', (identity, person) => {
  expect(personOf(PEOPLE, identity)).toBe(person);
});

test('an address makes somebody one who may not decide, proven or not', () => {
  const authors = ['ana@acme.example', { email: 'ben@acme.example', key: SSH }];
  expect(peopleBehind(PEOPLE, authors)).toEqual({ people: ['ana', 'ben'], areKnown: false });
  expect(peopleBehind(PEOPLE, authors.slice(1))).toEqual({ people: ['ana', 'ben'], areKnown: true });
  expect(peopleBehind(PEOPLE, [])).toEqual({ people: [], areKnown: false });
});

test('fingerprints are compared in one form', () => {
  expect(keyText(' 0xabcd 1234 ')).toBe('ABCD1234');
  expect(keyText('sha256:aB+/=')).toBe('SHA256:aB+/');
});

const ANA: Principal = { name: 'ana', door: 'http', authenticated: true };
test.each<[Partial<Principal>, boolean]>([
  [{}, true],
  [{ door: 'cli', token: 't' }, true],
  [{ door: 'mcp' }, false],
  [{ kind: 'agent' }, false],
  [{ kind: 'service' }, false],
  [{ onBehalfOf: 'ben' }, false],
])('%j decides: %s', (more, decides) => {
  expect(isPerson({ ...ANA, ...more })).toBe(decides);
});
