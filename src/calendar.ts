/**
 * Windows and cron schedules in IANA zones, by one maintained library, so that every door and every test gives the same
 * answer. Pure: now is an argument, and no timer is ever started.
 *
 * A wall-clock time that daylight saving skips counts as the moment after the gap; one that occurs twice counts once, the
 * first time. Only schedules with a `*` or a step in minute or hour skip the gap and run again in the repeated hour.
 */
import { Cron } from 'croner';
import type { CronSpec, WindowSpec } from './model.ts';

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const DAY_MS = 86_400_000;
/** Where schedules are measured from: far enough back that every zone's present rules hold. */
const EPOCH = Date.UTC(2024, 0, 1);
/** Texts of strangers are not read for long. */
const LONGEST = 200;
const FORMS = 'Mon-Fri 08:00-17:00, Sat,Sun, 22:00-06:00, or 12-15 00:00 - 01-06 00:00';

/** A part of a window: from each run of `opens` to the run of `closes` that belongs to it. */
interface Part {
  readonly opens: string;
  readonly closes: string;
  /** It closes on a later day, or in a later year, than it opens: the run that belongs to it is a later one. */
  readonly wraps: boolean;
  readonly yearly: boolean;
}

/** A part of a window that could be read, or why not. */
type Read = Part | { readonly problem: string };

/** What a window should be instead, as *expected …*; undefined when nothing is wrong with it. */
export function windowProblem(when: string): string | undefined {
  for (const part of partsOf(when)) if ('problem' in part) return part.problem;
  return undefined;
}

/**
 * What a zone should be instead, as *expected …*; undefined for `UTC` and for IANA names such as `Europe/Zurich`. Offsets and
 * abbreviations are refused: they are off by an hour for half of the year.
 */
export function zoneProblem(zone: string): string | undefined {
  const expected = 'expected an IANA time zone such as Europe/Zurich or UTC';
  if (zone === 'UTC') return undefined;
  if (/^(UTC|GMT|Etc\/GMT)?[+-]\d/.test(zone))
    return `${expected}: an offset does not follow daylight saving`;
  const listed = Intl.supportedValuesOf('timeZone').find(one => one.toLowerCase() === zone.toLowerCase());
  if (listed !== undefined && listed !== zone) return `expected ${listed}, as the zone is spelt`;
  if (!isKnown(zone)) return expected;
  if (!zone.includes('/')) return `${expected}: an abbreviation does not say how it follows daylight saving`;
  return undefined;
}

function isKnown(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }) !== undefined;
  } catch {
    return false;
  }
}

/** True while the window is open: its start belongs to it, its end does not. `at` is in milliseconds since the epoch. */
export function isOpen(window: WindowSpec, at: number): boolean {
  return endOf(window, at) !== undefined;
}

/** The first instant after `at` at which `isOpen` changes; undefined when it never does. */
export function nextChange(window: WindowSpec, at: number): number | undefined {
  const parts = read(window);
  // No gap and no rest of a pattern is longer than this: beyond it the window is always open.
  const horizon = at + (parts.some(part => part.yearly) ? 760 : 16) * DAY_MS;
  let end = endOf(window, at);
  if (end === undefined) {
    const starts = parts.flatMap(part => startAfter(part, window.zone, at) ?? []);
    return starts.length === 0 ? undefined : Math.min(...starts);
  }
  for (let next = endOf(window, end); next !== undefined; next = endOf(window, end)) {
    if (next > horizon) return undefined;
    end = next;
  }
  return end;
}

/** What a schedule should be instead, as *expected …*; undefined when nothing is wrong with it. */
export function cronProblem(spec: CronSpec): string | undefined {
  const expected = 'expected minute, hour, day, month and weekday, such as 0 2 * * *';
  if (spec.cron.length > LONGEST || !/^\S+( +\S+){4}$/.test(spec.cron)) return expected;
  // The library reads ? as the time at which the pattern is read.
  if (spec.cron.includes('?')) return `${expected}: ? has no meaning here`;
  const zone = zoneProblem(spec.zone);
  if (zone !== undefined) return zone;
  try {
    if (cronAfter(spec, EPOCH) !== undefined) return undefined;
    return 'expected a schedule that runs: no year has such a day';
  } catch (cause) {
    const said = cause instanceof Error ? cause.message.replace(/^CronPattern: /, '') : String(cause);
    return `${expected} (${said.replace(/\.$/, '')})`;
  }
}

