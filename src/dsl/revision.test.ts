/** What is in force after a commit that is whole, in part wrong, or takes things away. */
import { expect, test } from 'vitest';
import { commit as base, catalogue, compiled, edited, example } from '../../test/fixtures/bad/example.ts';
import type { Commit, Revision } from '../model.ts';
import { compile, type File, nextRevision } from './index.ts';

const SPARE = `apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: spare }
spec:
  mode: enforce
  target: { dataset: flights }
  every: 1h
  observe: { rows: { rows: self, window: 1d } }
  when: rows < 100
  then: [ { notify: {} } ]
`;
const spare = (text = SPARE): File => ({ path: 'policies/spare.yaml', text });
const both = () => [...example(), spare()];

let counter = 0;
function head(files: readonly File[], previous: Revision | undefined, at = 1000) {
  counter++;
  const commit: Commit = { ...base, sha: String(counter).padStart(40, '0') };
  return {
    commit,
    ...nextRevision(previous, compile({ files, commit, env: 'staging', catalogue }), commit, at),
  };
}

function first(files: readonly File[] = both()): Revision {
  const { revision } = head(files, undefined);
  if (revision === undefined) throw new Error('the example is not whole');
  return revision;
}

const summary = (revision: Revision | undefined) =>
  revision?.policies.map(
    one => `${one.policy} ${one.mode} ${one.commit.sha === revision.commit.sha ? 'new' : 'kept'}`,
  );

test('before the first whole commit nothing is in force', () => {
  const { revision, rejected, changed } = head([...example(), spare(SPARE.replace('100', ''))], undefined);
  expect(revision).toBeUndefined();
  expect(changed).toBe(false);
  expect(rejected?.diagnostics).toHaveLength(1);
});

test('a whole commit is in force; what did not change keeps the commit that brought it', () => {
  const before = first();
  const { revision, changed, commit } = head([...example(), spare(SPARE.replace('100', '200'))], before);
  expect(changed).toBe(true);
  expect(revision?.commit).toEqual(commit);
  expect(summary(revision)).toEqual(['origin-drift enforce kept', 'spare enforce new']);
  expect(revision?.rejected).toBeUndefined();
});

test('the same commit again changes nothing', () => {
  const result = compiled(both());
  const { revision } = nextRevision(undefined, result, base, 1);
  expect(nextRevision(revision, result, base, 2).changed).toBe(false);
});

test('a policy with a mistake keeps its closure, the others are taken', () => {
  const before = first();
  const files = [...edited(['for: 24h', 'for: 25h']), spare(SPARE.replace('rows < 100', 'row < 100'))];
  const { revision, rejected, commit, changed } = head(files, before);
  expect(changed).toBe(true);
  expect(summary(revision)).toEqual(['origin-drift enforce new', 'spare enforce kept']);
  expect(revision?.commit).toEqual(commit);
  expect(revision?.rejected).toEqual(rejected);
  expect(rejected?.diagnostics[0]?.position).toEqual({ file: 'policies/spare.yaml', line: 9, column: 9 });
});

test('when nothing of a commit is taken, the revision stays at the commit that is enforced', () => {
  const before = first();
  const files = [...example(), spare(SPARE.replace('rows < 100', 'row < 100'))];
  const { revision, commit, changed } = head(files, before);
  expect(changed).toBe(true);
  expect(revision?.commit).toEqual(before.commit);
  expect(revision?.policies).toEqual(before.policies);
  expect(revision?.rejected?.commit).toEqual(commit);
});

test('a rejected commit is told once, and keeps the time at which it was', () => {
  const before = first();
  const files = [...example(), spare(SPARE.replace('rows < 100', 'row < 100'))];
  const result = compile({ files, commit: base, env: 'staging', catalogue });
  const { revision } = nextRevision(before, result, base, 5);
  const again = nextRevision(revision, result, base, 9);
  expect(again.changed).toBe(false);
  expect(again.rejected?.at).toBe(5);
});

test.each([
  ['syntax', spare('metadata: { name: spare\nspec: [')],
  ['no kind', spare(SPARE.replace('kind: Policy\n', ''))],
  ['a kind that is not known', spare(SPARE.replace('kind: Policy', 'kind: Polcy'))],
  ['no name', spare(SPARE.replace('name: spare', 'labels: {}'))],
  ['not text', spare('\ud800')],
  ['another file that cannot be read and names it', { path: 'policies/moved.yaml', text: `${SPARE}  - [` }],
])('a file that cannot be read keeps its policies: %s', (_, file) => {
  const { revision } = head([...example(), file], first());
  expect(summary(revision)).toEqual(['origin-drift enforce new', 'spare enforce new'].map(line => line));
  expect(revision?.rejected).toBeDefined();
});

test('two files with one policy keep the closure before both', () => {
  const files = [...both(), { path: 'policies/again.yaml', text: SPARE }];
  const { revision, rejected } = head(files, first());
  expect(revision?.policies.map(one => one.policy)).toEqual(['origin-drift', 'spare']);
  expect(rejected?.diagnostics.map(one => one.position.file)).toEqual([
    'policies/again.yaml',
    'policies/spare.yaml',
  ]);
});

test('a removed policy goes, also beside a mistake elsewhere', () => {
  expect(summary(head(example(), first()).revision)).toEqual(['origin-drift enforce kept']);
  const wrong = { path: 'policies/wrong.yaml', text: 'kind: Policy\nmetadata: { name: other }\n' };
  const { revision } = head([...example(), wrong], first());
  expect(revision?.policies.map(one => one.policy)).toEqual(['origin-drift']);
});

test('a kept closure whose target or connection was deleted observes, and says why', () => {
  const before = first();
  const renamed = [...edited(['metadata: { name: warehouse }', 'metadata: { name: store }']), spare()];
  const { revision } = head(renamed, before);
  expect(revision?.policies.map(one => [one.policy, one.mode, one.modeFrom])).toEqual([
    [
      'origin-drift',
      'observe',
      'Connection warehouse was deleted by a later commit, and this policy is kept from an earlier one',
    ],
    [
      'spare',
      'observe',
      'Connection warehouse was deleted by a later commit, and this policy is kept from an earlier one',
    ],
  ]);
  const was = before.policies[0];
  expect(revision?.policies[0]?.closureHash).not.toBe(was?.closureHash);
  expect(revision?.policies[0]?.actingHash).not.toBe(was?.actingHash);
  // Back again, and whole: as it was before.
  expect(head(both(), revision).revision?.policies.map(one => one.closureHash)).toEqual(
    before.policies.map(one => one.closureHash),
  );
});

test('a target with a mistake is not a deleted one', () => {
  const files = [...edited(['owner: flights-data', 'ownr: flights-data']), spare()];
  const { revision } = head(files, first());
  expect(revision?.policies.map(one => one.mode)).toEqual(['enforce', 'enforce']);
});
