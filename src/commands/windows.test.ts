/** What `flyball windows` says, at both doors of files: the head commit, and the folder without a state (P36). */
import { expect, test } from 'vitest';
import type { PolicyText, Ports } from './ports.ts';
import { windows } from './windows.ts';

const SETTINGS = `apiVersion: flyball.dev/v1
kind: Settings
metadata: { name: flyball }
spec:
  windows:
    office: { when: "Mon-Fri 08:00-17:00", zone: Europe/Zurich }
    night: { when: "22:00-02:30", zone: Europe/Zurich }
    always: { when: "00:00-24:00", zone: UTC }
    sydney: { when: "Sun 01:00-04:00", zone: Australia/Sydney }
  guard: { deny: [night] }
`;
const POLICY = `apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: drift }
spec:
  target: { model: m }
  every: 1h
  observe: { rows: { rows: d, window: 1d } }
  when: rows < 10
  then: [ { notify: { text: few } } ]
  guard: { allow: [office, sydney], deny: [night] }
`;
const FILES: readonly PolicyText[] = [
  { path: 'flyball.yaml', text: SETTINGS },
  { path: 'policies/drift.yaml', text: POLICY },
];
const plain = (text: string) => text;
const paint = { bold: plain, dim: plain, good: plain, bad: plain, warn: plain };

/** As much of the ports as the command may touch. */
function folder(files: readonly PolicyText[]): Ports {
  return {
    worktree: async () => files,
    world: { clock: () => Date.parse('2026-03-28T12:00Z') },
  } as unknown as Ports;
}

async function text(ports: Ports, input: object): Promise<string> {
  const checked = windows.input.parse(input);
  const found = windows.output.parse(await windows.run(ports, checked as never));
  return windows.text(found as never, paint);
}

test('all windows: open or closed, when that changes there and in UTC, and who is held', async () => {
  expect(await text(folder(FILES), {})).toMatchInlineSnapshot(`
    "at 2026-03-28 12:00 UTC
    WINDOW  NOW     CHANGES                            IN UTC                WHEN                               NAMED BY
    always  open    never changes                                            00:00-24:00 UTC                    nobody
    night   closed  opens Sat 2026-03-28 22:00 +01:00  2026-03-28 21:00 UTC  22:00-02:30 Europe/Zurich          deny: Settings, drift
    office  closed  opens Mon 2026-03-30 08:00 +02:00  2026-03-30 06:00 UTC  Mon-Fri 08:00-17:00 Europe/Zurich  allow: drift
    sydney  closed  opens Sun 2026-03-29 01:00 +11:00  2026-03-28 14:00 UTC  Sun 01:00-04:00 Australia/Sydney   allow: drift"
  `);
});

test('one window at a time of the night in which clocks change, in two zones', async () => {
  expect(await text(folder(FILES), { window: 'night', at: '2026-03-28T23:00Z' })).toMatchInlineSnapshot(`
    "at 2026-03-28 23:00 UTC
    WINDOW  NOW   CHANGES                             IN UTC                WHEN                       NAMED BY
    night   open  closes Sun 2026-03-29 03:00 +02:00  2026-03-29 01:00 UTC  22:00-02:30 Europe/Zurich  deny: Settings, drift
                  opens Sun 2026-03-29 22:00 +02:00   2026-03-29 20:00 UTC
                  closes Mon 2026-03-30 02:30 +02:00  2026-03-30 00:30 UTC
                  opens Mon 2026-03-30 22:00 +02:00   2026-03-30 20:00 UTC
                  closes Tue 2026-03-31 02:30 +02:00  2026-03-31 00:30 UTC
                  opens Tue 2026-03-31 22:00 +02:00   2026-03-31 20:00 UTC"
  `);
  expect(
    await text(folder(FILES), { window: 'night', at: '2026-10-24T21:30Z', zone: 'America/New_York' }),
  ).toMatchInlineSnapshot(`
    "at 2026-10-24 21:30 UTC
    WINDOW  NOW   CHANGES                             IN UTC                WHEN                       NAMED BY
    night   open  closes Sat 2026-10-24 20:30 -04:00  2026-10-25 00:30 UTC  22:00-02:30 Europe/Zurich  deny: Settings, drift
                  opens Sun 2026-10-25 17:00 -04:00   2026-10-25 21:00 UTC
                  closes Sun 2026-10-25 21:30 -04:00  2026-10-26 01:30 UTC
                  opens Mon 2026-10-26 17:00 -04:00   2026-10-26 21:00 UTC
                  closes Mon 2026-10-26 21:30 -04:00  2026-10-27 01:30 UTC
                  opens Tue 2026-10-27 17:00 -04:00   2026-10-27 21:00 UTC"
  `);
});

test('the head commit is asked where there is one, not the folder', async () => {
  const repository = {
    head: async () => ({ sha: 'head' }),
    files: async (sha: string) => (sha === 'head' ? FILES : []),
  };
  const ports = { ...folder([]), repository } as unknown as Ports;
  expect(await text(ports, { window: 'office' })).toContain('Mon-Fri 08:00-17:00');
  expect(await text(folder([]), {})).toBe('No windows: Settings name none.');
});

test.each([
  [{ window: 'offices' }, 'there is no window offices; expected one of: always, night, office, sydney.'],
  [{ at: 'tomorrow' }, '--at is tomorrow; expected a date'],
  [{ zone: 'CET' }, '--zone is CET; expected an IANA time zone'],
  [{ zone: '+02:00' }, 'an offset does not follow daylight saving'],
])('%j is refused', async (input, message) => {
  await expect(text(folder(FILES), input)).rejects.toThrow(message);
});

test('Settings with mistakes leave nothing to say, and it says so', async () => {
  const broken = [{ path: 'flyball.yaml', text: SETTINGS.replace('Europe/Zurich', 'CET') }];
  await expect(text(folder(broken), {})).rejects.toThrow('The Settings have mistakes');
});
