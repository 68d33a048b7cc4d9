/** The validator of `Settings`: what holds for the whole fleet. What its names refer to is checked in the library. */
import { z } from 'zod';
import { windowProblem } from '../calendar.ts';
import type { SettingsSpec } from '../model.ts';
import { count, duration, envelope, mode, name, period, present, ratio, text, zone } from './fields.ts';
import { globProblem } from './glob.ts';
import { rollout } from './rollout.ts';

const window = z
  .strictObject({
    when: z
      .string('expected a window such as Mon-Fri 08:00-17:00')
      .superRefine((value, ctx) => {
        const message = windowProblem(value);
        if (message !== undefined) ctx.addIssue({ code: 'custom', message });
      })
      .meta({
        description:
          'Days, times, or both (Mon-Fri 08:00-17:00); over midnight too (22:00-06:00); or from a date of the year to another.',
        examples: ['Mon-Fri 08:00-17:00', 'Sat,Sun', '12-15 00:00 - 01-06 00:00'],
      }),
    zone: zone.meta({ description: 'The IANA time zone whose clock it is. There is no default.' }),
  })
  .meta({
    description:
      'Recurring wall-clock time: days, times or both, over midnight too; or from a date of the year to another. Several stand side by side after a semicolon.',
    examples: [
      { when: 'Mon-Fri 08:00-17:00', zone: 'Europe/Zurich' },
      { when: '12-15 00:00 - 01-06 00:00', zone: 'Europe/Zurich' },
    ],
  });

const windowNames = z
  .array(name, 'expected a list of windows')
  .min(1, 'expected at least one window: an empty list says nothing');

const share = ratio.refine(value => value > 0, 'expected a share above 0%: nothing could ever act');

const blastRadius = z
  .strictObject({
    targets: count.optional().meta({ description: 'At most so many targets.', examples: [3] }),
    share: share
      .optional()
      .meta({ description: 'At most such a share of them; it allows at least one.', examples: ['10%'] }),
    scope: z
      .enum(['fleet', 'policy'], 'expected fleet or policy')
      .default('fleet')
      .meta({ description: 'fleet: all disruptive actions count. policy: those of each policy by itself.' }),
    per: period.meta({ description: 'Within any period of this length.', examples: ['1h'] }),
  })
  .refine(
    one => one.targets !== undefined || one.share !== undefined,
    'expected targets, share or both: without them nothing is limited',
  )
  .transform(({ targets, share, scope, per }) => present({ targets, share, scope, perMs: per }))
  .meta({
    description: 'How many targets may be acted on within a time.',
    examples: [{ targets: 3, share: '10%', per: '1h' }],
  });

const guard = z
  .strictObject({
    allow: windowNames.optional().meta({
      description: 'Disruptive actions begin only while one of these windows is open.',
      examples: [['business-hours']],
    }),
    deny: windowNames.optional().meta({
      description: 'No disruptive action begins while one of these windows is open.',
      examples: [['year-end']],
    }),
    blastRadius: blastRadius.optional(),
  })
  .transform(present)
  .meta({
    description: 'Holds all disruptive actions of the fleet; policies may only tighten it.',
    examples: [{ deny: ['year-end'], blastRadius: { targets: 3, per: '1h' } }],
  });

const channel = z
  .strictObject({
    connection: name.meta({
      description: 'outbox, which is built in: flyball status prints what is there.',
      examples: ['outbox'],
    }),
    to: text.meta({ description: 'The address on that connection.', examples: ['ml-ops'] }),
  })
  .meta({ examples: [{ connection: 'outbox', to: 'ml-ops' }] });

const labels = z.record(
  z.string(),
  z.string('expected text'),
  'expected a mapping of labels to text; {} matches everything',
);

const notify = z
  .strictObject({
    group: z
      .strictObject({
        by: z
          .array(text, 'expected a list such as [cause, owner]')
          .default(['cause', 'owner'])
          .meta({
            description:
              'cause, owner, policy, target, or a label: messages with equal values are told as one.',
            examples: [['cause', 'owner']],
          }),
        wait: duration.default(120_000).meta({
          description: 'How long others of the group are waited for; 2m unless said.',
          examples: ['2m'],
        }),
        repeat: period.default(14_400_000).meta({
          description: 'While it lasts, it is told again after so long; 4h unless said.',
          examples: ['4h'],
        }),
      })
      .prefault({})
      .transform(({ by, wait, repeat }) => ({ by, waitMs: wait, repeatMs: repeat }))
      .meta({ description: 'What is told together, and how often.' }),
    routes: z
      .array(
        z.strictObject({
          match: labels.meta({
            description: 'Labels of the policy, and severity; all must be equal. {} matches everything.',
            examples: [{ severity: 'page' }, {}],
          }),
          to: z
            .array(name, 'expected a list of channels')
            .min(1, 'expected at least one channel')
            .meta({ description: 'Channels of these Settings.', examples: [['oncall']] }),
        }),
        'expected a list of { match, to }',
      )
      .default([])
      .meta({
        description: 'The first that matches is taken.',
        examples: [
          [
            { match: { severity: 'page' }, to: ['oncall'] },
            { match: {}, to: ['digest'] },
          ],
        ],
      }),
  })
  .meta({
    description: 'Who is told what. Never part of what may act.',
    examples: [
      {
        routes: [
          { match: { severity: 'page' }, to: ['oncall'] },
          { match: {}, to: ['digest'] },
        ],
      },
    ],
  });

