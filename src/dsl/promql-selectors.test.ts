/** Series selectors of PromQL, as `lint --live` asks for them. */
import { expect, test } from 'vitest';
import { selectorsOf } from './promql-selectors.ts';

test.each([
  ['up', ['up']],
  ['up == 0', ['up']],
  [
    'sum by (job) (rate(http_requests_total{code=~"5.."}[5m])) / sum(rate(http_requests_total[5m]))',
    ['http_requests_total{code=~"5.."}', 'http_requests_total'],
  ],
  ['sum(rate(a_total[5m] offset 1h)) without (b)', ['a_total']],
  ['a / on (x) group_left (y) b', ['a', 'b']],
  ['{__name__="a b", c="}"}', ['{__name__="a b", c="}"}']],
  ['a:b:rate5m > bool 5e3 and c or vector(1) unless NaN', ['a:b:rate5m', 'c']],
  ['histogram_quantile(0.99, sum by(le)(rate(x_bucket[5m:1m])))', ['x_bucket']],
  ['label_replace(a, "dst", "$1", "src", "(b.*)") # c\n + d', ['a', 'd']],
  ["count(a{b='c{'}) or a{b='c{'}", ["a{b='c{'}"]],
  ['max_over_time(a[1d]) > 1.5e3', ['a']],
  ['time() - 5m', []],
  ['1 + .5', []],
  ['', []],
  ['a{', ['a{']],
])('%s', (promql, expected) => {
  expect(selectorsOf(promql)).toEqual(expected);
});