/** The last run at or before `at`, in milliseconds; undefined when there is none. */
export function cronBefore(spec: CronSpec, at: number): number | undefined {
  // Runs are at whole seconds, and the library's reference is not part of its answer.
  const reference = new Date((Math.floor(at / 1000) + 1) * 1000);
  return cronOf(spec.cron, spec.zone).previousRuns(1, reference)[0]?.getTime();
}

/** The first run after `at`, in milliseconds; undefined when there is none. */
export function cronAfter(spec: CronSpec, at: number): number | undefined {
  return cronOf(spec.cron, spec.zone)
    .nextRun(new Date(Math.floor(at / 1000) * 1000))
    ?.getTime();
}

/**
 * The longest time between two runs that follow each other, over eight years (which hold two leap days) or 400 days with a
 * run, in milliseconds. Between days the one on which clocks are set back counts; within a day an ordinary one does. The
 * schedule is one that `cronProblem` lets through.
 */
export function cronPeriodMs(spec: CronSpec): number {
  const key = `${spec.cron}\n${spec.zone}`;
  return remembered(periods, key, () => longestGap(spec));
}

function longestGap(spec: CronSpec): number {
  const until = EPOCH + 8 * 366 * DAY_MS;
  const first = cronAfter(spec, EPOCH);
  if (first === undefined) throw new Error(`flyball bug: schedule ${spec.cron} was not checked`);
  let last = lastOfDay(spec, first);
  let longest = longestWithin(spec, first, last);
  for (let days = 0; days < 400 && last < until; days += 1) {
    const next = cronAfter(spec, last);
    if (next === undefined) break;
    longest = Math.max(longest, next - last);
    last = lastOfDay(spec, next);
  }
  return longest;
}

/** Days with a run have the same times of day, so the first of them shows the gaps within. */
function longestWithin(spec: CronSpec, first: number, last: number): number {
  let longest = 0;
  for (let at = first; at < last; ) {
    const next = cronAfter(spec, at) ?? last;
    longest = Math.max(longest, next - at);
    at = next;
  }
  return longest;
}

/** The last run of the day that a run is on. */
function lastOfDay(spec: CronSpec, first: number): number {
  const midnight = cronAfter({ cron: '0 0 * * *', zone: spec.zone }, first) ?? first;
  return cronBefore(spec, midnight - 1) ?? first;
}

/** When the part of the window that is open at `at` and lasts longest closes; undefined when none is open. */
function endOf(window: WindowSpec, at: number): number | undefined {
  const ends = read(window).flatMap(part => {
    const start = cronBefore({ cron: part.opens, zone: window.zone }, at);
    const end = start === undefined ? undefined : closing(part, window.zone, start);
    return end !== undefined && at < end ? end : [];
  });
  return ends.length === 0 ? undefined : Math.max(...ends);
}

/** When a part opens next; one that daylight saving leaves no time for does not open. */
function startAfter(part: Part, zone: string, at: number): number | undefined {
  for (let start = cronAfter({ cron: part.opens, zone }, at); start !== undefined; ) {
    if (closing(part, zone, start) !== start) return start;
    start = cronAfter({ cron: part.opens, zone }, start);
  }
  return undefined;
}

/** The run of `closes` that belongs to a run of `opens`. */
function closing({ closes, wraps }: Part, zone: string, start: number): number | undefined {
  return cronAfter({ cron: closes, zone }, wraps ? start : start - 1000);
}

function read(window: WindowSpec): readonly Part[] {
  return partsOf(window.when).map(part => {
    if ('problem' in part)
      throw new Error(`flyball bug: window ${window.name} was not checked: ${part.problem}`);
    return part;
  });
}

/** `a; b` is open while a or b is. */
function partsOf(when: string): readonly Read[] {
  if (when.length > LONGEST) return [{ problem: `expected at most ${LONGEST} characters` }];
  return remembered(windows, when, () => when.split(';').map(part => partOf(part.trim())));
}

function partOf(text: string): Read {
  const yearly = /^(\S+) (\S+) - (\S+) (\S+)$/.exec(text);
  if (yearly) return yearlyPart(yearly.slice(1));
  const [, days = '', from, to] = /^(\S*?)(?:(?:^| )(\d\S*?)-(\S+))?$/.exec(text) ?? [];
  if (text === '' || (days === '' && from === undefined)) return { problem: `expected ${FORMS}` };
  const on = daysOf(days);
  if ('problem' in on) return on;
  if (from === undefined || to === undefined) return dailyPart(on.days, 0, 24 * 60);
  const [start, end] = [minutesOf(from), minutesOf(to)];
  if (start === undefined || start === 24 * 60)
    return { problem: `expected a time from 00:00 to 23:59, with two digits each, in place of ${from}` };
  if (end === undefined)
    return { problem: `expected a time from 00:00 to 24:00, with two digits each, in place of ${to}` };
  if (start === end) return { problem: `expected an end that is not its start (a whole day is 00:00-24:00)` };
  return dailyPart(on.days, start, end);
}

