/** Who may merge a proposal: decided on what our own store recorded; git's words of authors can only refuse. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { git, removeFolder, temporaryFolder } from '../../test/real-git.ts';
import { initRepository } from '../git/init.ts';
import { openRepository } from '../git/repository.ts';
import type { Principal } from '../model.ts';
import { type Opened, open } from '../wiring.ts';
import { grantAll, type PrincipalSpec } from './access.ts';
import { perform } from './perform.ts';
import type { Ports } from './ports.ts';
import { proposalMerge } from './proposals.ts';
import { propose } from './propose.ts';

const SETTINGS = `apiVersion: flyball.dev/v1
kind: Settings
metadata: { name: flyball }
spec:
  mode: observe
  people: { ana: { emails: [ana@acme.example] }, ben: { emails: [ben@acme.example] } }
  groups: { on-call: [ana, ben] }
`;
const note = (text: string) => `# ${text}\n`;

let dir = '';
let opened: Opened;
beforeEach(async () => {
  dir = temporaryFolder();
  const repository = `${dir}/policies`;
  const files = [
    { path: 'flyball.yaml', text: SETTINGS },
    { path: 'policies/a.yaml', text: note('one') },
  ];
  await initRepository({ dir: repository, files, author: { name: 'Ana', email: 'ana@acme.example' }, at: 0 });
  const settings = {
    home: dir,
    state: `${dir}/state`,
    repository,
    branch: 'main',
    env: 'test',
    trust: 'tokens',
  } as const;
  opened = await open(settings, { principal: person('nobody'), log: { info() {}, warn() {}, error() {} } });
});
afterEach(async () => {
  await opened.close();
  removeFolder(dir);
});

const person = (name: string): Principal => ({ name, door: 'cli', authenticated: true });
const agent: Principal = {
  name: 'helper',
  door: 'mcp',
  authenticated: true,
  kind: 'agent',
  onBehalfOf: 'ana',
};
const as = (principal: Principal, role: PrincipalSpec['roles'][number]['role'] = 'approver'): Ports => ({
  ...opened.ports,
  principal,
  grants: grantAll(role),
});
const proposed = async (by: Principal, text = 'two') =>
  (await perform(propose, as(by, 'proposer'), {
    title: 'Another note',
    files: [{ path: 'policies/a.yaml', text: note(text) }],
  })) as { readonly branch: string; readonly sha: string };
const merge = (by: Principal, branch: string) => perform(proposalMerge, as(by), { branch });
const head = async () =>
  (await (await openRepository({ dir: `${dir}/policies`, branch: 'main' })).head()).sha;

describe('by our own record', () => {
  test('neither the agent, nor the person for whom it proposed, nor another token of theirs; another person, once', async () => {
    const before = await head();
    const { branch, sha } = await proposed(agent);
    await expect(merge(agent, branch)).rejects.toThrow(/is an agent/);
    await expect(merge(person('ana'), branch)).rejects.toThrow(/whom it was proposed for/);
    await expect(merge({ ...person('ana'), token: 'second' }, branch)).rejects.toThrow(/another person/);
    await expect(merge({ ...person('ben'), authenticated: false }, branch)).rejects.toThrow(
      /proof of a person|proved/,
    );
    expect(await head()).toBe(before);
    expect(await merge(person('ben'), branch)).toMatchObject({ state: 'merged', sha, by: 'ben' });
    expect(await head()).toBe(sha);
    await expect(merge(person('ben'), branch)).rejects.toThrow(/no such proposal/);
  });

  test('whoever proposed it before somebody else did has a part in it', async () => {
    const { branch } = await proposed(person('ben'));
    await expect(merge(person('ben'), branch)).rejects.toThrow(/proposed it/);
    expect(await merge(person('ana'), branch)).toMatchObject({ state: 'merged' });
  });
});

describe('what came by git alone', () => {
  const committed = (name: string, email: string) => {
    const at = `${dir}/policies`;
    git(at, 'checkout', '-q', '-b', 'proposals/by-git');
    git(
      at,
      '-c',
      `user.name=${name}`,
      'commit',
      '-q',
      '--allow-empty',
      '-m',
      'x',
      '--author',
      `${name} <${email}>`,
    );
    git(at, 'rm', '-q', 'policies/a.yaml');
    git(at, 'commit', '-q', '-m', 'gone', '--author', `${name} <${email}>`);
    git(at, 'checkout', '-q', 'main');
    return 'proposals/by-git';
  };

  test('of a person whom Settings name, another one merges', async () => {
    const branch = committed('Ana', 'ana@acme.example');
    await expect(merge(person('ana'), branch)).rejects.toThrow(/another person/);
    expect(await merge(person('ben'), branch)).toMatchObject({ state: 'merged' });
  });

  test('of somebody unknown, it takes two, both for the same commit', async () => {
    const branch = committed('Mallory', 'mallory@elsewhere.example');
    const before = await head();
    expect(await merge(person('ana'), branch)).toMatchObject({ state: 'approved' });
    expect(await merge(person('ana'), branch)).toMatchObject({ state: 'approved' });
    // What is added after the first one agreed is nothing that they agreed to.
    const at = `${dir}/policies`;
    git(at, 'checkout', '-q', branch);
    git(at, 'commit', '-q', '--allow-empty', '-m', 'more', '--author', 'M <mallory@elsewhere.example>');
    git(at, 'checkout', '-q', 'main');
    expect(await merge(person('ben'), branch)).toMatchObject({ state: 'approved' });
    expect(await head()).toBe(before);
    expect(await merge(person('ana'), branch)).toMatchObject({ state: 'merged' });
    expect(await head()).not.toBe(before);
  });

  test('a trailer that names somebody proves nothing', async () => {
    const branch = committed('Mallory', 'mallory@elsewhere.example');
    git(`${dir}/policies`, 'checkout', '-q', branch);
    const message = 'x\n\nFlyball-Proposed-By: helper (agent)';
    git(
      `${dir}/policies`,
      'commit',
      '-q',
      '--allow-empty',
      '-m',
      message,
      '--author',
      'M <mallory@elsewhere.example>',
    );
    git(`${dir}/policies`, 'checkout', '-q', 'main');
    expect(await merge(person('ben'), branch)).toMatchObject({ state: 'approved' });
  });
});

describe('a proposal may not', () => {
  test.each([
    ['the Settings', 'flyball.yaml', SETTINGS.replace('observe', 'enforce'), /holds a Settings/],
    [
      'a Connection',
      'policies/c.yaml',
      'apiVersion: flyball.dev/v1\nkind: Connection\nmetadata: { name: c }\nspec: { connector: duckdb, path: / }\n',
      /holds a Connection/,
    ],
    ['a file elsewhere', 'other/a.yaml', note('x'), /not among the files that agents may change/],
    ['outside of the repository', '../a.yaml', note('x'), /'\.\.'/],
    ['what git keeps', '.git/config.yaml', note('x'), /starts with a dot/],
    ['a name in other letters', 'Policies/a.yaml', note('x'), /there is "policies"/],
    [
      'a mistake',
      'policies/p.yaml',
      'apiVersion: flyball.dev/v1\nkind: Policy\nmetadata: { name: p }\nspec: {}\n',
      /policies\/p\.yaml:\d+:\d+/,
    ],
    [
      'a YAML bomb',
      'policies/p.yaml',
      `a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: [*c,*c]\n`,
      /policies\/p\.yaml/,
    ],
  ])('hold %s', async (_, path, text, words) => {
    const asked = perform(propose, as(agent, 'proposer'), { title: 'A change', files: [{ path, text }] });
    await expect(asked).rejects.toThrow(words);
    expect(git(`${dir}/policies`, 'branch', '--list', 'proposals/*')).toBe('');
  });

  test('come back once a person closed it, and is refused with who and when', async () => {
    const { branch } = await proposed(agent);
    const { proposalClose } = await import('./proposals.ts');
    await perform(proposalClose, as(person('ben')), { branch });
    await expect(proposed(agent, 'three')).rejects.toThrow(
      /was closed by ben on \d{4}-\d\d-\d\d.*stays closed/,
    );
  });

  test('be merged when its checks fail on the present head', async () => {
    const { branch } = await proposed(agent);
    const at = `${dir}/policies`;
    git(at, 'checkout', '-q', branch);
    git(at, 'rm', '-q', 'flyball.yaml');
    const { writeFileSync } = await import('node:fs');
    writeFileSync(`${at}/policies/p.yaml`, 'kind: Policy\n');
    git(at, 'add', '-A');
    git(at, 'commit', '-q', '-m', 'broken');
    git(at, 'checkout', '-q', 'main');
    await expect(merge(person('ben'), branch)).rejects.toThrow(/checks do not pass/);
  });
});
