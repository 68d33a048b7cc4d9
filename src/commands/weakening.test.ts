/** Which changes a reviewer must see first. */
import { expect, test } from 'vitest';
import { weakening } from './weakening.ts';

/** A row a change: path | before | after | weakens? `-` is not there. */
const TABLE = `
guard.cooldown                                    | 2d                    | 1d                | yes
guard.cooldown                                    | 1d                    | 2d                | no
guard.cooldown                                    | 1d                    | -                 | yes
model.actions.retrain.rate.count                  | 3                     | 5                 | yes
model.actions.retrain.rate.per                    | 7d                    | 1d                | yes
model.actions.promote.approval.quorum             | 2                     | 1                 | yes
model.actions.promote.approval.quorum             | 1                     | 2                 | no
model.actions.promote.approval.from               | ["ml"]                | -                 | yes
guard.deny                                        | [{"name":"a"}]        | -                 | yes
guard.deny                                        | [{"name":"a"}]        | [1,2]             | no
guard.blastRadius                                 | [1,2]                 | [1]               | yes
rules.rule.then.promote.require                   | a > 1                 | -                 | yes
rules.rule.verify.that                            | a > 1                 | -                 | yes
observe.psi.minSamples                            | 500                   | 50                | yes
observe.psi.maxAge                                | 12h                   | 2d                | yes
mode                                              | observe               | enforce           | yes
mode                                              | enforce               | observe           | yes
excluded.policy                                   | -                     | p                 | yes
every                                             | 1h                    | 1d                | yes
every                                             | 1d                    | 1h                | no
rules.rule.for                                    | 1h                    | 2h                | yes
model.actions.promote.approval.from               | ["a"]                 | ["a","b"]         | yes
model.actions.promote.approval.from               | ["a","b"]             | ["a"]             | no
model.actions.promote.approval.expires            | 8h                    | 2d                | yes
model.actions.rollback.safe                       | ["ask"]               | -                 | yes
connections.local.access                          | read                  | act               | yes
description                                       | one                   | two               | no
rules.rule.when                                   | a > 1                 | a > 2             | no
`;

test('each change is judged as the table says', () => {
  for (const row of TABLE.trim().split('\n')) {
    const [path = '', before, after, expected] = row.split('|').map(cell => cell.trim());
    const found = weakening(path, before === '-' ? undefined : before, after === '-' ? undefined : after);
    expect(found === undefined ? 'no' : 'yes', row).toBe(expected);
  }
});
