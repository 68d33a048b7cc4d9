/** The story of the replay as data: which days, what is injected when, how people answer, and what is to be expected. */

/** Something that goes wrong because we make it so. Days are mornings; both ends belong to it. */
export type Injection =
  /** The refresh of the feature view fails on these mornings: there is no file for them, scores fall back. */
  | { readonly kind: 'refresh-fails'; readonly from: string; readonly to: string; readonly note: string }
  /** Training runs on these mornings join a rate that tells the outcome; their card says `injected: "leak"`. */
  | { readonly kind: 'training-leaks'; readonly from: string; readonly to: string; readonly note: string }
  /** On these mornings nothing lands; all of it lands on the morning after `to`. */
  | { readonly kind: 'nothing-lands'; readonly from: string; readonly to: string; readonly note: string };

export const injections: readonly Injection[] = [
  {
    kind: 'refresh-fails',
    from: '2001-03-20',
    to: '2001-03-21',
    note: 'the refresh of the feature view fails for two mornings, so that predictions carry no late rate',
  },
  {
    kind: 'training-leaks',
    from: '2001-04-14',
    to: '2001-04-15',
    note: 'the training run joins a late rate that knows the outcome, in training and holdout alike',
  },
  {
    kind: 'nothing-lands',
    from: '2001-06-16',
    to: '2001-06-20',
    note: 'no flights and no labels land for five mornings; they come in one go on 2001-06-21',
  },
];

/** Who answers what is asked in the replay. */
export const approvals = [
  { step: 'retrain', by: 'ana', decision: 'yes', comment: 'the airports that moved are the ones that I see' },
] as const;

/** The mornings of the replay: `from` belongs to it, `to` does not. */
export const replay = { from: '2001-02-01', to: '2001-07-01' } as const;

/** What the data and the injections lead to (figures in README.md): for reading beside what happened. */
export const expected = [
  {
    day: '2001-02-18',
    policy: 'delay-drift',
    what: 'winter storms: one retraining on the seven airports that moved, promoted',
  },
  { day: '2001-02-28', policy: 'delay-drift', what: 'the storms go on: not verified, escalated' },
  { day: '2001-03-21', policy: 'feature-view', what: 'injected: predictions without a late rate; told' },
  { day: '2001-04-14', policy: 'delay-drift', what: 'real drift, injected leak: the holdout praises v3' },
  { day: '2001-04-19', policy: 'live-quality', what: 'live labels disagree: rollback to v1' },
  { day: '2001-04-23', policy: 'live-quality', what: 'v1 ranks again: verified' },
  { day: '2001-05-01', policy: 'delay-drift', what: 'fires, held by the cooldown until 5 May' },
  { day: '2001-05-05', policy: 'delay-drift', what: 'a clean retraining on fourteen airports, promoted' },
  { day: '2001-05-14', policy: 'delay-drift', what: 'verified' },
  {
    day: '2001-05-17',
    policy: 'delay-drift',
    what: 'fires again, held by cooldown and rate until it clears',
  },
  { day: '2001-06-16', policy: 'delay-drift', what: 'injected: nothing lands; unknown until 21 June' },
] as const;
