/** Windows and schedules: what they say in ordinary weeks, on both days on which clocks change, and for any window and time. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  cronAfter,
  cronBefore,
  cronPeriodMs,
  cronProblem,
  isOpen,
  nextChange,
  windowProblem,
  zoneProblem,
} from './calendar.ts';
import type { WindowSpec } from './model.ts';

const ZURICH = 'Europe/Zurich';
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

function window(when: string, zone = ZURICH): WindowSpec {
  return { name: 'w', when, zone };
}

/** Rows of `a | b | c`, without the first, which names the columns. */
function rows(table: string): readonly (readonly string[])[] {
  return table
    .trim()
    .split('\n')
    .slice(1)
    .map(line => line.split('|').map(cell => cell.trim()));
}

function iso(at: number | undefined): string {
  return at === undefined ? 'never' : new Date(at).toISOString().slice(0, 16);
}

describe('a window is open, and changes next (P36: zone by name, times in UTC)', () => {
  // Clocks in Zurich: +1, from 2026-03-29 02:00 +2, from 2026-10-25 03:00 again +1. In Sydney: +11, from 2026-04-05 03:00 +10,
  // from 2026-10-04 02:00 +11. In Santiago 2026-09-06 00:00 does not exist.
  const table = `
when                                | zone             | at (UTC)         | open   | changes (UTC)
Mon-Fri 08:00-17:00                 | Europe/Zurich    | 2026-01-05T06:59 | closed | 2026-01-05T07:00
Mon-Fri 08:00-17:00                 | Europe/Zurich    | 2026-01-05T07:00 | open   | 2026-01-05T16:00
Mon-Fri 08:00-17:00                 | Europe/Zurich    | 2026-01-05T16:00 | closed | 2026-01-06T07:00
Mon-Fri 08:00-17:00                 | Europe/Zurich    | 2026-01-09T16:00 | closed | 2026-01-12T07:00
Mon-Fri 08:00-17:00                 | Europe/Zurich    | 2026-07-06T06:30 | open   | 2026-07-06T15:00
Mon-Fri 08:00-17:00                 | UTC              | 2026-07-06T06:30 | closed | 2026-07-06T08:00
Mon-Fri 08:00-12:00; Mon 13:00-17:00 | UTC             | 2026-07-06T12:30 | closed | 2026-07-06T13:00
Mon-Fri 08:00-12:00; Mon 12:00-17:00 | UTC             | 2026-07-06T11:00 | open   | 2026-07-06T17:00
Sat,Sun                             | Europe/Zurich    | 2026-01-09T22:59 | closed | 2026-01-09T23:00
Sat,Sun                             | Europe/Zurich    | 2026-01-10T22:59 | open   | 2026-01-11T23:00
Sat,Sun                             | Europe/Zurich    | 2026-01-11T23:00 | closed | 2026-01-16T23:00
Fri-Mon                             | UTC              | 2026-01-09T00:00 | open   | 2026-01-13T00:00
22:00-06:00                         | Europe/Zurich    | 2026-01-05T20:59 | closed | 2026-01-05T21:00
22:00-06:00                         | Europe/Zurich    | 2026-01-06T04:59 | open   | 2026-01-06T05:00
Fri 22:00-06:00                     | UTC              | 2026-01-10T05:00 | open   | 2026-01-10T06:00
Fri 22:00-06:00                     | UTC              | 2026-01-09T05:00 | closed | 2026-01-09T22:00
Mon 18:00-24:00                     | UTC              | 2026-01-05T23:59 | open   | 2026-01-06T00:00
Mon 18:00-24:00                     | UTC              | 2026-01-06T00:00 | closed | 2026-01-12T18:00
00:00-24:00                         | Europe/Zurich    | 2026-01-05T20:59 | open   | never
Mon-Sun                             | Europe/Zurich    | 2026-01-05T20:59 | open   | never
12-15 00:00 - 01-06 00:00           | Europe/Zurich    | 2025-12-14T22:59 | closed | 2025-12-14T23:00
12-15 00:00 - 01-06 00:00           | Europe/Zurich    | 2025-12-31T23:30 | open   | 2026-01-05T23:00
12-15 00:00 - 01-06 00:00           | Europe/Zurich    | 2026-01-05T23:00 | closed | 2026-12-14T23:00
06-01 00:00 - 07-01 00:00           | Europe/Zurich    | 2026-06-10T00:00 | open   | 2026-06-30T22:00
06-01 00:00 - 07-01 00:00           | Europe/Zurich    | 2026-07-10T00:00 | closed | 2027-05-31T22:00
12-15 00:00 - 01-06 00:00; Sat,Sun  | UTC              | 2026-12-13T00:00 | open   | 2026-12-14T00:00
12-15 00:00 - 01-04 00:00; Sun,Mon  | UTC              | 2026-12-16T00:00 | open   | 2027-01-05T00:00
00:00-24:00; 12-15 00:00 - 01-06 00:00 | UTC           | 2026-12-16T00:00 | open   | never
02:00-03:00                         | Europe/Zurich    | 2026-03-28T01:30 | open   | 2026-03-28T02:00
02:00-03:00                         | Europe/Zurich    | 2026-03-29T00:30 | closed | 2026-03-30T00:00
02:15-02:45                         | Europe/Zurich    | 2026-03-29T00:30 | closed | 2026-03-30T00:15
Sun 02:15-02:45                     | Europe/Zurich    | 2026-03-25T00:30 | closed | 2026-04-05T00:15
02:30-05:00                         | Europe/Zurich    | 2026-03-29T00:59 | closed | 2026-03-29T01:00
02:30-05:00                         | Europe/Zurich    | 2026-03-29T01:00 | open   | 2026-03-29T03:00
22:00-02:30                         | Europe/Zurich    | 2026-03-29T00:59 | open   | 2026-03-29T01:00
02:30-02:00                         | Europe/Zurich    | 2026-03-28T20:00 | open   | 2026-03-30T00:00
08:00-17:00                         | Europe/Zurich    | 2026-03-29T05:59 | closed | 2026-03-29T06:00
02:00-03:00                         | Europe/Zurich    | 2026-10-25T00:00 | open   | 2026-10-25T02:00
02:15-02:45                         | Europe/Zurich    | 2026-10-25T00:30 | open   | 2026-10-25T00:45
02:15-02:45                         | Europe/Zurich    | 2026-10-25T01:30 | closed | 2026-10-26T01:15
22:00-02:30                         | Europe/Zurich    | 2026-10-25T00:29 | open   | 2026-10-25T00:30
02:30-05:00                         | Europe/Zurich    | 2026-10-25T01:15 | open   | 2026-10-25T04:00
Sun                                 | Europe/Zurich    | 2026-10-24T22:00 | open   | 2026-10-25T23:00
Sun                                 | Europe/Zurich    | 2026-03-28T23:00 | open   | 2026-03-29T22:00
01:30-04:00                         | Australia/Sydney | 2026-10-03T15:45 | open   | 2026-10-03T17:00
02:00-03:00                         | Australia/Sydney | 2026-10-03T15:30 | closed | 2026-10-04T15:00
02:00-03:00                         | Australia/Sydney | 2026-04-04T15:00 | open   | 2026-04-04T17:00
Sun                                 | America/Santiago | 2026-09-06T03:59 | closed | 2026-09-06T04:00
Sun                                 | America/Santiago | 2026-09-06T04:00 | open   | 2026-09-07T03:00`;
  test.each(rows(table))('%s in %s at %s: %s until %s', (when = '', zone = '', at = '', open, changes) => {
    const one = window(when, zone);
    const now = Date.parse(`${at}Z`);
    expect([isOpen(one, now) ? 'open' : 'closed', iso(nextChange(one, now))]).toEqual([open, changes]);
  });
});

