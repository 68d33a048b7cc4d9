/** The table of rule states, as text: one row per due tick, through `advance` and the real fold of its transitions. */
import { describe, expect, test } from 'vitest';
import type { Interval, RuleState } from '../model.ts';
import { ruleState } from './fold-rules.ts';
import { advance, type Timing } from './rule-states.ts';

const MINUTE = 60_000;

/**
 * Columns: minute | when | clear | what came before or is absent | state afterwards | opens, ends or resets.
 * `?` is unknown, `-` is the default (clear: not when). `gap N` says that no tick was taken since minute N.
 */
const TABLES: Readonly<Record<string, readonly [timing: string, table: string]>> = {
  'a false condition stays inactive and says nothing': [
    'every 10m',
    `  0 | f | - |        | ok      |
      10 | f | - |        | ok      |`,
  ],
  'without `for` it fires in the same tick': [
    'every 10m',
    `  0 | t | - |        | firing  | opens
      10 | t | - |        | firing  |
      20 | f | - |        | ok      | ends cleared`,
  ],
  'true at every due tick for `for`': [
    'every 10m for 30m',
    `  0 | t | - |        | pending |
      10 | t | - |        | pending |
      20 | t | - |        | pending |
      30 | t | - |        | firing  | opens`,
  ],
  'false within `for` starts over': [
    'every 10m for 20m',
    `  0 | t | - |        | pending |
      10 | f | - |        | ok      |
      20 | t | - |        | pending |
      30 | t | - |        | pending |
      40 | t | - |        | firing  | opens`,
  ],
  'unknown freezes a pending timer: frozen time does not count': [
    'every 10m for 30m',
    `  0 | t | - |        | pending |
      10 | ? | ? |        | unknown |
      20 | ? | ? |        | unknown |
      30 | t | - |        | pending | the timer runs again
      40 | t | - |        | pending |
      50 | t | - |        | firing  | opens`,
  ],
  'two freezes add up': [
    'every 10m for 30m',
    `  0 | t | - |        | pending |
      10 | ? | ? |        | unknown |
      20 | t | - |        | pending | the timer runs again
      30 | ? | ? |        | unknown |
      40 | t | - |        | pending | the timer runs again
      50 | t | - |        | firing  | opens`,
  ],
  'a freeze of exactly max(2 x every, for) is kept': [
    'every 10m for 5m',
    `  0 | t | - |        | pending |
       4 | ? | ? |        | unknown |
      24 | t | - |        | pending | the timer runs again
      25 | t | - |        | firing  | opens`,
  ],
  'a longer freeze than 2 x every resets': [
    'every 10m for 5m',
    `  0 | t | - |        | pending |
       4 | ? | ? |        | unknown |
      25 | t | - |        | pending | the timer starts anew
      29 | t | - |        | pending |
      30 | t | - |        | firing  | opens`,
  ],
  'a longer freeze than `for` resets when that is more': [
    'every 10m for 60m',
    `  0 | t | - |        | pending |
      50 | t | - |        | pending |
      55 | ? | ? |        | unknown |
     116 | t | - |        | pending | the timer starts anew
     170 | t | - |        | pending |
     176 | t | - |        | firing  | opens`,
  ],
  'the tick that resumes may complete `for`': [
    'every 10m for 20m',
    `  0 | t | - |        | pending |
      20 | ? | ? |        | unknown |
      30 | t | - |        | firing  | the timer runs again, opens`,
  ],
  'unknown then false is inactive': [
    'every 10m for 20m',
    `  0 | t | - |        | pending |
      10 | ? | ? |        | unknown |
      20 | f | - |        | ok      |`,
  ],
  'a gap freezes a pending timer': [
    'every 10m for 60m',
    `  0 | t | - |        | pending |
      10 | t | - |        | pending |
      50 | t | - | gap 10 | pending | the timer runs again
      90 | t | - |        | pending |
     100 | t | - |        | firing  | opens`,
  ],
  'a long gap resets it': [
    'every 10m for 30m',
    `  0 | t | - |        | pending |
      20 | t | - |        | pending |
      60 | t | - | gap 20 | pending | the timer starts anew
      90 | t | - |        | firing  | opens`,
  ],
  'two slots late is no gap': [
    'every 10m for 30m',
    `  0 | t | - |        | pending |
      10 | t | - |        | pending |
      30 | t | - | gap 10 | firing  | opens`,
  ],
  'a gap that ends in unknown is frozen from its beginning': [
    'every 10m for 100m',
    `  0 | t | - |        | pending |
      10 | t | - |        | pending |
      60 | ? | ? | gap 10 | unknown |
      70 | t | - |        | pending | the timer runs again
     150 | t | - |        | pending |
     160 | t | - |        | firing  | opens`,
  ],
  'unknown from the start is visible and starts nothing': [
    'every 10m',
    `  0 | ? | ? |        | unknown |
      10 | ? | ? |        | unknown |
      20 | f | - |        | ok      |
      30 | ? | ? |        | unknown |
      40 | t | - |        | firing  | opens`,
  ],
  'unknown before does not count towards `for`': [
    'every 10m for 10m',
    `  0 | ? | ? |        | unknown |
      30 | t | - |        | pending |
      40 | t | - |        | firing  | opens`,
  ],
  'keepFor: clear must be known true for that long': [
    'every 10m keep 20m',
    `  0 | t | - |        | firing  | opens
      10 | f | - |        | clearing|
      20 | f | - |        | clearing|
      30 | f | - |        | ok      | ends cleared`,
  ],
  'keepFor starts over when it is not clear': [
    'every 10m keep 20m',
    `  0 | t | - |        | firing  | opens
      10 | f | - |        | clearing|
      20 | t | - |        | firing  |
      30 | f | - |        | clearing|
      40 | f | - |        | clearing|
      50 | f | - |        | ok      | ends cleared`,
  ],
  'unknown resets the count of keepFor and ends nothing': [
    'every 10m keep 20m',
    `  0 | t | - |        | firing  | opens
      10 | f | - |        | clearing|
      20 | ? | ? |        | unknown |
      30 | f | - |        | clearing|
      40 | f | - |        | clearing|
      50 | f | - |        | ok      | ends cleared`,
  ],
  'a gap resets the count of keepFor': [
    'every 10m keep 20m',
    `  0 | t | - |        | firing  | opens
      10 | f | - |        | clearing|
      50 | f | - | gap 10 | clearing| counts anew
      60 | f | - |        | clearing|
      70 | f | - |        | ok      | ends cleared`,
  ],
  'unknown for days ends nothing': [
    'every 10m',
    `  0 | t | - |        | firing  | opens
      10 | ? | ? |        | unknown |
    5000 | ? | ? |        | unknown |
    5010 | f | - |        | ok      | ends cleared`,
  ],
  'hysteresis: between the two thresholds it goes on firing': [
    'every 10m',
    `  0 | t | f |        | firing  | opens
      10 | f | f |        | firing  |
      20 | f | t |        | ok      | ends cleared`,
  ],
  'only `clear` clears: unknown when, known clear': [
    'every 10m',
    `  0 | t | f |        | firing  | opens
      10 | ? | f |        | firing  |
      20 | ? | t |        | ok      | ends cleared`,
  ],
  'hysteresis with an unknown clear': [
    'every 10m',
    `  0 | t | f |        | firing  | opens
      10 | f | ? |        | unknown |
      20 | f | t |        | ok      | ends cleared`,
  ],
  'a vanished pending set is inactive': [
    'every 10m for 30m',
    `  0 | t | - |        | pending |
      10 |   |   | absent | ok      | vanished`,
  ],
  'a vanished firing set ends after staleAfter': [
    'every 10m stale 30m',
    `  0 | t | - |        | firing  | opens
      10 |   |   | absent | vanished|
      20 |   |   | absent | vanished|
      40 |   |   | absent | ok      | ends vanished`,
  ],
  'a set that comes back still fires': [
    'every 10m stale 30m',
    `  0 | t | - |        | firing  | opens
      10 |   |   | absent | vanished|
      20 | t | - |        | firing  |
      30 |   |   | absent | vanished|
      50 |   |   | absent | vanished|
      60 |   |   | absent | ok      | ends vanished`,
  ],
  'a set that comes back clear ends as cleared': [
    'every 10m stale 30m',
    `  0 | t | - |        | firing  | opens
      10 |   |   | absent | vanished|
      20 | f | - |        | ok      | ends cleared`,
  ],
  'a failed query in between counts staleAfter anew': [
    'every 10m stale 30m',
    `  0 | t | - |        | firing  | opens
      10 |   |   | absent | vanished|
      20 | ? | ? |        | unknown |
      40 |   |   | absent | vanished|
      60 |   |   | absent | vanished|
      70 |   |   | absent | ok      | ends vanished`,
  ],
  'a gap ends nothing: staleAfter counts anew': [
    'every 10m stale 30m',
    `  0 | t | - |        | firing  | opens
      10 |   |   | absent | vanished|
     100 |   |   | absent gap 10 | vanished| counts anew
     130 |   |   | absent | ok      | ends vanished`,
  ],
  'a vanished set resets keepFor': [
    'every 10m keep 20m stale 60m',
    `  0 | t | - |        | firing  | opens
      10 | f | - |        | clearing|
      20 |   |   | absent | vanished|
      30 | f | - |        | clearing|
      50 | f | - |        | ok      | ends cleared`,
  ],
  'a set that was unknown and is gone is ok': [
    'every 10m',
    `  0 | ? | ? |        | unknown |
      10 |   |   | absent | ok      | vanished`,
  ],
};

