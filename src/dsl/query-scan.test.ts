/** Where templates stand in PromQL and SQL, as their own lexers would read the text. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: templates of the language.
import { describe, expect, test } from 'vitest';
import { type Scan, scanPromql, scanSql } from './query-scan.ts';

/** `path:stands` of each template, and the faults with their columns. */
function told({ templates, faults }: Scan): string {
  const found = templates.map(one => `${one.path ?? '?'}:${one.stands}`);
  return [...found, ...faults.map(one => `${one.index}! ${one.message}`)].join(' ');
}

describe('PromQL', () => {
  test.each([
    ['up', ''],
    ['up{job="${a}"}', 'a:quoted'],
    ["up{job='${a}'}", 'a:quoted'],
    ['up{job=`${a}`}', 'a:raw'],
    ['up{job=~"${a}.*"}', 'a:regex'],
    ['up{job =~ "x|${a}",b!~\'${c}\',d="${e}"}', 'a:regex c:regex e:quoted'],
    ['rate(up[${step.elapsed}]) > ${params.most}', 'step.elapsed:bare params.most:bare'],
    ['up{job="a\\"${b}"}', 'b:quoted'],
    ['up{job="a\\\\"} > ${b}', 'b:bare'],
    ['up # ${a}\n > ${b}', 'a:comment b:bare'],
    ['up{job="# no comment ${a}"}', 'a:quoted'],
    ['${ a }', 'a:bare'],
    ['up{job="${a b}"}', '?:quoted'],
    ['up{job="${a"}', '?:quoted 7! PromQL: a text in " is not closed; expected " after it'],
    ['sum(up', '3! PromQL: ( is not closed; expected its partner after it'],
    ['sum(up))', '7! PromQL: ) closes nothing; expected ( before it'],
    [
      'up{a="b"]',
      '8! PromQL: ] stands where { is still open; expected its partner first 2! PromQL: { is not closed; expected its partner after it',
    ],
    ['up{a="(["}', ''],
    ["up{a='b}", "5! PromQL: a text in ' is not closed; expected ' after it"],
  ])('%s', (text, expected) => {
    expect(told(scanPromql(text))).toBe(expected);
  });

  test.each(['', '  \n', '# only words', '# a\n  # b'])('%j asks nothing', text => {
    expect(scanPromql(text).says).toBe(false);
  });
  test.each(['1', '""', '${a}', '# a\nup'])('%j asks something', text => {
    expect(scanPromql(text).says).toBe(true);
  });
});

describe('SQL', () => {
  test.each([
    ['SELECT ${a}', 'a:bare'],
    ["SELECT '${a}'", 'a:quoted'],
    ["SELECT 'it''s ${a}', ${b}", 'a:quoted b:bare'],
    ["SELECT 'a\\', ${b}", 'b:bare'],
    ["SELECT E'a\\' ${b}', ${c}", 'b:quoted c:bare'],
    ["SELECT e'\\\\', ${c}", 'c:bare'],
    ["SELECT somee'a\\', ${c}", 'c:bare'],
    ['SELECT "${a}"', 'a:quoted'],
    ['SELECT $$${a}$$, ${b}', 'a:quoted b:bare'],
    ["SELECT $t$ ' ${a} $$ $t$, ${b}", 'a:quoted b:bare'],
    ["SELECT 1 -- it's ${a}\n, ${b}", 'a:comment b:bare'],
    ['SELECT /* /* ${a} */ ${b} */ ${c}', 'a:comment b:comment c:bare'],
    ["SELECT 'a", "7! SQL: a text in ' is not closed; expected ' after it"],
    ['SELECT /* a', '7! SQL: a comment is not closed; expected */ after it'],
  ])('%s', (text, expected) => {
    expect(told(scanSql(text))).toBe(expected);
  });
});

test('a million characters of any kind are read at once', () => {
  for (const piece of ['"', "'", '`', '#', '${', '${a}', '(', '{', ' ', '$$', '/*', '=~ "', '\\'])
    for (const scan of [scanPromql, scanSql])
      expect(scan(piece.repeat(300_000)).faults.length).toBeGreaterThanOrEqual(0);
});
