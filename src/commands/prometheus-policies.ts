/** The texts that `init --prometheus` writes: settings, the connection, and policies with their tests. Text only. */

/** A request counter with the label that says how each request ended, and its requests in five minutes. */
export interface Counter {
  readonly name: string;
  readonly label: string;
  readonly requests: number;
}

/** A histogram of seconds, its 99th percentile now, its requests in five minutes, and the limit to begin with. */
export interface Histogram {
  readonly name: string;
  readonly seconds: number;
  readonly requests: number;
  readonly limitMs: number;
}

export interface PolicyFiles {
  readonly name: string;
  readonly text: string;
  readonly test: string;
  /** What it watches, for people. */
  readonly found: string;
}

export function settingsFile(): string {
  return `# Settings of this policy repository. One document of kind Settings, in this file.
apiVersion: flyball.dev/v1
kind: Settings
metadata: { name: flyball }
spec:
  # observe: look, and say what would be done. enforce: do it. The lowest of Settings, Model and Policy is in force.
  mode: observe
  people:
    me: { emails: [me@example.org] }
  groups:
    on-call: [me]
`;
}

export function connectionFile(url: string): string {
  return `# The Prometheus that the policies ask. It is only read.
apiVersion: flyball.dev/v1
kind: Connection
metadata: { name: prometheus }
spec:
  connector: prometheus
  url: ${JSON.stringify(url)}
  limits: { concurrency: 4, rate: 60 per 1m, timeout: 10s }
  # With credentials: the secret is in the environment of the daemon, and daemon.yaml says where it may be sent,
  # by secrets: { FLYBALL_PROMETHEUS: [host] }.
  # auth: { user: flyball, password: "\${env:FLYBALL_PROMETHEUS}" }
`;
}

export function upPolicy(): PolicyFiles {
  const name = 'targets-down';
  return {
    name,
    found: 'scrape targets that are down (up)',
    text: `# Targets that Prometheus cannot scrape. No series at all is unknown, and never "all is well".
${head(name, 'Some scrape targets are down.')}
  every: 1m
  observe:
    down: { query: prometheus, unit: count, promql: "count(up) - sum(up)" }
  when: down > 0
  for: 5m                     # a restart is no outage
  then:
    - notify: { text: Some scrape targets are down. }
`,
    test: testOf(name, [{ observe: 'down', good: '0', bad: '1' }]),
  };
}

export function burnPolicy({ name: counter, label, requests }: Counter): PolicyFiles {
  const name = 'error-burn';
  const ratio = (window: string) =>
    `(sum(rate(${counter}{${label}=~"5.."}[${window}])) or vector(0)) / sum(rate(${counter}[${window}]))`;
  const observation = (key: string, window: string) => `    ${key}:
      query: prometheus
      unit: ratio
      window: ${window}
      promql: '${ratio(window)}'
      rows: 'sum(increase(${counter}[${window}]))'
      minSamples: ${Math.max(1, Math.floor(requests / 10))}`;
  return {
    name,
    found: `error budget burn of ${counter}, by ${label}`,
    text: `# The error budget burns too fast: over an hour, so that it matters, and over five minutes, so that it still goes on.
# 99.9 % of requests shall succeed; 14.4 times the allowed 0.1 % uses a month's budget up in two days.
# Fewer requests than minSamples (a tenth of what there were in five minutes) are too few to tell.
${head(name, 'More requests fail than the error budget allows.', '{ severity: page }')}
  every: 1m
  observe:
${observation('long', '1h')}
${observation('short', '5m')}
  when: long > 1.44% and short > 1.44%
  for: 6m
  clear: short < 1%
  then:
    - notify: { text: The error budget burns 14 times too fast. }
`,
    test: testOf(name, [
      { observe: 'long', good: '0%', bad: '2%' },
      { observe: 'short', good: '0%', bad: '5%' },
    ]),
  };
}

export function latencyPolicy({ name: histogram, seconds, requests, limitMs }: Histogram): PolicyFiles {
  const name = 'latency-p99';
  return {
    name,
    found: `99th percentile of ${histogram}`,
    text: `# The slowest hundredth of requests. When this was written it took ${Number(seconds.toPrecision(2))} s: put in what you promise.
# Prometheus counts in seconds; unit: duration makes durations of them, so the limit is written with its unit.
${head(name, 'Requests take too long.')}
  every: 1m
  observe:
    p99:
      query: prometheus
      unit: duration
      window: 5m
      promql: 'histogram_quantile(0.99, sum by (le) (rate(${histogram}_bucket[5m])))'
      rows: 'sum(increase(${histogram}_count[5m]))'
      minSamples: ${Math.max(1, Math.floor(requests / 10))}
  when: p99 > ${limitMs}ms
  for: 5m
  then:
    - notify: { text: The slowest requests take too long. }
`,
    test: testOf(name, [{ observe: 'p99', good: '1ms', bad: `${2 * limitMs}ms` }]),
  };
}

/** For a server that has nothing of what is looked for. */
export function silencePolicy(): PolicyFiles {
  const name = 'prometheus-answers';
  return {
    name,
    found:
      'whether the server answers (it has no up, no request counter and no histogram of seconds with traffic)',
    text: `# Prometheus answers queries. Replace it by what matters to you.
${head(name, 'Prometheus gives wrong answers.')}
  every: 1m
  observe:
    answer: { query: prometheus, promql: vector(42) }
  when: answer != 42          # an answer that cannot be had is unknown, never true
  for: 5m
  then:
    - notify: { text: Prometheus gives wrong answers. }
`,
    test: testOf(name, [{ observe: 'answer', good: '42', bad: '7' }]),
  };
}

function head(name: string, description: string, labels?: string): string {
  const metadata = labels === undefined ? `{ name: ${name} }` : `{ name: ${name}, labels: ${labels} }`;
  return `apiVersion: flyball.dev/v1
kind: Policy
metadata: ${metadata}
spec:
  description: ${description}
  target: { connection: prometheus }`;
}

/** Ten minutes that are good, then bad ones: it waits, fires, and says so; what is missing never fires. */
function testOf(
  policy: string,
  series: readonly { readonly observe: string; readonly good: string; readonly bad: string }[],
): string {
  const lines = series.map(
    ({ observe, good, bad }) => `    - { observe: ${observe}, values: "${good}x9 ${bad}x19 _x30" }`,
  );
  return `# Ten minutes that are good, twenty that are bad, then no data. Run it with: flyball test
apiVersion: flyball.dev/v1
kind: PolicyTest
metadata: { name: ${policy} }
spec:
  policy: ${policy}
  series:
${lines.join('\n')}
  expect:
    - { at: 9m, state: ok, episode: none }
    - { at: 12m, state: pending }
    - { at: 20m, state: firing, actions: [ { verb: notify } ] }
    - { at: 40m, state: unknown, episode: open }
`;
}
