/** Starts engines that die by `kill -9` at a call. One is always loaded ahead: most of a short life is its start. */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Fault } from './fault.ts';
import type { PlantAddress } from './plant-client.ts';

export interface Life {
  readonly scenario: string;
  readonly state: string;
  readonly plant: PlantAddress;
  readonly fault: Fault;
  /** Calls within transactions count too. */
  readonly within: boolean;
}

export interface Engines {
  /** Lives one life. True when it was killed; false when its fault lies behind its end. Throws when it broke. */
  killed(life: Life): Promise<boolean>;
  stop(): void;
}

export function engines(): Engines {
  let ahead = spawned();
  return {
    killed: async life => {
      const engine = ahead;
      ahead = spawned();
      return engine.live(life);
    },
    stop: () => ahead.child.kill('SIGKILL'),
  };
}

function spawned(): { readonly child: ChildProcess; live(life: Life): Promise<boolean> } {
  const child = fork(join(import.meta.dirname, 'engine.child.ts'), {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let said = '';
  child.stderr?.on('data', chunk => {
    said = `${said}${chunk}`.slice(-4000);
  });
  const ready = new Promise<void>(resolve => child.once('message', () => resolve()));
  const gone = new Promise<NodeJS.Signals | null>(resolve => {
    child.once('exit', (_, signal) => resolve(signal));
  });
  return {
    child,
    live: async life => {
      await Promise.race([ready, gone]);
      let told: { calls?: number; error?: string } = {};
      child.on('message', message => {
        told = message as typeof told;
      });
      if (child.connected) child.send(life);
      const signal = await gone;
      if (signal === 'SIGKILL') return true;
      if (told.calls === undefined) throw new Error(`an engine broke: ${told.error ?? said}`);
      return false;
    },
  };
}