const time = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
  .map(parts => parts.map(part => String(part).padStart(2, '0')).join(':'));
const days = fc.constantFrom('', 'Mon-Fri ', 'Sat,Sun ', 'Sun ', 'Fri-Mon ', 'Mon,Wed,Fri ');
const date = fc
  .integer({ min: 0, max: 364 })
  .map(day => new Date(Date.UTC(2001, 0, 1 + day)).toISOString().slice(5, 10));
const part = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(days, time, time).map(([on, from, to]) => `${on}${from}-${to}`) },
  { weight: 1, arbitrary: fc.constantFrom('Sat,Sun', 'Mon', '00:00-24:00', 'Tue 12:00-24:00') },
  {
    weight: 1,
    arbitrary: fc.tuple(date, time, date, time).map(([d, t, e, u]) => `${d} ${t} - ${e} ${u}`),
  },
);
const anyWindow = fc
  .record({
    name: fc.constant('w'),
    when: fc.array(part, { minLength: 1, maxLength: 2 }).map(parts => parts.join('; ')),
    zone: fc.constantFrom('UTC', ZURICH, 'America/New_York', 'Australia/Lord_Howe', 'America/Santiago'),
  })
  .filter(one => windowProblem(one.when) === undefined);
/** Often near the two changes of clocks of a year. */
const anyTime = fc
  .tuple(
    fc.constantFrom(
      '2026-03-29',
      '2026-10-25',
      '2026-04-05',
      '2026-10-04',
      '2026-09-06',
      '2026-06-10',
      '2026-12-31',
    ),
    fc.integer({ min: -2 * DAY, max: 2 * DAY }),
  )
  .map(([day, ms]) => Date.parse(`${day}T00:00Z`) + ms);

