/** The report of `ci`: as Markdown for a pull request, and as SARIF 2.1.0 for what shows findings beside lines. Pure. */
import type { CiOutput } from './ci.ts';
import { code } from './markdown.ts';

const MOST = 50;

/** Weakening changes first; whatever comes from the files stands in code. */
export function ciMarkdown(found: CiOutput): string {
  const { weakenings, findings, tests, changes, base } = found;
  const counted =
    tests.passed + tests.failed === 0 ? 'no tests' : `${tests.passed} tests passed, ${tests.failed} failed`;
  const parts = [
    weakenings.length > 0 ? ['**Weakening:**', ...weakenings.map(one => `- ${code(one, 300)}`)] : [],
    [
      `### Flyball: ${found.ok ? 'in order' : 'not in order'}`,
      `${found.errors} errors, ${found.warnings} warnings; ${counted}.`,
    ],
    listed(
      '#### Findings',
      findings.map(one => {
        const rule = one.rule === undefined ? '' : ` (${code(one.rule)})`;
        const hint = one.hint === undefined ? '' : ` ${code(one.hint, 300)}`;
        return `- ${one.severity} at ${code(`${one.file}:${one.line}:${one.column}`)}: ${code(one.message, 300)}${hint}${rule}`;
      }),
    ),
    listed(
      '#### Tests that fail',
      tests.failures.map(one => `- ${code(one, 500)}`),
    ),
    base === undefined ? [] : changeLines(changes, base),
  ];
  return parts
    .filter(lines => lines.length > 0)
    .map(lines => lines.join('\n'))
    .join('\n\n');
}

function listed(title: string, lines: readonly string[]): readonly string[] {
  if (lines.length === 0) return [];
  const more = lines.length > MOST ? [`- and ${lines.length - MOST} more`] : [];
  return [title, ...lines.slice(0, MOST), ...more];
}

function changeLines(changes: CiOutput['changes'], base: string): readonly string[] {
  const title = `#### Policies since ${code(base.slice(0, 7))}`;
  if (changes.length === 0) return [title, '- None says anything else.'];
  return listed(
    title,
    changes.map(({ policy, target, change, acting, fields }) => {
      const values = fields.map(
        ({ path, before, after }) =>
          `${code(path)}: ${before === undefined ? 'nothing' : code(before)} → ${after === undefined ? 'nothing' : code(after)}`,
      );
      return `- ${code(policy)} on ${code(target)}: ${change}${acting ? '' : ', in words only'}${values.length > 0 ? `; ${values.slice(0, 20).join(', ')}` : ''}`;
    }),
  );
}

/** One run with one result a finding, and one a failing test. */
export function sarifOf({ findings, tests }: CiOutput): object {
  const results = [
    ...findings.map(({ rule = 'validate', severity, message, hint, file, line, column }) => ({
      ruleId: rule,
      level: severity,
      message: { text: hint === undefined ? message : `${message}. ${hint}` },
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: file },
            region: { startLine: Math.max(1, line), startColumn: Math.max(1, column) },
          },
        },
      ],
    })),
    ...tests.failures.map(text => ({ ruleId: 'test', level: 'error', message: { text } })),
  ];
  const rules = [...new Set(results.map(one => one.ruleId))].map(id => ({ id }));
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [{ tool: { driver: { name: 'flyball', rules } }, results }],
  };
}