const glob = z.string('expected a pattern of paths such as policies/**').superRefine((value, ctx) => {
  const message = globProblem(value);
  if (message !== undefined) ctx.addIssue({ code: 'custom', message });
});

const A_KEY =
  'expected the SHA256:… of an SSH key (ssh-keygen -lf), or the 40 or 64 hexadecimal digits of an OpenPGP fingerprint';
const key = z
  .string(A_KEY)
  .regex(
    /^(SHA256:[A-Za-z0-9+/]{43}=?|(0x)?([0-9A-Fa-f]{4} {0,2}){9}[0-9A-Fa-f]{4}|(0x)?[0-9A-Fa-f]{64})$/,
    A_KEY,
  );

const account = (forge: string, login: string) =>
  z
    .string('expected the name of an account')
    .regex(/^[A-Za-z0-9][\w.-]{0,254}$/, 'expected the name of an account, without @')
    .optional()
    .meta({ description: `Their account on ${forge}.`, examples: [login] });

const person = z
  .strictObject({
    emails: z
      .array(text)
      .min(1, 'expected at least one address')
      .meta({
        description: 'The addresses of their commits: an author whom nobody has raises quorums to two.',
        examples: [['ana@acme.example']],
      }),
    keys: z
      .array(key, 'expected a list of fingerprints')
      .min(1, 'expected at least one fingerprint')
      .optional()
      .meta({
        description:
          'Fingerprints of the keys that they sign commits with. With them, a commit under their address that none of them has signed is nobody’s: it raises quorums to two.',
        examples: [['SHA256:Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmE']],
      }),
    github: account('GitHub', 'ana-acme'),
    gitlab: account('GitLab', 'ana'),
    gitea: account('Gitea or Forgejo', 'ana'),
  })
  .transform(present);

const spec = z
  .strictObject({
    mode: mode.optional().meta({
      description:
        'A ceiling for the whole fleet: observe here keeps every policy from acting. None unless said.',
    }),
    people: z
      .record(name, person)
      .default({})
      .meta({
        description: 'Who a git author is: a name and by what it is known.',
        examples: [{ ana: { emails: ['ana@acme.example'] } }],
      }),
    groups: z
      .record(name, z.array(name))
      .default({})
      .meta({
        description: 'Groups of people, for approvals and owners.',
        examples: [{ 'growth-ml': ['ana', 'ben'] }],
      }),
    windows: z
      .record(name, window, 'expected a mapping of windows')
      .optional()
      .meta({
        description: 'Named recurring times, for allow and deny of guards.',
        examples: [{ 'business-hours': { when: 'Mon-Fri 08:00-17:00', zone: 'Europe/Zurich' } }],
      }),
    guard: guard.optional(),
    channels: z
      .record(name, channel, 'expected a mapping of channels')
      .optional()
      .meta({
        description: 'Where messages go: an address on a connection that can send.',
        examples: [{ oncall: { connection: 'outbox', to: 'ml-ops' } }],
      }),
    notify: notify.optional(),
    rollouts: z
      .record(name, rollout, 'expected a mapping of rollouts')
      .optional()
      .meta({
        description: 'Schedules by which promote moves traffic; Models name them in actions.promote.rollout.',
        examples: [
          {
            standard: {
              steps: [
                { shift: '10%', hold: '1h', gate: 'canary-health' },
                { shift: '100%', hold: '24h', gate: 'canary-health' },
              ],
            },
          },
        ],
      }),
    proposals: z
      .strictObject({
        agents: z
          .strictObject({
            paths: z
              .array(glob, 'expected a list of paths')
              .min(1, 'expected at least one pattern of paths')
              .meta({
                description: 'Patterns of paths in the repository: * within a folder, ** over folders.',
                examples: [['policies/**']],
              }),
          })
          .meta({ description: 'Of proposals that agents write.' }),
      })
      .optional()
      .meta({
        description: 'What agents may propose to change; policies/** unless said.',
        examples: [{ agents: { paths: ['policies/**'] } }],
      }),
  })
  .transform(({ windows, channels, rollouts, ...rest }): SettingsSpec => {
    const named = {
      windows: withNames(windows),
      channels: withNames(channels),
      rollouts: withNames(rollouts),
    };
    return present({ ...rest, ...named }) as SettingsSpec;
  })
  .meta({ description: 'What holds for the whole fleet: ceilings, people, windows, channels, rollouts.' });

/** Each value with its key as its name, as closures hold it without the mapping. */
function withNames<T extends object>(values: Readonly<Record<string, T>> | undefined) {
  if (values === undefined) return undefined;
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { name, ...value }]));
}

/** `Settings`, once, in `flyball.yaml`. */
export const settingsDocument = envelope('Settings', spec);
