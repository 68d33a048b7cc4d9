/** Whether what a local connection names is on this machine: its folder, and programs and scripts of its commands. Runs nothing. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, extname, isAbsolute, join, resolve } from 'node:path';
import type { ConnectionSpec } from '../../model.ts';
import { childEnvironment } from './environment.ts';
import { rootOf } from './names.ts';

/** What is wrong with the folder of a connection, as *what was found; what to do*; undefined when it is there. */
export function folderFault(connection: ConnectionSpec, home: string): string | undefined {
  const folder = rootOf(home, connection);
  return isFolder(folder) ? undefined : `there is no folder ${folder}; make it, or correct path`;
}

/** What is wrong with a command, in the same form; undefined when its folder, its program and its script are there. */
export function commandFault(connection: ConnectionSpec, id: string, home: string): string | undefined {
  const command = Object.hasOwn(connection.commands, id) ? connection.commands[id] : undefined;
  if (command === undefined) {
    const known = Object.keys(connection.commands).join(', ') || 'none';
    return `there is no command ${id}; expected one of its commands: ${known}`;
  }
  const cwd = resolve(home, command.cwd ?? '.');
  if (!isFolder(cwd)) return `there is no folder ${cwd}; make it, or correct cwd`;
  const [program = '', script] = command.argv;
  if (!isProgram(program, cwd)) return `there is no program ${program}; install it, or correct argv`;
  // `node train.ts`, `python3 jobs/train.py`: a first argument that looks like a file is one.
  const isScript =
    script !== undefined && !script.startsWith('-') && /^\.[A-Za-z]\w{0,4}$/.test(extname(script));
  if (isScript && !isFile(resolve(cwd, script)))
    return `there is no file ${resolve(cwd, script)}; write it, or correct argv`;
  return undefined;
}

function isProgram(program: string, cwd: string): boolean {
  // Node runs itself.
  if (program === 'node') return true;
  if (program.includes('/')) return isExecutable(isAbsolute(program) ? program : resolve(cwd, program));
  return (childEnvironment().PATH ?? '').split(delimiter).some(folder => isExecutable(join(folder, program)));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return isFile(path);
  } catch {
    return false;
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
