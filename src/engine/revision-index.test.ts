import fc from 'fast-check';
import { expect, test } from 'vitest';
import { COMMIT, policyOf, ruleOf } from '../../test/core/closed-policy.ts';
import type { ClosedPolicy, Revision } from '../model.ts';
import { standingFacts } from './fleet-facts.ts';
import { chainOf } from './ids.ts';
import { policiesConcerning, policiesOf } from './revision-index.ts';

const NAMES = ['a', 'b', 'c', 'd'];
const chains = NAMES.map(name => `model/${name}`);

/** Policies on four targets with gates that reach others, and inhibitors on others. */
const policies: fc.Arbitrary<ClosedPolicy[]> = fc
  .array(
    fc.record({
      policy: fc.constantFrom('p', 'q', 'r'),
      target: fc.constantFrom(...NAMES),
      reaches: fc.option(fc.subarray(chains)),
      excluded: fc.boolean(),
      inhibitor: fc.option(
        fc.record({ policy: fc.constantFrom('p', 'q', 'r'), chains: fc.subarray(chains) }),
      ),
    }),
    { maxLength: 8 },
  )
  .map(list =>
    list.map(({ policy, target, reaches, excluded, inhibitor }) => {
      const gate = {
        on: 'data',
        blocks: ['retrain'],
        reaches: reaches ?? [],
        taint: false,
        running: 'finish',
      } as const;
      const base = policyOf({ rule: ruleOf(reaches ? { gate } : {}) });
      return {
        ...base,
        policy,
        ...(excluded ? { excluded: { policy, reason: 'known' } } : {}),
        target: { kind: 'model', name: target },
        guard: inhibitor ? { inhibitedBy: [{ ...inhibitor, everyMs: 1000 }] } : {},
      };
    }),
  );

test('a chain’s part of a revision says of it what the whole revision says', () => {
  fc.assert(
    fc.property(policies, list => {
      const revision: Revision = { commit: COMMIT, policies: list };
      for (const chain of chains) {
        expect(policiesOf(revision, chain)).toEqual(list.filter(one => chainOf(one.target) === chain));
        expect(standingFacts(policiesConcerning(revision, chain), chain, 1)).toEqual(
          standingFacts(list, chain, 1),
        );
      }
    }),
  );
});
