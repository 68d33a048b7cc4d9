/** One file a mistake, and the exact message: messages are interface. A new mistake is one new file. */
import { expect, test } from 'vitest';
import { badFixtures, example, fixture, messages } from '../../test/fixtures/bad/example.ts';

test('every bad file says what is wrong, where, and what was expected', () => {
  const text = badFixtures().flatMap(name => {
    const found = messages([...example(), fixture(name)]);
    return found.length === 0 ? [`${name}: NOTHING WRONG`] : found;
  });
  expect(text.join('\n')).toMatchInlineSnapshot(`
    "policies/approval-loosened.bad.yaml:17:25: from is ben, and the Model says owner; expected a policy to tighten it, never to loosen it.
    policies/approval-loosened.bad.yaml:17:41: expires is 1d, and the Model says 8h; expected a policy to tighten it, never to loosen it.
    policies/approval-loosened.bad.yaml:17:53: reask is 1h, and the Model says 1d; expected a policy to tighten it, never to loosen it.
    policies/approval-unknown-group.bad.yaml:17:26: growth-ml is no group or person of Settings; expected owner, flights-ml, ana or ben.
    policies/attempts-later.bad.yaml:17:55: spec.verify.attempts is 3; expected 1: more attempts are not in this version.
    policies/before-in-when.bad.yaml:14:16: before is the value when the episode opened, and when comes first; expected a name without before.
    policies/binding-missing.bad.yaml:12:7: model bare has no pipeline train, and retrain runs it; expected spec.pipelines.train there.
    policies/binding-missing.bad.yaml:12:7: warning: retrain changes what runs, and no verify says whether it helped; expected verify beside then.
    policies/binding-missing.bad.yaml:13:7: model bare has no registry, and rollback needs it; expected spec.registry there.
    policies/binding-missing.bad.yaml:13:7: model bare has no serving, and rollback needs it; expected spec.serving there.
    policies/boolean-compared-number.bad.yaml:14:9: ==: true or false and a bare number do not compare; expected the same dimension on both sides.
    policies/by-not-segment.bad.yaml:9:48: column distance of dataset predictions is no segment; expected origin. Say segment: true on the column.
    policies/clear-vector.bad.yaml:17:10: clear has one answer per label set and when has one answer; expected the same of both.
    policies/column-unknown.bad.yaml:9:33: dataset predictions has no column distanse; expected id, at, version, score, origin or distance. Did you mean distance?
    policies/connection-argv.bad.yaml:5:54: spec.commands.train.argv is "node train.ts"; expected a list: the program and its arguments.
    policies/connection-folder.bad.yaml:5:7: spec.path is missing; expected the folder below which dataset paths lie.
    policies/connection-later.bad.yaml:5:20: connector airflow is not in this version; expected local or duckdb.
    policies/connection-later.bad.yaml:5:29: spec has url, which is not in this version; expected connector, access, path, commands or limits. Remove it.
    policies/connection-later.bad.yaml:5:45: spec has auth, which is not in this version; expected connector, access, path, commands or limits. Remove it.
    policies/connection-later.bad.yaml:5:65: spec.limits has concurrency, which is not in this version; expected timeout or memory. Remove it.
    policies/connection-unknown.bad.yaml:12:19: there is no connection warehose; expected warehouse, here or looking. Did you mean warehouse?
    policies/constant-condition.bad.yaml:14:9: this reads no observation, so its answer never changes; expected a name of observe.
    policies/count-compared-percent.bad.yaml:14:9: <: a count and a ratio do not compare; expected the same dimension on both sides.
    policies/cron-later.bad.yaml:7:12: spec.every has cron, which is not in this version; expected a duration such as 30m, 6h or 7d.
    policies/dataset-both.bad.yaml:5:7: spec is a mapping; expected exactly one of table and path.
    policies/dataset-columns.bad.yaml:5:49: spec.key is "id"; expected one of the columns: x.
    policies/dataset-columns.bad.yaml:5:69: spec.time.column is "at"; expected one of the columns: x.
    policies/dataset-columns.bad.yaml:5:79: spec.time.zone is "Mars/Base"; expected an IANA time zone such as UTC or Europe/Zurich.
    policies/dataset-connection.bad.yaml:5:21: connection here is of connector local; expected one of connector duckdb here.
    policies/dataset-escapes.bad.yaml:5:38: spec.path is "../secret.parquet"; expected a path below the folder of the connection, such as data/*.parquet.
    policies/dataset-later.bad.yaml:5:78: spec has upstream, which is not in this version; expected owner, connection, table, path, time, key or columns. Remove it.
    policies/dataset-sensitive-segment.bad.yaml:5:100: spec.columns.x.sensitive is true; expected no segment here: its values would be labels, for all to see.
    policies/dataset-type.bad.yaml:5:66: spec.columns.x.type is "numbr"; expected number, integer, string, boolean or timestamp. Did you mean number?
    policies/dataset-unknown.bad.yaml:10:19: there is no dataset flihgts; expected flights, predictions, labels or airports. Did you mean flights?
    policies/deny-later.bad.yaml:17:12: spec.guard has deny, which is not in this version; expected cooldown or rate. Remove it.
    policies/deny-later.bad.yaml:17:30: spec.guard has blastRadius, which is not in this version; expected cooldown or rate. Remove it.
    policies/duration-compared-bare.bad.yaml:14:9: >: a duration and a bare number do not compare; expected the same dimension on both sides. Write the number with its unit, such as 6h.
    policies/duration-without-unit.bad.yaml:7:10: spec.every is 6; expected a duration such as 30m, 6h or 7d.
    policies/duration-word.bad.yaml:17:8: spec.for is "1 day"; expected a duration such as 30m, 6h or 7d.
    policies/evaluator-argument.bad.yaml:9:10: psi is a mapping; drift needs exactly one of \`feature: COLUMN\`, \`feature: "*"\` and \`prediction: score\`.
    policies/evaluator-argument.bad.yaml:9:24: psi has no key "featrue"; expected feature, prediction, by, exact, bins, dataset, window, every, where, maxAge, minSamples, unit or reference. Did you mean feature?
    policies/evaluator-later.bad.yaml:10:13: evaluator freshness is not in this version; expected drift, rows, nulls, performance or query.
    policies/evaluator-misspelt.bad.yaml:10:13: rows names no evaluator (row is none); expected drift, rows, nulls, performance or query. Did you mean rows?
    policies/evaluator-value.bad.yaml:9:19: psi.drift is "psl"; expected psi or ks. Did you mean psi?
    policies/evaluators-two.bad.yaml:10:28: rows names the evaluators rows and nulls; expected exactly one.
    policies/field-unknown.bad.yaml:14:13: psi has no field row; expected value, lower, upper, psi, p_value, null_q999, rows, ref_rows, nulls or nonfinite. Did you mean rows?
    policies/focus-column.bad.yaml:16:26: dataset flights has no column orgin; expected origin, hour or cancelled. Did you mean origin?
    policies/focus-not-segment.bad.yaml:16:26: column distance of dataset flights is no segment; expected origin, hour or cancelled. Say segment: true on the column if rows may be chosen by it.
    policies/folded-condition-place.bad.yaml:16:5: psy is not observed; expected psi, rows, perf, age or state. Did you mean psi?
    policies/function-unknown.bad.yaml:14:9: cuont is no function; expected abs, exists, any, all, none, count, share, max, min or avg. Did you mean count?
    policies/gate-later.bad.yaml:17:3: spec has gate, which is not in this version; expected description, mode, target, every, observe, when, for, clear, keepFor, staleAfter, then, verify or guard. Remove it.
    policies/guard-loosened.bad.yaml:18:22: cooldown is 1h, and the Model says 1d for retrain; expected a policy to tighten it, never to loosen it.
    policies/guard-loosened.bad.yaml:18:32: rate is 9 per 7d, and the Model says 3 per 7d for retrain; expected a policy to tighten it, never to loosen it.
    policies/in-without-list.bad.yaml:14:18: in has no list on its right; expected one such as ['a', 'b'].
    policies/key-misspelt.bad.yaml:17:3: spec has no key "wehn"; expected description, mode, target, every, observe, when, for, clear, keepFor, staleAfter, then, verify or guard. Did you mean when?
    policies/key-twice.bad.yaml:17:3: the key "when" is written twice in one mapping; expected it once.
    policies/kind-later.bad.yaml:3:7: kind FeatureView is not in this version; expected Settings, Model, Dataset, Connection or Policy.
    policies/kind-missing.bad.yaml:2:1: kind is missing; expected Settings, Model, Dataset, Connection or Policy.
    policies/kind-misspelt.bad.yaml:3:7: kind is "Polcy"; expected Settings, Model, Dataset, Connection or Policy. Did you mean Policy?
    policies/labels-unfilled.bad.yaml:10:26: model bare has no data.labels; expected them for performance.
    policies/labels-unfilled.bad.yaml:10:26: model bare has no data.predictions; expected them for performance.
    policies/late-step-unknown.bad.yaml:11:45: there is no step retain; expected notify.
    policies/members-ambiguous.bad.yaml:17:36: when reduces more than one vector, so \${members.origin} could mean any; expected \${members.OBSERVATION.origin} with psi or ks.
    policies/members-equal.bad.yaml:16:36: == has a list on its right; expected in, or one value such as \${worst.…}.
    policies/members-label.bad.yaml:16:36: psi has no label orign; expected origin. Did you mean origin?
    policies/members-under-not.bad.yaml:16:36: \${members.origin} stands for a comparison that when negates, so its members are those that do not count; expected a reducer without not.
    policies/members-without-reducer.bad.yaml:16:36: \${members.origin} has no members, because when reads no vector; expected a reducer such as count(psi > 0.2) in when.
    policies/mode-misspelt.bad.yaml:6:20: spec.mode.staging is "enfroce"; expected observe or enforce. Did you mean enforce?
    policies/model-later.bad.yaml:5:42: spec has season, which is not in this version; expected owner, mode, task, registry, serving, data, features, pipelines or actions. Remove it.
    policies/model-later.bad.yaml:5:54: spec has params, which is not in this version; expected owner, mode, task, registry, serving, data, features, pipelines or actions. Remove it.
    policies/model-params-text.bad.yaml:8:76: spec.pipelines.train.params.since is "from \${data.since}"; expected one \${path} and nothing around it, or text without \${.
    policies/model-references.bad.yaml:8:43: dataset labels has no column idd; expected id, at or late. Did you mean id?
    policies/model-references.bad.yaml:9:47: connection here has no command train; expected train_late or evaluate_late.
    policies/model-references.bad.yaml:10:14: promot is no verb of this version; expected retrain, evaluate, promote, rollback, notify or escalate. Did you mean promote?
    policies/model-references.bad.yaml:10:70: owner is nobody, who is no group or person of Settings; expected flights-ml, ana or ben.
    policies/model-task.bad.yaml:5:34: spec.task is "binray"; expected binary, multiclass or regression. Did you mean binary?
    policies/model-verb-on-dataset.bad.yaml:12:7: retrain is about a model, and the target is a dataset; expected a model as target.
    policies/model-verb-on-dataset.bad.yaml:12:7: warning: retrain changes what runs, and no verify says whether it helped; expected verify beside then.
    policies/name-reserved.bad.yaml:10:5: count is a word of the language; expected another name for the observation.
    policies/documents.yaml:26:19: Dataset flights is also in policies/name-twice.bad.yaml:2; expected it once.
    policies/documents.yaml:88:26: dataset flights has a mistake of its own; expected one without. See policies/name-twice.bad.yaml:4:19.
    policies/documents.yaml:89:25: dataset flights has a mistake of its own; expected one without. See policies/name-twice.bad.yaml:4:19.
    policies/documents.yaml:117:32: dataset flights has a mistake of its own; expected one without. See policies/name-twice.bad.yaml:4:19.
    policies/name-twice.bad.yaml:4:19: Dataset flights is also in policies/documents.yaml:24; expected it once.
    policies/policy.yaml:8:20: model late-flights has a mistake of its own; expected one without. See policies/documents.yaml:88:26.
    policies/name-unobserved.bad.yaml:14:9: psy is not observed; expected psi, rows, perf, age or state. Did you mean psi?
    policies/not-a-mapping.bad.yaml:2:1: the document is a list; expected a mapping with apiVersion, kind, metadata and spec.
    policies/not-accepted.bad.yaml:12:7: warning: retrain changes what runs, and no verify says whether it helped; expected verify beside then.
    policies/not-accepted.bad.yaml:12:18: pipeline train of model looked-at does not accept focus; expected nothing (none is there). List it under accepts once the code honours it.
    policies/not-boolean.bad.yaml:14:9: this is a number; expected a condition that is true or false, such as psi > 0.2.
    policies/not-of-number.bad.yaml:14:11: not stands before a count; expected a condition. Write not (a > b), with parentheses.
    policies/null-compared.bad.yaml:14:17: null is no value; expected a number, text, true or false. Write exists(x) to ask whether it is there.
    policies/on-missing-later.bad.yaml:10:40: rows has onMissing, which is not in this version; expected window, every, where, maxAge, minSamples, unit or reference. Remove it.
    policies/on-not-met-alone.bad.yaml:17:17: onNotMet stands without require; expected the condition that may not be met.
    policies/only-then-promote.bad.yaml:16:18: only trains on a slice, and the promote after it would serve everyone with that version; expected focus, which keeps a share of the rest (promote for one slice is not in this version).
    policies/own-yardstick.bad.yaml:18:19: verify reads moved, whose reference is the champion's training data, and promote changes the champion, so the remedy moves its own yardstick; expected a metric, or a reference that stays.
    policies/params-in-condition.bad.yaml:14:16: params is not in this version; expected a number in its place.
    policies/params-later.bad.yaml:17:3: spec has params, which is not in this version; expected description, mode, target, every, observe, when, for, clear, keepFor, staleAfter, then, verify or guard. Remove it.
    policies/per-later.bad.yaml:17:3: spec has per, which is not in this version; expected description, mode, target, every, observe, when, for, clear, keepFor, staleAfter, then, verify or guard. Remove it.
    policies/percent-with-space.bad.yaml:14:18: expected expression after %; expected a complete expression. A percentage is written without a space, such as 5%.
    policies/promote-unproven.bad.yaml:17:7: promote puts the version that retrain has just trained into service without a condition; expected require, such as a metric of evaluate.
    policies/rate-malformed.bad.yaml:17:18: spec.guard.rate is "3 each week"; expected a rate such as 3 per 7d.
    policies/reducer-nested.bad.yaml:14:13: count stands within another reducer; expected one reducer around the vector.
    policies/reducer-of-numbers.bad.yaml:14:15: count reduces a number; expected a condition, such as count(psi > 0.2).
    policies/reducer-of-scalar.bad.yaml:14:9: count reduces a single value; expected a vector, one value per label set. Leave the reducer out.
    policies/reference-backwards.bad.yaml:9:104: to is not after from; expected a later time.
    policies/reference-missing.bad.yaml:9:10: psi has no reference, and drift compares with one; expected reference: training, { window, offset }, { from, to } or { dataset }.
    policies/reference-no-date.bad.yaml:9:88: spec.observe.psi.reference.from is "2001-02-30"; expected a date or an ISO 8601 time, such as 2001-01-31 or 2001-01-31T06:00Z.
    policies/reference-unneeded.bad.yaml:10:24: rows compares with no reference; expected none.
    policies/require-late.bad.yaml:18:16: newer is taken after step retrain, so it is never known in require of step evaluate; expected an observation without \${steps.…}. Read it in require of a later step, or in verify.
    policies/require-output.bad.yaml:18:16: step evaluate has no output logloss; expected log_loss or champion_log_loss. Did you mean log_loss?
    policies/role-unfilled.bad.yaml:9:19: model bare has no data.training; expected it, or another dataset here.
    policies/rules-later.bad.yaml:17:3: spec has rules, which is not in this version; expected description, mode, target, every, observe, when, for, clear, keepFor, staleAfter, then, verify or guard. Remove it.
    policies/flyball.yaml:3:19: Settings is also in policies/settings-later.bad.yaml:2; expected it once.
    policies/policy.yaml:2:1: the Settings have a mistake of their own; expected Settings without. See policies/flyball.yaml:1.
    policies/settings-later.bad.yaml:4:19: Settings is also in policies/flyball.yaml:1; expected it once.
    policies/settings-later.bad.yaml:5:9: spec has windows, which is not in this version; expected mode, people or groups. Remove it.
    policies/settings-later.bad.yaml:5:47: spec.people.ana.emails is an empty list; expected at least one address.
    policies/several-mistakes.bad.yaml:14:9: psy is not observed; expected psi, rows, perf, age or state. Did you mean psi?
    policies/several-mistakes.bad.yaml:14:23: >: a duration and a bare number do not compare; expected the same dimension on both sides. Write the number with its unit, such as 6h.
    policies/several-mistakes.bad.yaml:14:35: ==: text and a bare number do not compare; expected the same dimension on both sides.
    policies/side-by-side.bad.yaml:14:18: two expressions stand side by side; expected an operator between them, such as and.
    policies/single-equals.bad.yaml:14:9: = is not an operator here; expected ==. Write ==.
    policies/step-if-later.bad.yaml:17:7: step 1 has if, which is not in this version; expected id, require, onNotMet, timeout or approval beside the verb.
    policies/steps-in-when.bad.yaml:14:22: step notify has not run yet in when; expected an output of an earlier step.
    policies/steps-same-id.bad.yaml:17:7: two steps are called notify; expected an id of its own for each. Write id: notify_2 on this one.
    policies/target-duration.bad.yaml:14:9: >: a count and a duration do not compare; expected the same dimension on both sides.
    policies/target-feature-view.bad.yaml:6:11: spec.target is a mapping; expected exactly one of model, dataset and connection.
    policies/target-feature-view.bad.yaml:6:13: spec.target has featureView, which is not in this version; expected model, dataset or connection. Remove it.
    policies/target-path.bad.yaml:14:16: target.data.labels has no dealy; expected dataset, key, value, delay or coverage. Did you mean delay?
    policies/target-selector.bad.yaml:6:22: spec.target.model has labels, which is not in this version; expected a name.
    policies/target-two.bad.yaml:6:11: spec.target is a mapping; expected exactly one of model, dataset and connection.
    policies/target-unknown.bad.yaml:6:20: there is no model late-flihgts; expected late-flights, bare or looked-at. Did you mean late-flights?
    policies/template-dimension.bad.yaml:17:27: \${steps.evaluate.log_loss} is a number; expected a version for version.
    policies/template-later-step.bad.yaml:16:28: step retrain has not run before this one; expected an output of an earlier step.
    policies/template-not-allowed.bad.yaml:16:28: lookback of retrain takes no template; expected a literal.
    policies/template-output.bad.yaml:17:28: step retrain has no output verison; expected version. Did you mean version?
    policies/text-compared-number.bad.yaml:14:9: ==: text and a bare number do not compare; expected the same dimension on both sides.
    policies/text-ordered.bad.yaml:14:9: < orders text; expected == or != here.
    policies/text-with-template.bad.yaml:16:23: text is text around a template, which is not in this version; expected one \${path} and nothing around it, or text without \${.
    policies/then-empty.bad.yaml:15:9: spec.then is an empty list; expected at least one step: a rule without steps does nothing.
    policies/then-missing.bad.yaml:6:3: spec.then is missing; expected a list of steps: a rule without steps does nothing.
    policies/unclosed-parenthesis.bad.yaml:14:17: unclosed (; expected a complete expression.
    policies/unit-unknown.bad.yaml:14:15: 3hours has no known unit; expected ms, s, m, h, d, w, % or k after a number.
    policies/unit-unneeded.bad.yaml:10:19: rows knows its unit; expected unit only where a query is asked.
    policies/vector-acts.bad.yaml:14:9: when has one answer per label set of psi, so rollback would run once for each; expected a reducer such as count(psi > 0.2) >= 3, or only notify and escalate.
    policies/verb-argument.bad.yaml:16:18: retrain has no key "lokback"; expected focus, only, rest, lookback or seed. Did you mean lookback?
    policies/verb-later.bad.yaml:16:7: verb quarantine is not in this version; expected retrain, evaluate, promote, rollback, notify or escalate.
    policies/verb-list.bad.yaml:16:16: retrain is a list; expected a mapping of its arguments, or {}.
    policies/verb-missing.bad.yaml:16:7: step 1 names no verb; expected retrain, evaluate, promote, rollback, notify or escalate.
    policies/verb-misspelt.bad.yaml:16:7: step 1 has no key "retrian"; expected one verb (retrain, evaluate, promote, rollback, notify or escalate) beside id, require, onNotMet, timeout or approval. Did you mean retrain?
    policies/verb-value.bad.yaml:16:28: retrain.lookback is "90 days"; expected a duration with its unit, such as 90d.
    policies/verbs-two.bad.yaml:17:7: step 1 names the verbs notify and escalate; expected exactly one. Write each as a step of its own.
    policies/verify-none.bad.yaml:16:7: warning: promote changes what runs, and no verify says whether it helped; expected verify beside then.
    policies/verify-too-early.bad.yaml:17:37: within is 7d, and perf cannot be judged on data after the remedy by then: its window is 7d and labels come 1d later; expected at least 8d.
    policies/verify-vector.bad.yaml:17:19: verify has one answer per label set of psi; expected one answer, by a reducer such as max or count.
    policies/version-wrong.bad.yaml:2:13: apiVersion is "flyball.dev/v2"; expected flyball.dev/v1. Did you mean flyball.dev/v1?
    policies/when-missing.bad.yaml:6:3: spec.when is missing; expected a condition such as psi > 0.2: a rule without a condition never fires.
    policies/where-arithmetic.bad.yaml:10:21: the left side is no column; expected a column on the left and a literal on the right.
    policies/where-column-unknown.bad.yaml:10:21: dataset flights has no column orign; expected origin, hour or cancelled. Did you mean origin?
    policies/where-injection.bad.yaml:10:34: a stray ";"; expected an expression without it.
    policies/where-not-segment.bad.yaml:10:21: column distance of dataset flights is no segment; expected origin, hour or cancelled. Say segment: true on the column if rows may be chosen by it.
    policies/where-null.bad.yaml:10:31: null equals nothing; expected is null or is not null.
    policies/where-template.bad.yaml:10:31: a template stands in a filter of an observation; expected literals.
    policies/where-type.bad.yaml:10:29: column hour is of type integer, and this is "6"; expected a whole number.
    policies/where-type.bad.yaml:10:47: column origin is of type string, and this is 1; expected text in quotes, such as 'ORD'.
    policies/where-type.bad.yaml:10:72: > orders column cancelled, which is true or false; expected == or !=.
    policies/where-unquoted.bad.yaml:10:31: the right side is no literal; expected a number, text in quotes, true or false. Write 'ORD' in quotes if it is text.
    policies/window-without-time.bad.yaml:10:37: window needs to know when rows happened, and dataset airports has no time; expected spec.time there.
    policies/worst-in.bad.yaml:16:36: in has one value on its right; expected a list, or == in place of in.
    policies/yaml-alias.bad.yaml:5:34: the alias *data has no anchor; expected &data before it.
    policies/yaml-infinite.bad.yaml:11:52: ".inf" is not an exact number; expected a finite one, or text in quotes.
    policies/yaml-tag.bad.yaml:5:34: YAML: Unresolved tag: !env; expected plain values without tags.
    policies/yaml-unclosed.bad.yaml:5:1: YAML: Flow map in block collection must be sufficiently indented and end with a }.
    policies/yaml-unclosed.bad.yaml:6:1: YAML: Flow sequence in block collection must be sufficiently indented and end with a ]."
  `);
});

test('the example has no mistake', () => {
  expect(messages(example())).toEqual([]);
});

test('every bad file has a mistake at a line of its own', () => {
  for (const name of badFixtures()) {
    const own = messages([...example(), fixture(name)]).filter(line => line.startsWith(`policies/${name}:`));
    expect(own, name).not.toEqual([]);
  }
});
