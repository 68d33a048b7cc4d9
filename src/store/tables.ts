/** The tables of a state with their columns, for whoever copies them whole. Claims and heartbeats are of this moment and stay out. */

export interface Table {
  readonly name: string;
  /** Columns that order the rows and are unique together, first. */
  readonly key: readonly string[];
  readonly columns: readonly string[];
  /** Rows are numbered by the database: it must know which numbers are taken. */
  readonly numbered?: true;
}

/** In an order in which each finds what it refers to. */
export const tables: readonly Table[] = [
  { name: 'heads', key: ['chain'], columns: ['chain', 'seq', 'hash'] },
  {
    name: 'entries',
    key: ['chain', 'seq'],
    columns: ['chain', 'seq', 'v', 'kind', 'at', 'body', 'prev', 'hash'],
  },
  {
    name: 'targets',
    key: ['chain'],
    columns: [
      ...['chain', 'kind', 'name', 'version', 'own', 'fold_version', 'due_at', 'last_taken_at', 'last'],
    ],
  },
  { name: 'facts', key: ['key'], columns: ['key', 'version', 'value'] },
  { name: 'revision', key: ['one'], columns: ['one', 'sha', 'body', 'version'] },
  {
    name: 'closures',
    key: ['nr'],
    columns: ['nr', 'id', 'closure_hash', 'first_commit', 'body'],
    numbered: true,
  },
  {
    name: 'actions',
    key: ['nr'],
    columns: [
      ...['nr', 'key', 'id', 'attempt', 'chain', 'subject', 'verb', 'state', 'handle', 'due_at', 'polls'],
      ...['cancel_requested', 'intended_at', 'epoch', 'lease_until', 'owner', 'action'],
    ],
    numbered: true,
  },
  {
    name: 'ticks',
    key: ['chain', 'from_seq'],
    columns: ['chain', 'from_seq', 'to_seq', 'snapshot', 'facts', 'closures'],
  },
  { name: 'shapes', key: ['nr'], columns: ['nr', 'hash', 'body'], numbered: true },
  { name: 'series', key: ['chain', 'taken_at', 'nr'], columns: ['chain', 'taken_at', 'nr', 'body'] },
  {
    name: 'outbox',
    key: ['nr'],
    columns: ['nr', 'key', 'at', 'severity', 'target', 'title', 'text', 'more'],
    numbered: true,
  },
  { name: 'profiles', key: ['hash'], columns: ['hash', 'body'] },
  { name: 'meta', key: ['key'], columns: ['key', 'value'] },
  { name: 'anchored', key: ['chain'], columns: ['chain', 'seq'] },
];