describe('rule states', () => {
  test.each(Object.entries(TABLES))('%s', (_, [timing, table]) => {
    const expected = rows(table).map(({ cells }) => cells.join(' | '));
    expect(played(timingOf(timing), rows(table)).join('\n')).toBe(expected.join('\n'));
  });
});

interface Row {
  readonly cells: readonly string[];
}

function rows(table: string): readonly Row[] {
  return table.split('\n').map(line => ({ cells: line.split('|').map(cell => cell.trim()) }));
}

/** The same rows with the last two columns as the engine gives them. */
function played(timing: Timing, table: readonly Row[]): readonly string[] {
  let state: RuleState | undefined;
  return table.map(({ cells }) => {
    const [minute = '', whenText = '', clearText = '', before = ''] = cells;
    const at = Number(minute) * MINUTE;
    const when = truth(whenText);
    const clear = clearText === '-' ? when === false : truth(clearText);
    const seen = { when, clear, vanished: before.includes('absent') };
    const next = advance(state, seen, timing, at, gapOf(before, at));
    const said = next.changes.flatMap(change => (change.reason ? [change.reason.split(/:| after/)[0]] : []));
    for (const change of next.changes) {
      const body = {
        kind: 'transition' as const,
        cause: { policy: 'p', rule: 'r', group: '', commit: '', closureHash: '', position: NOWHERE },
        labels: {},
        from: state?.state ?? ('ok' as const),
        ...change,
      };
      state = change.to === 'ok' ? undefined : ruleState(state, body, at);
    }
    if (next.opens) said.push('opens');
    // The end says why better than the transition does.
    const last = next.ends ? [`ends ${next.ends}`] : said;
    return [minute, whenText, clearText, before, state?.state ?? 'ok', last.join(', ')].join(' | ');
  });
}

const NOWHERE = { file: '', line: 1, column: 1 };

function truth(cell: string): boolean | undefined {
  return cell === 't' ? true : cell === 'f' ? false : undefined;
}

function gapOf(cell: string, at: number): Interval | undefined {
  const from = /gap (\d+)/.exec(cell)?.[1];
  return from === undefined ? undefined : { from: Number(from) * MINUTE, to: at };
}

function timingOf(text: string): Timing {
  const ms = (name: string) => Number(new RegExp(`${name} (\\d+)m`).exec(text)?.[1] ?? 0) * MINUTE;
  return {
    everyMs: ms('every'),
    forMs: ms('for'),
    keepForMs: ms('keep'),
    staleAfterMs: ms('stale') || 30 * MINUTE,
  };
}
