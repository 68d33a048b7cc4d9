/** Whoever wrote a change may not approve what it asks: also when somebody else merged it, or pushed another commit on top. */
import { afterEach, expect, test } from 'vitest';
import { git } from '../real-git.ts';
import { furnish, modelWith, POLICIES, SETTINGS, setLevels } from './churn.ts';
import { type Home, makeHome } from './home.ts';
import { commitInForce, entriesOf } from './ledger.ts';
import { until } from './until.ts';

const PEOPLE = ['ana', 'ben', 'cleo'];
const people = PEOPLE.map(name => `    ${name}: { emails: [${name}@acme.example] }`).join('\n');
const settings = SETTINGS.replace(/people: \{.*\}/, `people:\n${people}`);
const asksWith = (expires: string) =>
  modelWith(`retrain: { approval: { from: [${PEOPLE.join(', ')}], quorum: 1, expires: ${expires} } }`);

const homes: Home[] = [];
afterEach(async () => {
  for (const home of homes.splice(0)) await home.end();
});

function commitBy(at: Home, name: string, files: Readonly<Record<string, string>>): void {
  at.commit(files);
  amendedBy(at, name);
}

function amendedBy({ repository }: Home, name: string): void {
  git(repository, 'commit', '-q', '--amend', '--no-edit', '--author', `${name} <${name}@acme.example>`);
}

test.each([
  ['two commits in one push', ['ben', 'cleo'], 1],
  ['a merge by somebody else', ['ben', 'cleo'], 1],
  ['history that was rewritten', [], 2],
])('%s: not from %j, quorum %i', async (how, refused, quorum) => {
  const at = await makeHome({ ...POLICIES, 'flyball.yaml': settings, 'model.yaml': asksWith('2h') });
  homes.push(at);
  await furnish(at);
  await setLevels(at, { north: 1 });
  const daemon = await at.daemon();
  await until('the first commit is in force', () => commitInForce(at.state));
  expect(await daemon.end('SIGTERM')).toBe(0);

  if (how.startsWith('a merge')) git(at.repository, 'checkout', '-q', '-b', 'proposal');
  commitBy(at, 'ben', { 'model.yaml': asksWith('1h') });
  if (how.startsWith('two')) commitBy(at, 'cleo', { 'README.md': 'about' });
  if (how.startsWith('a merge')) {
    git(at.repository, 'checkout', '-q', 'main');
    git(at.repository, 'merge', '-q', '--no-ff', '-m', 'merged', 'proposal');
    amendedBy(at, 'cleo');
  }
  if (how.startsWith('history')) {
    const tree = git(at.repository, 'rev-parse', 'HEAD^{tree}');
    git(at.repository, 'reset', '-q', '--hard', git(at.repository, 'commit-tree', tree, '-m', 'anew'));
  }
  const again = await at.daemon();
  const head = git(at.repository, 'rev-parse', 'HEAD');
  await until('the head is in force', () => commitInForce(at.state) === head || undefined);
  await setLevels(at, { north: 50 });
  const asked = await until('it asks', () => entriesOf(at.state, 'ask')[0]);
  expect(asked.body).toMatchObject({ refused, quorum });
  expect(await again.end('SIGTERM')).toBe(0);
});
