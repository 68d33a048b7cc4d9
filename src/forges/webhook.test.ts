/** Deliveries are believed with the right signature only, and lead to a look at the remote and no more. */
import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { DELIVERY_MAX, type ForgeKind, type HookHeaders, hookDoor, isSigned } from './webhook.ts';

const SECRET = "It's a Secret to Everybody";
const body = Buffer.from('Hello, World!');
const hex = (secret: string, of = body) => createHmac('sha256', secret).update(of).digest('hex');
const signed: Readonly<Record<ForgeKind, (secret: string) => HookHeaders>> = {
  github: secret => ({ 'x-hub-signature-256': `sha256=${hex(secret)}` }),
  gitlab: secret => ({ 'x-gitlab-token': secret }),
  gitea: secret => ({ 'x-gitea-signature': hex(secret) }),
};

test("GitHub's published example", () => {
  const headers = {
    'x-hub-signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
  };
  expect(isSigned('github', SECRET, headers, body)).toBe(true);
});

describe.each(['github', 'gitlab', 'gitea'] as const)('%s', kind => {
  const poked: number[] = [];
  const door = hookDoor({ kind, secret: () => SECRET, poke: () => void poked.push(1) });

  test('the right one is taken, also again', () => {
    poked.length = 0;
    for (let i = 0; i < 2; i++) expect(door(signed[kind](SECRET), body)).toMatchObject({ status: 202 });
    expect(poked).toHaveLength(2);
  });

  test('a wrong one, none, two, one of another body or of another forge are refused, and nothing is looked at', () => {
    poked.length = 0;
    const others = Object.keys(signed).filter(name => name !== kind) as ForgeKind[];
    const wrong: HookHeaders[] = [
      {},
      signed[kind]('another'),
      signed[kind](''),
      ...others.map(other => signed[other](SECRET)),
      Object.fromEntries(
        Object.entries(signed[kind](SECRET)).map(([name, value]) => [name, [String(value)]]),
      ),
    ];
    for (const headers of wrong)
      expect(door(headers, body), JSON.stringify(headers)).toMatchObject({ status: 401 });
    if (kind !== 'gitlab')
      expect(door(signed[kind](SECRET), Buffer.from('Hello'))).toMatchObject({ status: 401 });
    expect(poked).toEqual([]);
  });

  test('without a secret nobody is believed, and a large one is not looked at', () => {
    const open = hookDoor({ kind, secret: () => '', poke: () => void poked.push(1) });
    expect(open(signed[kind](''), body)).toMatchObject({ status: 401 });
    expect(door(signed[kind](SECRET), Buffer.alloc(DELIVERY_MAX + 1))).toMatchObject({ status: 413 });
  });
});
