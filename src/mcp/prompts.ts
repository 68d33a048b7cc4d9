/** Prompts: ways of working that a person starts from a client's menu. They say what to look at, and decide nothing. */
import { completable, type GetPromptResult, type McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Caller } from '../commands/index.ts';
import type { Log } from '../model.ts';
import { guarded } from './guarded.ts';
import { type NameKind, namesOf, startingWith } from './names.ts';
import { clean } from './outside-text.ts';

interface Prompt {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly args: Readonly<Record<string, Argument>>;
  text(args: Readonly<Record<string, string>>): string;
}

interface Argument {
  readonly description: string;
  readonly optional?: true;
  /** What its values are completed from. */
  readonly names?: NameKind;
}

const TARGET: Argument = { description: 'As kind/name, such as model/churn.', names: 'chains' };

const PROMPTS: readonly Prompt[] = [
  {
    name: 'investigate_drift',
    title: 'Investigate drift',
    description: 'What drifts, since when, why, and what may be done about it.',
    args: { target: TARGET, policy: { description: 'Only this policy.', optional: true, names: 'policies' } },
    text: ({
      target,
      policy,
    }) => `Investigate drift of ${target}${policy ? ` as the policy ${policy} sees it` : ''}.
1. flyball_get_report with kind drift: which features and slices lead, against which threshold, on how many rows.
2. flyball_get_report with kind quality and freshness: rule out missing, late or broken data before you call it drift.
3. flyball_query_observations: since when, sudden or slow, and whether it comes back every week.
4. flyball_explain_decision: what Flyball did or held, and why.
Answer with: what moved, since when, the likely cause with its evidence, what is unknown, and at most three next steps. Say what would change your mind.`,
  },
  {
    name: 'draft_policy',
    title: 'Draft a policy',
    description: 'From a wish in words to a checked, simulated proposal.',
    args: { target: TARGET, goal: { description: 'What must hold, in words.' } },
    text: ({ target, goal }) => `Draft a policy for ${target} that sees to this wish: ${goal}
1. Read flyball://docs/language, then what is in force: flyball_list_policies and flyball_get_policy.
2. Write the YAML. Prefer mode observe for a first version, and thresholds from what was observed (flyball_query_observations).
3. flyball_validate_policy until it is valid; each mistake has file, line and column.
4. flyball_simulate_policy over at least 30 days: how often it would have fired and acted, and whether that is what was wished.
5. Show the draft with those figures. Propose it by flyball_propose_policy_change only when the person agrees.`,
  },
  {
    name: 'review_proposal',
    title: 'Review a proposal',
    description: 'What a proposed policy change does, and what it weakens.',
    args: { proposal: { description: 'The branch of the proposal.' } },
    text: ({ proposal }) => `Review the proposed policy change ${proposal}.
1. Read the change and what it was checked with: the page of the proposal or its pull request, and 'flyball proposals show'.
2. Name everything that it weakens: guards, gates, approvals, modes, thresholds, tests.
3. flyball_simulate_policy with the changed files: what would have happened differently.
4. flyball_get_status and flyball_explain_decision: what is going on now at the targets that it touches.
Answer with: what changes for whom, what it weakens, the evidence for and against, and questions for the author. A person merges or closes it; you cannot.`,
  },
  {
    name: 'explain_why_not',
    title: 'Explain why nothing happened',
    description: 'Why a rule did not fire, or an action is held.',
    args: {
      target: TARGET,
      policy: { description: 'The policy that was expected to act.', optional: true, names: 'policies' },
    },
    text: ({
      target,
      policy,
    }) => `Explain why nothing was done about ${target}${policy ? ` by the policy ${policy}` : ''}.
1. flyball_explain_decision${policy ? ` with what: ${policy} and the target` : ' for each policy of the target (flyball_list_policies)'}: operands with their values, the clause that decided, timers, every guard that holds.
2. flyball_get_status for the target: pauses, gates, silences, blind rules, a commit that is not in force.
3. If a value is unknown: flyball_get_report with kind freshness names the data that is missing.
Answer with the one reason that is decisive now, then the others, then when it will be looked at next. Unknown is a reason of its own: say what would make it known.`,
  },
  {
    name: 'approval_briefing',
    title: 'Brief me on an approval',
    description: 'What a person needs to know before a yes or no.',
    args: { approval: { description: 'Its id.', names: 'approvals' } },
    text: ({ approval }) => `Brief me on the approval ${approval} so that I can decide.
1. flyball_list_approvals with approval ${approval}: what would run where, with which arguments, why, who may decide, until when.
2. flyball_explain_decision for its episode: values against thresholds, and what was tried before.
3. flyball_get_report for its target: how sure the evidence is.
Answer with: what happens on yes, what happens on no, how it is undone, the evidence with figures, what changed since it was asked, and what you could not find out. Do not recommend by default. I decide on its page; you cannot.`,
  },
  {
    name: 'incident_timeline',
    title: 'Time line of an incident',
    description: 'What happened at a target, in order, from the ledger.',
    args: {
      target: TARGET,
      since: { description: 'A date, a time, or how long ago (24h).', optional: true },
    },
    text: ({
      target,
      since,
    }) => `Write the time line of what happened at ${target}${since ? ` since ${since}` : ' in the last 24 hours'}.
1. flyball_search_ledger for its chain, page by page: transitions, episodes, decisions, intents, outcomes, approvals, revisions.
2. flyball_query_observations: the values at the turning points.
3. flyball_search_ledger for changes of policies at the time, and flyball_explain_decision for each episode.
Answer with a table of time (UTC), what happened, and the entry that proves it; then cause, effect, what helped, and what is still open. Give only what the ledger shows.`,
  },
];

/** Registers all prompts; their arguments are completed from the names that the caller may see. */
export function registerPrompts(server: McpServer, caller: Caller, log: Log): void {
  for (const { name, title, description, args, text } of PROMPTS) {
    const argsSchema = z.object(
      Object.fromEntries(Object.entries(args).map(([key, one]) => [key, argumentOf(one, caller, log)])),
    );
    server.registerPrompt(name, { title, description, argsSchema }, given => said(text(plain(given))));
  }
}

function argumentOf(
  { description, optional, names }: Argument,
  caller: Caller,
  log: Log,
): z.ZodType<string | undefined> {
  const text = z.string().max(2000).describe(description);
  const field = names === undefined ? text : completable(text, completer(names, caller, log));
  return optional ? field.optional() : field;
}

function completer(names: NameKind, caller: Caller, log: Log) {
  return guarded(log, async (typed: string | undefined) =>
    startingWith(await namesOf(caller, names), typed ?? ''),
  );
}

/** Arguments on one line each: they are filled in by people, and by clients that take them from elsewhere. */
function plain(given: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(given).map(([key, value]) => [
      key,
      clean(String(value ?? ''), 1000)
        .replace(/\s+/g, ' ')
        .trim(),
    ]),
  );
}

function said(text: string): GetPromptResult {
  return { messages: [{ role: 'user', content: { type: 'text', text } }] };
}
