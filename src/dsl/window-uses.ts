/** The windows of a set of files, and who names them. Pure. */
import type { Document, SettingsSpec, WindowSpec } from '../model.ts';
import { checkFile, type File } from './documents.ts';
import type { PolicySpec } from './policy.ts';

/** One window, where it is written, and who says that it must be open to act, or must not be: Settings, or policies by name. */
export interface WindowUse {
  readonly window: WindowSpec;
  readonly file: string;
  readonly line: number;
  readonly allow: readonly string[];
  readonly deny: readonly string[];
}

/** By name, sorted; none without Settings. Undefined when the Settings have mistakes, so that nobody knows. */
export function windowUses(files: readonly File[]): readonly WindowUse[] | undefined {
  const all = files.map(checkFile).flatMap(file => file.documents);
  const settings = all.filter(one => one.kind === 'Settings');
  if (settings.length === 0) return [];
  const [document, ...others] = settings.map(
    one => one.document as Document<'Settings', SettingsSpec> | undefined,
  );
  if (document === undefined || others.length > 0) return undefined;
  const { spec, positions, position } = document;
  const naming = [
    { by: 'Settings', guard: spec.guard },
    ...all
      .filter(one => one.kind === 'Policy')
      .map(one => ({
        by: one.name ?? '',
        guard: ((one.document ?? one.salvaged)?.spec as Partial<PolicySpec> | undefined)?.guard,
      })),
  ];
  const by = (key: 'allow' | 'deny', name: string) =>
    naming.filter(one => one.guard?.[key]?.includes(name)).map(one => one.by);
  return Object.values(spec.windows ?? {})
    .map(window => {
      const { file, line } = positions[`spec.windows.${window.name}`] ?? position;
      return { window, file, line, allow: by('allow', window.name), deny: by('deny', window.name) };
    })
    .sort((a, b) => (a.window.name < b.window.name ? -1 : 1));
}
