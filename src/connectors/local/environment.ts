/** What a child process may inherit from this one: enough to run, and no secret. */

/** The environment of runner and command: where programs, home, language and temporary files are, and no secret. */
export function minimalEnvironment(from: NodeJS.ProcessEnv): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of ['PATH', 'HOME', 'LANG', 'TMPDIR']) {
    const value = from[name];
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}

/** The environment of every process that is started here. Reading this process's own is what makes it inherited. */
export function childEnvironment(): Record<string, string> {
  return minimalEnvironment(process.env);
}