function dailyPart(days: readonly number[], start: number, end: number): Part {
  const wraps = end <= start || end === 24 * 60;
  const closeDays = wraps ? days.map(day => (day + 1) % 7) : days;
  const cron = (minutes: number, on: readonly number[]) =>
    `${minutes % 60} ${Math.floor(minutes / 60) % 24} * * ${on.length === 7 ? '*' : on.join(',')}`;
  return { opens: cron(start, days), closes: cron(end, closeDays), wraps, yearly: false };
}

function yearlyPart([fromDay = '', fromTime = '', toDay = '', toTime = '']: readonly string[]): Read {
  const [from, to] = [dateOf(fromDay), dateOf(toDay)];
  for (const [text, date] of [
    [fromDay, from],
    [toDay, to],
  ] as const)
    if (date === undefined)
      return {
        problem: `expected a day that every year has, as MONTH-DAY such as 12-15, in place of ${text}`,
      };
  const [start, end] = [minutesOf(fromTime), minutesOf(toTime)];
  for (const [text, minutes] of [
    [fromTime, start],
    [toTime, end],
  ] as const)
    if (minutes === undefined || minutes === 24 * 60)
      return { problem: `expected a time from 00:00 to 23:59 in place of ${text}` };
  if (!from || !to || start === undefined || end === undefined) return { problem: `expected ${FORMS}` };
  const order = (from.month - to.month) * 100 + from.day - to.day || start - end;
  if (order === 0) return { problem: 'expected an end that is not its start' };
  const cron = ({ month, day }: { month: number; day: number }, minutes: number) =>
    `${minutes % 60} ${Math.floor(minutes / 60)} ${day} ${month} *`;
  return { opens: cron(from, start), closes: cron(to, end), wraps: order > 0, yearly: true };
}

/** `Mon-Fri`, `Sat,Sun`, `Fri-Mon`; every day when nothing is said. */
function daysOf(text: string): { readonly days: readonly number[] } | { readonly problem: string } {
  if (text === '') return { days: [0, 1, 2, 3, 4, 5, 6] };
  const found = new Set<number>();
  for (const range of text.split(',')) {
    const ends = range.split('-').map(day => DAYS.indexOf(day));
    const [first = -1, last = first] = ends;
    if (ends.length > 2 || first < 0 || last < 0)
      return { problem: `expected days such as Mon-Fri or Sat,Sun in place of ${text} (or ${FORMS})` };
    for (let day = first; ; day = (day + 1) % 7) {
      found.add(day);
      if (day === last) break;
    }
  }
  return { days: [...found].sort() };
}

/** Minutes since midnight of `HH:MM`, up to 24:00. */
function minutesOf(text: string): number | undefined {
  const [, hour, minute] = /^([01]\d|2[0-4]):([0-5]\d)$/.exec(text) ?? [];
  const minutes = Number(hour) * 60 + Number(minute);
  return minutes <= 24 * 60 ? minutes : undefined;
}

function dateOf(text: string): { readonly month: number; readonly day: number } | undefined {
  const [, month = '', day = ''] = /^(\d\d)-(\d\d)$/.exec(text) ?? [];
  // 2001 was no leap year: 29 February is not a day that every year has.
  const there = new Date(`2001-${month}-${day}T00:00Z`);
  if (Number.isNaN(there.getTime()) || there.getUTCDate() !== Number(day)) return undefined;
  return { month: Number(month), day: Number(day) };
}

const windows = new Map<string, readonly Read[]>();
const crons = new Map<string, Cron>();
const periods = new Map<string, number>();

function cronOf(cron: string, zone: string): Cron {
  // Lists of hours too run once when clocks are set back, and at the end of the gap when they are set forward.
  return remembered(
    crons,
    `${cron}\n${zone}`,
    () => new Cron(cron, { timezone: zone, paused: true, mode: '5-part', fixedTimeRule: 'no-wildcard' }),
  );
}

/** Patterns are read once; texts may come from anyone, so what is kept is bounded. */
function remembered<T>(kept: Map<string, T>, key: string, make: () => T): T {
  const found = kept.get(key);
  if (found !== undefined) return found;
  const made = make();
  if (kept.size >= 1000) kept.clear();
  kept.set(key, made);
  return made;
}