test('until the next change a window stays as it is, and there it flips', () => {
  fc.assert(
    fc.property(
      anyWindow,
      anyTime,
      fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { maxLength: 4 }),
      (one, at, shares) => {
        const change = nextChange(one, at);
        const open = isOpen(one, at);
        const until = change ?? at + 30 * DAY;
        expect(until).toBeGreaterThan(at);
        for (const share of shares)
          expect(isOpen(one, Math.min(until - 1, Math.floor(at + share * (until - at))))).toBe(open);
        expect(isOpen(one, until - 1)).toBe(open);
        if (change !== undefined) expect(isOpen(one, change)).toBe(!open);
      },
    ),
    { numRuns: 300 },
  );
});

test('a daily window is open as the clock on the wall says, but in the hour that clocks repeat or skip', () => {
  const wall = new Intl.DateTimeFormat('en-GB', {
    timeZone: ZURICH,
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  fc.assert(
    fc.property(
      time,
      time,
      fc.integer({ min: Date.UTC(2025, 0, 1), max: Date.UTC(2027, 0, 1) }),
      (from, to, at) => {
        fc.pre(from !== to);
        const now = wall.format(at);
        fc.pre(!/^0[23]:/.test(now) && !/^0[23]:/.test(from) && !/^0[23]:/.test(to));
        const inside = from < to ? from <= now && now < to : now >= from || now < to;
        expect(isOpen(window(`${from}-${to}`), at)).toBe(inside);
      },
    ),
    { numRuns: 300 },
  );
});

describe('what is no window, zone or schedule is refused', () => {
  test.each(
    rows(`
when | problem
 | expected Mon-Fri 08:00-17:00, Sat,Sun, 22:00-06:00, or 12-15 00:00 - 01-06 00:00
weekdays | expected days such as Mon-Fri or Sat,Sun in place of weekdays
mon-fri 08:00-17:00 | expected days such as Mon-Fri or Sat,Sun in place of mon-fri
Mon-Fri-Sun | expected days such as Mon-Fri
Mon-Fri 8:00-17:00 | expected a time from 00:00 to 23:59, with two digits each, in place of 8:00
08:00-25:00 | expected a time from 00:00 to 24:00, with two digits each, in place of 25:00
08:00-24:30 | expected a time from 00:00 to 24:00, with two digits each, in place of 24:30
24:00-06:00 | expected a time from 00:00 to 23:59, with two digits each, in place of 24:00
08:00-08:00 | expected an end that is not its start
08:60-09:00 | expected a time from 00:00 to 23:59
02-29 00:00 - 03-02 00:00 | expected a day that every year has
13-01 00:00 - 01-06 00:00 | expected a day that every year has
12-15 00:00 - 01-06 24:00 | expected a time from 00:00 to 23:59
12-15 00:00 - 12-15 00:00 | expected an end that is not its start
08:00-17:00; | expected Mon-Fri
0 8 * * * | expected`),
  )('%j', (when = '', problem = '') => {
    expect(windowProblem(when)).toContain(problem);
  });

  test.each(
    rows(`
zone | problem
+02:00 | an offset does not follow daylight saving
UTC+2 | an offset does not follow daylight saving
Etc/GMT-2 | an offset does not follow daylight saving
CET | an abbreviation does not say
EST5EDT | an abbreviation does not say
europe/zurich | expected Europe/Zurich, as the zone is spelt
utc | expected
local | expected an IANA time zone
Mars/Base | expected an IANA time zone
 | expected an IANA time zone`),
  )('%j', (zone = '', problem = '') => {
    expect(zoneProblem(zone)).toContain(problem);
  });

  test('long texts are not read', () => {
    expect(windowProblem(`${'1-'.repeat(50_000)} x`)).toBe('expected at most 200 characters');
    expect(cronProblem({ cron: `${'0,'.repeat(50_000)}0 0 * * *`, zone: 'UTC' })).toMatch(/^expected minute/);
  });

  test.each(['UTC', ZURICH, 'America/Argentina/Ushuaia', 'Asia/Kolkata', 'US/Eastern', 'Etc/UTC'])(
    '%s is a zone',
    zone => {
      expect(zoneProblem(zone)).toBeUndefined();
    },
  );

  test.each([
    '',
    '0 2 * *',
    '* * * * * *',
    '61 * * * *',
    '0 0 31 2 *',
    '@daily',
    '0 2 ? * *',
    '0 2 * * Caturday',
  ])('the schedule %j', cron => {
    expect(cronProblem({ cron, zone: ZURICH })).toMatch(/^expected /);
  });

  test('a schedule in a zone without a place', () => {
    expect(cronProblem({ cron: '0 2 * * *', zone: 'CET' })).toContain('abbreviation');
    expect(cronProblem({ cron: '0 2 * * *', zone: ZURICH })).toBeUndefined();
  });
});

describe('schedules', () => {
  test('a run is the last at its own instant and the next a moment before', () => {
    const spec = { cron: '30 2 * * *', zone: ZURICH };
    const run = Date.parse('2026-10-25T00:30Z');
    expect(iso(cronBefore(spec, run))).toBe('2026-10-25T00:30');
    expect(iso(cronBefore(spec, run - 1))).toBe('2026-10-24T00:30');
    expect(iso(cronAfter(spec, run - 1))).toBe('2026-10-25T00:30');
    expect(iso(cronAfter(spec, run))).toBe('2026-10-26T01:30');
    expect(iso(cronAfter(spec, Date.parse('2026-03-28T12:00Z')))).toBe('2026-03-29T01:00');
  });

  test('backwards and forwards give the same runs', () => {
    const field = fc.constantFrom(
      '0 2 * * *',
      '30 2 * * *',
      '*/15 * * * *',
      '0 0 1 * *',
      '0 2,14 * * 1-5',
      '59 23 L * *',
      '0 0 29 2 *',
    );
    fc.assert(
      fc.property(field, fc.constantFrom('UTC', ZURICH, 'America/Santiago'), anyTime, (cron, zone, at) => {
        const spec = { cron, zone };
        const next = cronAfter(spec, at) ?? Number.NaN;
        const last = cronBefore(spec, at) ?? Number.NaN;
        expect(last).toBeLessThanOrEqual(at);
        expect(next).toBeGreaterThan(at);
        expect(cronAfter(spec, last)).toBe(next);
        expect(cronBefore(spec, next - 1)).toBe(last);
        expect(cronBefore(spec, next)).toBe(next);
      }),
      { numRuns: 300 },
    );
  });

  test.each(
    rows(`
cron | hours
*/15 * * * * | 0.25
0 * * * * | 1
0 2 * * * | 25
0 2,14 * * * | 12
0 2 * * 1-5 | 73
0 2 * * 1 | 169
0 0 1 * * | 745
0 0 29 2 * | 35064
0 9-17 * * * | 17`),
  )('the longest time between runs of %s is %s h', (cron = '', hours) => {
    expect(cronPeriodMs({ cron, zone: ZURICH }) / HOUR).toBe(Number(hours));
  });
});
