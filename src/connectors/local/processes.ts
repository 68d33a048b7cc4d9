/** Which process is meant by a number: pids are used again, so a process is its pid, start time and boot. */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { childEnvironment } from './environment.ts';

export interface ProcessIdentity {
  readonly pid: number;
  /** Linux: clock ticks from boot. Elsewhere: what `ps` says. */
  readonly started: string;
  /** Which boot of the machine; empty where start times are absolute. */
  readonly boot: string;
}

/** The process that has this pid now; undefined when there is none or it is dead and merely not yet reaped. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  const started = process.platform === 'linux' ? startedOnLinux(pid) : startedByPs(pid);
  return started === undefined ? undefined : { pid, started, boot: bootId() };
}

/** True when exactly this process still runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  const now = identityOf(identity.pid);
  return now !== undefined && now.started === identity.started && now.boot === identity.boot;
}

/** True when a process of the group that this one led still runs, be it the leader or what it left behind. */
export function isGroupAlive(leader: ProcessIdentity): boolean {
  if (leader.boot !== bootId()) return false;
  const now = identityOf(leader.pid);
  // While a group lives its number is given to no new process: another start time means that the group is gone.
  if (now !== undefined && now.started !== leader.started) return false;
  return signalGroup(leader.pid, 0);
}

/** Sends a signal to a process group; 0 only asks. False when the group has no member. */
export function signalGroup(leaderPid: number, signal: NodeJS.Signals | 0): boolean {
  if (leaderPid <= 1) return false; // -0 would be our own group, -1 everything.
  try {
    process.kill(-leaderPid, signal);
    return true;
  } catch {
    return false;
  }
}

/** The machine's boot id on Linux, else empty. */
export function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}

function startedOnLinux(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command's name stands in parentheses and may hold blanks and parentheses itself: fields count from the last.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function startedByPs(pid: number): string | undefined {
  try {
    const options = {
      encoding: 'utf8',
      env: { ...childEnvironment(), LC_ALL: 'C' },
      timeout: 5_000,
    } as const;
    const [state, ...started] = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], options)
      .trim()
      .split(/\s+/);
    return state === undefined || state === '' || state.startsWith('Z') ? undefined : started.join(' ');
  } catch {
    return undefined;
  }
}
