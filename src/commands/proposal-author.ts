/** Who a proposal's commits are by: the git author that is written, and the people that git authors are. */
import { settingsIn } from '../dsl/index.ts';
import type { Principal, SettingsSpec } from '../model.ts';
import type { GitAuthor, PolicyText } from './ports.ts';

type People = SettingsSpec['people'];

/** The people of the Settings of a commit; none when those have mistakes. */
export function peopleOf(files: readonly PolicyText[]): People {
  return settingsIn(files)?.people ?? {};
}

/** The author that git is told: by the address of whoever answers for it, so that they count as its author. */
export function authorOf({ name, onBehalfOf }: Principal, files: readonly PolicyText[]): GitAuthor {
  const people = peopleOf(files);
  const known = [onBehalfOf, name].find(one => one !== undefined && Object.hasOwn(people, one));
  const email = known === undefined ? undefined : people[known]?.emails[0];
  return { name, email: email ?? `${name.replace(/[^\w.-]+/g, '-')}@localhost` };
}
