/** Where states come from: one begun state for each scenario, and a copy of it for every trial. */
import { mkdtempSync, rmSync } from 'node:fs';
import { copyFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BIRTH, enforce, openState } from './engine.ts';
import type { Scenario } from './scenarios.ts';

export interface States {
  readonly name: string;
  /** A closed state in which the scenario's policies are in force. */
  begun(scenario: Scenario): Promise<string>;
  /** A copy of a closed state. */
  copy(state: string): Promise<string>;
  remove(state: string): Promise<void>;
}

/** A new folder, removed by whoever made it. */
export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'flyball-chaos-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }) };
}

/** Files in a folder. */
export function sqliteStates(folder: string): States {
  let count = 0;
  const next = () => {
    count += 1;
    return join(folder, `${count}.sqlite`);
  };
  return {
    name: 'sqlite',
    begun: async scenario => {
      const state = next();
      await begin(state, scenario);
      return state;
    },
    copy: async state => {
      const to = next();
      await copyFile(state, to);
      return to;
    },
    remove: async state => {
      for (const end of ['', '-wal', '-shm']) await rm(`${state}${end}`, { force: true });
    },
  };
}

/** Policies in force, and everything closed. */
export async function begin(state: string, scenario: Scenario): Promise<void> {
  const store = await openState(state);
  await enforce(store, scenario.policies, BIRTH.now);
  await store.close();
}
