/** What the engine last found at the remote repository, as the state keeps it, and its words for people. */
import type { Ports, RemoteState } from './ports.ts';
import { safe, when } from './time.ts';

/** Undefined when there is no remote, or nobody looked at it yet. */
export async function remoteState({ settings, world }: Ports): Promise<RemoteState | undefined> {
  const kept = settings.remote && (await world.store.meta('remote'));
  return kept === undefined ? undefined : (JSON.parse(kept) as RemoteState);
}

/** What is wrong with it: one line each. */
export function remoteProblems(state: RemoteState | undefined): readonly string[] {
  const { failing, refused } = state ?? {};
  return [
    ...(failing
      ? [`${safe(failing.problem, 500)} Since ${when(failing.since)}; what was taken before stays in force.`]
      : []),
    ...(refused
      ? [
          `head ${refused.sha.slice(0, 7)} of the remote repository is not taken: ${safe(refused.problem)}; what was taken before stays in force.`,
        ]
      : []),
  ];
}
