/** The example of two replicas, as its README line starts it: one is killed in a training, the other one goes on with it. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');

test('examples/replicas: one training however often its starter dies, and a replica that knows nothing but the address', async () => {
  const { stdout } = await promisify(execFile)(join(ROOT, 'examples/replicas/start.sh'), [], {
    cwd: ROOT,
    maxBuffer: 2 ** 22,
  });
  expect(stdout).toContain('2 replicas');
  expect(stdout).toContain('The second one goes on');
  expect(stdout).toMatch(/will promote \(registry\.point\)/);
  expect(stdout).toMatch(/episode \d+ ended, verified/);
  expect(stdout).toContain('trainings that ran: 1\n');
  expect(stdout).toMatch(/^whole: \d+ entries in \d+ chains/m);
});
