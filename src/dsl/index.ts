/** The door of the language: text → documents → closed policies → what is in force. Everything behind it is pure. */
export { type Compiled, type CompileInput, compile, type Failed } from './compile.ts';
export { type DaemonYaml, parseDaemonYaml } from './daemon-settings.ts';
export { formatDiagnostic } from './diagnostic.ts';
export { type File, kindsIn, parseDocuments } from './documents.ts';
export { formatDuration, parseDuration } from './quantity.ts';
export { type NextRevision, nextRevision } from './revision.ts';
