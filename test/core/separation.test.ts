/** Separation of duties, as the fold and the step keep it: whatever a door let through, these votes are inert. */
import { describe, expect, test } from 'vitest';
import type { CommitAuthor, PersonSpec, Principal } from '../../src/model.ts';
import { COMMIT, DAY, doing, HOUR, policyOf, RETRAIN } from './closed-policy.ts';
import { PERSON, type Simulation, simulate } from './simulation.ts';

const DRIFTED = { psi: 0.5 };
const asks = (quorum: number, people?: Readonly<Record<string, PersonSpec>>) =>
  policyOf({
    rule: doing([RETRAIN]),
    actions: { retrain: { approval: { from: ['owner'], quorum, expiresMs: 8 * HOUR, reaskMs: DAY } } },
    ...(people ? { documents: { people } } : {}),
  });

function asking(quorum = 1): Simulation {
  const sim = simulate([asks(quorum)]);
  sim.tick(DRIFTED);
  expect(sim.of('ask')).toHaveLength(1);
  return sim;
}

function vote(sim: Simulation, by: Principal, decision: 'yes' | 'no' = 'yes'): void {
  const { approval } = sim.of('ask').at(-1)!;
  sim.input({ kind: 'approval', approval, decision, by });
}

const acted = (sim: Simulation) => {
  sim.tick(DRIFTED);
  return sim.of('intent').length > 0;
};

describe('an agent never decides', () => {
  test.each<[string, Principal]>([
    ['an agent with a token', { ...PERSON, kind: 'agent' }],
    ['an agent with a token of the HTTP door', { ...PERSON, kind: 'agent', door: 'http' }],
    ['a service', { ...PERSON, kind: 'service' }],
    ['whoever comes through MCP, proven', { ...PERSON, door: 'mcp' }],
    ['whoever comes through MCP, where nobody is proven', { ...PERSON, door: 'mcp', authenticated: false }],
    ['an agent where nobody is proven', { ...PERSON, kind: 'agent', authenticated: false }],
    ['somebody in the name of a person', { ...PERSON, onBehalfOf: 'ben' }],
  ])('%s: neither yes nor no', (_, by) => {
    const sim = asking();
    vote(sim, by);
    expect(acted(sim)).toBe(false);
    vote(sim, by, 'no');
    sim.tick(DRIFTED);
    expect(sim.of('withdrawn')).toEqual([]);
    vote(sim, PERSON);
    expect(acted(sim)).toBe(true);
  });

  test('under a person’s name it does not take the place of their word', () => {
    const sim = asking(2);
    vote(sim, PERSON, 'yes');
    vote(sim, { ...PERSON, kind: 'agent' }, 'no');
    vote(sim, { ...PERSON, name: 'cleo' });
    expect(acted(sim)).toBe(true);
  });
});

test('two tokens of one person are one person', () => {
  const sim = asking(2);
  vote(sim, { ...PERSON, token: 't1' });
  vote(sim, { ...PERSON, token: 't2', door: 'http' });
  expect(acted(sim)).toBe(false);
  vote(sim, { ...PERSON, name: 'cleo', token: 't3' });
  expect(acted(sim)).toBe(true);
});

test('the person on whose behalf an agent asked is one who asked', () => {
  const sim = asking();
  const { episode } = sim.of('ask')[0]!;
  sim.input({
    kind: 'adopt',
    episode,
    by: { name: 'claude', kind: 'agent', door: 'mcp', authenticated: true, onBehalfOf: 'ben' },
  });
  vote(sim, PERSON);
  expect(acted(sim)).toBe(false);
  vote(sim, { ...PERSON, name: 'cleo' });
  expect(acted(sim)).toBe(true);
});

describe('who is not proven', () => {
  const STRANGER = { ...PERSON, name: 'mallory', authenticated: false };

  test('decides nothing where daemon.yaml says trust: tokens, and lowers no quorum', () => {
    const sim = simulate([
      { ...asks(1), commit: { ...COMMIT, author: { name: 'X', email: 'x@elsewhere' } } },
    ]);
    sim.say('trust', 'tokens');
    sim.tick(DRIFTED);
    expect(sim.of('ask')[0]).toMatchObject({ quorum: 2, statedQuorum: 1 });
    vote(sim, STRANGER);
    vote(sim, PERSON);
    expect(acted(sim)).toBe(false);
    vote(sim, { ...PERSON, name: 'cleo' });
    expect(acted(sim)).toBe(true);
    expect(sim.of('intent')[0]?.facts.trust?.value).toBe('tokens');
  });

  test('decides where it says local-user, which is said of every entry', () => {
    const sim = asking();
    vote(sim, STRANGER);
    expect(acted(sim)).toBe(true);
  });
});

describe('authors', () => {
  const KEYED = { emails: ['ana@acme.example'], keys: ['SHA256:abc='] };
  const ben = { emails: ['ben@acme.example'] };
  const cleo = { emails: ['cleo@acme.example'] };
  const changedBy = (authors: readonly CommitAuthor[]) => {
    const policy = asks(1, { ana: KEYED, ben, cleo });
    const sim = simulate([]);
    const { actingHash: acting } = policy;
    sim.input({ kind: 'revision', commit: COMMIT, policies: { p: { acting, timing: 't' } }, authors });
    sim.policies = [policy];
    sim.tick(DRIFTED);
    const [ask] = sim.of('ask');
    return { quorum: ask?.quorum, refused: ask?.refused };
  };

  test.each<[string, readonly CommitAuthor[], object]>([
    [
      'a key that is theirs',
      [{ email: 'ana@acme.example', key: 'SHA256:abc' }],
      { quorum: 1, refused: ['ana'] },
    ],
    ['their address alone, though they have keys', ['ana@acme.example'], { quorum: 2, refused: ['ana'] }],
    [
      'their address with another’s key',
      [{ email: 'ana@acme.example', key: 'SHA256:xyz' }],
      { quorum: 2, refused: ['ana'] },
    ],
    [
      'another’s address with their key',
      [{ email: 'ben@acme.example', key: 'SHA256:abc' }],
      { quorum: 1, refused: ['ana', 'ben'] },
    ],
    ['an address of somebody without keys', ['ben@acme.example'], { quorum: 1, refused: ['ben'] }],
    ['nobody known', ['x@elsewhere'], { quorum: 2, refused: [] }],
    ['one known and one not', ['ben@acme.example', 'x@elsewhere'], { quorum: 2, refused: ['ben'] }],
    ['nobody who can be told', [], { quorum: 2, refused: [] }],
  ])('%s', (_, authors, expected) => {
    expect(changedBy(authors)).toEqual(expected);
  });
});
