/** One file a mistake, and the exact messages in `messages.txt`: messages are interface. A new mistake is one new file. */
import { expect, test } from 'vitest';
import { badFixtures, example, messages, withFixture } from '../../test/fixtures/bad/example.ts';

test('every bad file says what is wrong, where, and what was expected', async () => {
  const text = badFixtures().flatMap(name => {
    const found = messages(withFixture(name));
    return found.length === 0 ? [`${name}: NOTHING WRONG`] : found;
  });
  await expect(`${text.join('\n')}\n`).toMatchFileSnapshot('../../test/fixtures/bad/messages.txt');
});

test('the example has no mistake', () => {
  expect(messages(example())).toEqual([]);
});

test('every bad file has a mistake at a line of its own', () => {
  for (const name of badFixtures()) {
    const own = messages(withFixture(name)).filter(line => line.startsWith(`policies/${name}:`));
    expect(own, name).not.toEqual([]);
  }
});
