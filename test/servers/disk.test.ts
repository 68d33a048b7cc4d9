/** A disk that is really full, and one that may not be written: a file system of a few megabytes that root mounts. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Store } from '../../src/model.ts';
import { openStore } from '../../src/store/open.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { appendTo, chain, folding, gap } from '../../src/store/store.fixture.ts';
import { startPostgres } from './postgres-server.ts';

let disk: string;
const mount = (...argv: string[]) => execFileSync('mount', argv, { stdio: ['ignore', 'ignore', 'pipe'] });
const resize = (size: string) => mount('-o', `remount,size=${size}`, disk);

/** Only root mounts; elsewhere src/store/faults.test.ts fills the database itself. */
const mayMount = process.getuid?.() === 0;

beforeEach(() => {
  disk = mkdtempSync(join(realpathSync(tmpdir()), 'flyball-disk-'));
  // Runs after what the test itself registers: who works on the disk is gone by then.
  onTestFinished(() => {
    execFileSync('umount', [disk]);
    rmSync(disk, { recursive: true });
  });
});

/** Fills the disk, then appends until that is refused too; gives the error and how many entries were acknowledged. */
async function fill(store: Store): Promise<{ error: unknown; kept: number }> {
  for (let kept = 0; ; kept += 20) {
    const bodies = Array.from({ length: 20 }, (_, n) => gap(kept + n));
    const error = await refusalOf(appendTo(store, bodies, 1));
    if (error !== undefined) return { error, kept };
    // What does not compress: a disk is not full because a chain of the same grows.
    for (let n = 0; n < 8; n += 1) {
      const name = `ballast ${kept} ${n}`;
      await refusalOf(store.setMeta(name, randomBytes(24_000).toString('base64')));
    }
  }
}

function refusalOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    error => error,
  );
}

describe.runIf(mayMount)('on SQLite', () => {
  it('a full disk loses nothing, can be read, and goes on when there is room', async () => {
    mount('-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk);
    const path = join(disk, 'state.db');
    const store = await openSqliteStore({ ...folding, path });
    const { error, kept } = await fill(store);
    expect(error).toMatchObject({ name: 'PortError', code: 'disk-full', retry: 'later', subject: path });
    expect((error as Error).message).toMatch(/free space on its disk.*committed before is safe/);
    expect(kept).toBeGreaterThan(20);
    expect(await store.verify()).toEqual({ ok: true, chains: 1, entries: kept });
    // A backup onto the full disk leaves nothing of itself.
    await expect(store.backup(join(disk, 'backup.db'))).rejects.toMatchObject({ code: 'disk-full' });
    expect(readdirSync(disk).filter(name => name.startsWith('backup'))).toEqual([]);
    resize('8m');
    await appendTo(store, [gap(1)], 2);
    expect((await store.target(chain))?.own.seq).toBe(kept + 1);
    expect((await store.rebuild()).differences).toEqual([]);
    await store.backup(join(disk, 'backup.db'));
    await store.close();
  });

  it('a state is not begun on a full disk, and is once there is room', async () => {
    mount('-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk);
    writeFileSync(join(disk, 'ballast'), Buffer.alloc(statSync(disk).blksize * 250));
    const path = join(disk, 'state.db');
    await expect(openSqliteStore({ ...folding, path })).rejects.toMatchObject({
      name: 'PortError',
      code: 'disk-full',
    });
    rmSync(join(disk, 'ballast'));
    const store = await openSqliteStore({ ...folding, path });
    await appendTo(store, [gap(1)], 1);
    expect(await store.verify()).toMatchObject({ ok: true, entries: 1 });
    await store.close();
  });

  it('a file system that is read-only is named, nothing is lost, and it goes on when it may be written', async () => {
    mount('-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', disk);
    const path = join(disk, 'state.db');
    const store = await openSqliteStore({ ...folding, path });
    await appendTo(store, [gap(1)], 1);
    await store.close();
    mount('-o', 'remount,ro', disk);
    const refused = openSqliteStore({ ...folding, path }).then(async one => {
      await appendTo(one, [gap(2)], 2).finally(() => one.close());
    });
    await expect(refused).rejects.toMatchObject({
      name: 'PortError',
      code: 'state-read-only',
      subject: path,
    });
    await expect(refused).rejects.toThrow(/mounted read-only/);
    mount('-o', 'remount,rw', disk);
    const again = await openSqliteStore({ ...folding, path });
    await appendTo(again, [gap(2)], 2);
    expect(await again.verify()).toMatchObject({ ok: true, entries: 2 });
    await again.close();
  });
});

describe.runIf(mayMount)('on PostgreSQL', () => {
  it('a full disk loses nothing, can be read, and goes on when there is room', async () => {
    mount('-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', disk);
    const server = await startPostgres();
    onTestFinished(() => server.remove());
    const space = join(disk, 'space');
    mkdirSync(space);
    const { uid, gid } = statSync(server.folder);
    chownSync(space, uid, gid);
    // Its log of writes stands elsewhere: a server whose log cannot grow stops, and starts again when there is room.
    await server.sql(`CREATE TABLESPACE small LOCATION '${space}'`);
    await server.sql('CREATE DATABASE full_disk TABLESPACE small');
    const store = await openStore(await server.url('full_disk'), folding);
    const { error, kept } = await fill(store);
    expect(error).toMatchObject({ name: 'PortError', code: 'disk-full', retry: 'later' });
    expect(kept).toBeGreaterThan(20);
    expect(await store.verify()).toEqual({ ok: true, chains: 1, entries: kept });
    resize('64m');
    await appendTo(store, [gap(1)], 2);
    expect((await store.target(chain))?.own.seq).toBe(kept + 1);
    expect((await store.rebuild()).differences).toEqual([]);
    await store.close();
  });
});
