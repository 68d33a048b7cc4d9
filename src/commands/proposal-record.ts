/** What our own store knows of a proposal: who proposed it, who agreed, what became of it. Entries of the fleet chain. */
import type { Principal, ProposalNote } from '../model.ts';
import type { Ports } from './ports.ts';

export interface ProposalRecord {
  readonly branch: string;
  /** What was last proposed. */
  readonly sha: string;
  readonly title: string;
  readonly url?: string;
  /** Everybody who proposed it since it was last merged. */
  readonly proposers: readonly Principal[];
  /** Who agreed, and to which commit. */
  readonly approvals: readonly { readonly by: Principal; readonly sha: string; readonly at: number }[];
  readonly closed?: { readonly by: string; readonly at: number };
  readonly merged?: { readonly by: Principal; readonly sha: string; readonly at: number };
}

/** All records, by branch. */
export async function proposalRecords({
  proposalNotes,
}: Pick<Ports, 'proposalNotes'>): Promise<ReadonlyMap<string, ProposalRecord>> {
  const records = new Map<string, ProposalRecord>();
  for (const { at, note } of await proposalNotes.read())
    records.set(note.branch, after(records.get(note.branch), note, at));
  return records;
}

/** The record of one branch; undefined when it did not come through our doors. */
export async function proposalRecord(
  ports: Pick<Ports, 'proposalNotes'>,
  branch: string,
): Promise<ProposalRecord | undefined> {
  return (await proposalRecords(ports)).get(branch);
}

function after(before: ProposalRecord | undefined, note: ProposalNote, at: number): ProposalRecord {
  const { what, branch, sha, by, title, url } = note;
  const known: ProposalRecord = before ?? {
    branch,
    sha,
    title: title ?? branch,
    proposers: [],
    approvals: [],
  };
  switch (what) {
    case 'proposed': {
      const { closed: _, merged, ...rest } = known;
      const live = merged ? { ...rest, proposers: [], approvals: [] } : rest;
      const isNew = !live.proposers.some(one => isSamePerson(one, by));
      return {
        ...live,
        sha,
        ...(title === undefined ? {} : { title }),
        ...(url === undefined ? {} : { url }),
        proposers: isNew ? [...live.proposers, by] : live.proposers,
      };
    }
    case 'approved':
      return { ...known, approvals: [...known.approvals, { by, sha, at }] };
    case 'merged':
      return { ...known, merged: { by, sha, at } };
    case 'closed':
      return { ...known, closed: { by: by.name, at } };
  }
}

function isSamePerson(a: Principal, b: Principal): boolean {
  return a.name === b.name && a.onBehalfOf === b.onBehalfOf;
}
