/** The door of the language: text → documents → closed policies → what is in force. Everything behind it is pure. */

export { agentPaths, settingsIn } from './agent-paths.ts';
export type { CheckedTest, ClosedTest } from './close-policy-test.ts';
export { type AskedAction, closeRequests } from './close-request.ts';
export type { ClosedSeries } from './close-series.ts';
export { type Compiled, type CompileInput, compile, type Failed } from './compile.ts';
export { LIMITS, type Limits, type Listen, parseListen } from './daemon-listen.ts';
export type { Oidc } from './daemon-oidc.ts';
export type { RemoteSettings } from './daemon-remote.ts';
export { type DaemonYaml, parseDaemonYaml } from './daemon-settings.ts';
export { formatDiagnostic } from './diagnostic.ts';
export { type File, kindsIn, parseDocuments } from './documents.ts';
export { formatFile } from './format.ts';
export { matchesGlob } from './glob.ts';
export type { Expectation, PolicyTestSpec, TestEffect, TestEvent } from './policy-test.ts';
export { formatDuration, parseDuration, parseTime } from './quantity.ts';
export { scanPromql } from './query-scan.ts';
export { type NextRevision, nextRevision } from './revision.ts';
export { type Sample, sampleAt } from './series.ts';
export { type WindowUse, windowUses } from './window-uses.ts';
export { meaningsOf, suggestionsFor, type Word, words } from './words.ts';
export { type WrittenDocument, writtenDocuments } from './written-document.ts';
