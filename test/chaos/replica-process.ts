/** One replica after another in one place: each a process with a wire of its own to the state, that is killed and stopped. */
import { type ChildProcess, fork } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PlantAddress } from './plant-client.ts';
import { type Wire, wireTo } from './wire.ts';

/** What a replica is told when it starts. */
export interface ReplicaJob {
  /** Who it is to the state and to the plant: `r<place>.<life>`. */
  readonly id: string;
  readonly state: string;
  readonly plant: PlantAddress;
  readonly leaseMs: number;
  /** Added to the wall clock of its process from the beginning. */
  readonly clockMs: number;
}

export interface ReplicaPlace {
  /** Of the replica that lives here now, or did last: its name at the plant, and the process that the state knows. */
  id(): string;
  pid(): number;
  /** How often it ended by itself, and was started again as a supervisor does. */
  ends(): number;
  start(): void;
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>;
  /** SIGSTOP and SIGCONT. */
  stop(): void;
  go(): void;
  /** Its wall clock from now on, also of those that come after it. */
  clock(byMs: number): void;
  readonly wire: Wire;
  /** SIGTERM, and waits; gives the exit code, null when it had to be killed. */
  end(): Promise<number | null>;
  /** The same for good. */
  leave(): Promise<number | null>;
}

/** Whoever does not end by then never does: its longest wait for an answer is a sixth of it. */
const END_MS = 60_000;
/** A supervisor's pause. */
const AGAIN_MS = 500;

export async function replicaPlace(
  place: number,
  of: Omit<ReplicaJob, 'id' | 'clockMs' | 'state'> & {
    /** The address of the state by the port of the wire. */
    readonly state: (port: number) => string;
    readonly statePort: number;
    readonly log: string;
  },
): Promise<ReplicaPlace> {
  const wire = await wireTo(of.statePort);
  let life = 0;
  let clockMs = 0;
  let child: ChildProcess | undefined;
  let gone: Promise<number | null> = Promise.resolve(null);
  let listening: Promise<void> = Promise.resolve();
  let ends = 0;
  let wanted = false;
  const id = () => `r${place}.${life}`;
  const signal = (name: NodeJS.Signals) => void child?.kill(name);
  const start = () => {
    life += 1;
    wanted = true;
    const job: ReplicaJob = {
      id: id(),
      state: of.state(wire.port),
      plant: of.plant,
      leaseMs: of.leaseMs,
      clockMs,
    };
    const born = fork(join(import.meta.dirname, 'replica.child.ts'), [JSON.stringify(job)], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    born.stderr?.on('data', chunk => appendFileSync(of.log, chunk));
    child = born;
    listening = new Promise(resolve => born.once('message', () => resolve()));
    gone = new Promise(resolve => {
      born.once('exit', code => {
        appendFileSync(of.log, `{"replica":"${job.id}","exit":${code}}\n`);
        resolve(code);
        if (!wanted || child !== born) return;
        ends += 1;
        setTimeout(() => wanted && child === born && start(), AGAIN_MS);
      });
    });
  };
  const end = async () => {
    wanted = false;
    signal('SIGCONT');
    // Before it has said so, no program can be asked.
    await Promise.race([listening, gone]);
    signal('SIGTERM');
    const forced = setTimeout(() => signal('SIGKILL'), END_MS);
    const code = await gone;
    clearTimeout(forced);
    return code;
  };
  return {
    id,
    pid: () => child?.pid ?? 0,
    ends: () => ends,
    wire,
    start,
    kill: async () => {
      wanted = false;
      signal('SIGKILL');
      await gone;
    },
    stop: () => signal('SIGSTOP'),
    go: () => signal('SIGCONT'),
    clock: byMs => {
      clockMs = byMs;
      // A process that is gone keeps no clock.
      if (child?.connected) child.send({ clockMs }, () => undefined);
    },
    end,
    leave: async () => {
      const code = await end();
      await wire.close();
      return code;
    },
  };
}
