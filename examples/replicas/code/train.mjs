// A training of ten seconds: long enough to kill whoever started it. It says in ran.txt that it ran, once for each run.
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const { FLYBALL_KEY: key, FLYBALL_ROOT: root, FLYBALL_RESULT: result } = process.env;
appendFileSync(join(root, 'ran.txt'), `${key}\n`);
await sleep(10_000);
const version = `v${key.slice(0, 8)}`;
const folder = join(root, 'registry', 'tides', version);
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'card.json'), JSON.stringify({ version }));
writeFileSync(result, JSON.stringify({ version }));
