/** The files that `init` writes: small, commented, and working as they are. */
import type { PolicyText } from './ports.ts';

const settings = `# Settings of this policy repository. One document of kind Settings, in this file.
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

const connections = `# Where data lies and where work runs. Paths are relative to the folder of daemon.yaml (.flyball).
apiVersion: flyball.dev/v1
kind: Connection
metadata: { name: warehouse }
spec:
  connector: duckdb        # Parquet and CSV files below \`path\`, read by the embedded engine; nothing to install
  path: ../data
---
apiVersion: flyball.dev/v1
kind: Connection
metadata: { name: local }
spec:
  connector: local         # runs commands on this machine, without a shell
  access: read             # act: lets Flyball start them
  path: ..
  # commands:              # by name, for the pipelines of a Model
  #   train: { argv: [node, train.ts], cwd: .. }
`;

const policy = `# A policy: what must hold, and what to do when it does not.
apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: warehouse-answers }
spec:
  description: The warehouse answers queries. Replace it by what matters to you.
  target: { connection: warehouse }
  every: 1m
  observe:
    answer: { query: warehouse, sql: "SELECT 42 AS value", unit: number }
  when: answer != 42       # an answer that cannot be had is unknown, never true
  for: 5m
  then:
    - notify: { text: The warehouse gives wrong answers. }

# A Dataset and a Model let policies watch drift, rows, nulls and quality, and retrain. For example:
#
# apiVersion: flyball.dev/v1
# kind: Dataset
# metadata: { name: orders }
# spec:
#   connection: warehouse
#   path: orders/*.parquet
#   time: { column: ordered_at, zone: UTC, lateness: 1h }
#   key: order_id
#   columns:
#     order_id: { type: integer }
#     ordered_at: { type: timestamp }
#     country: { type: string, segment: true }
#     amount: { type: number }
`;

const test = `# What the policy does, without any warehouse. Run it with: flyball test
apiVersion: flyball.dev/v1
kind: PolicyTest
metadata: { name: warehouse-answers }
spec:
  policy: warehouse-answers
  series:
    - { observe: answer, values: "42x9 7x19 unreachablex30" }
  expect:
    - { at: 9m, state: ok, episode: none }
    - { at: 12m, state: pending }
    - { at: 20m, state: firing, actions: [ { verb: notify } ] }
    - { at: 40m, state: unknown, episode: open }   # what cannot be known neither fires nor clears
`;

export const starter: readonly PolicyText[] = [
  { path: 'flyball.yaml', text: settings },
  { path: 'connections.yaml', text: connections },
  { path: 'policies/warehouse-answers.yaml', text: policy },
  { path: 'tests/warehouse-answers.yaml', text: test },
];
