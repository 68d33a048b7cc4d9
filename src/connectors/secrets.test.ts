// biome-ignore-all lint/suspicious/noTemplateCurlyInString: text as it stands in daemon.yaml.
/** References to the environment in daemon.yaml: filled when they are Flyball's and set, else refused by name. */
import { expect, test } from 'vitest';
import { filled } from './secrets.ts';

const environment = (name: string) => ({ FLYBALL_PING: 's3cret/', FLYBALL_EMPTY: '', HOME: '/root' })[name];

test.each([
  ['https://x.example/a', 'https://x.example/a'],
  ['https://x.example/${env:FLYBALL_PING}/b/${env:FLYBALL_PING}', 'https://x.example/s3cret%2F/b/s3cret%2F'],
  ['${env:FLYBALL_PING}', 's3cret/'],
])('%s', (text, found) => {
  expect(filled(text, 'daemon.yaml: deadMan.url', environment)).toBe(found);
});

test.each([
  [
    'a${env:FLYBALL_NONE}',
    /^daemon\.yaml: deadMan\.url: the environment variable FLYBALL_NONE is not set; set it/,
  ],
  ['${env:FLYBALL_EMPTY}', /FLYBALL_EMPTY is not set/],
  [
    '${env:HOME}',
    /found \$\{env:HOME\}; expected \$\{env:FLYBALL_…\}, a variable whose name begins with FLYBALL_/,
  ],
  ['${FLYBALL_PING}', /found \$\{FLYBALL_PING\}/],
])('%s is refused', (text, words) => {
  expect(() => filled(text, 'daemon.yaml: deadMan.url', environment)).toThrow(words);
});
