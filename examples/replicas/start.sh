#!/usr/bin/env bash
# Two replicas on one PostgreSQL, on this machine: one is killed in the middle of a retraining, the other one goes on with it.
# Needs Node 20 or newer, npm, and Debian's package postgresql, which is installed when it is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

[ -d node_modules ] || npm ci
if ! command -v initdb >/dev/null && ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then
  as=()
  [ "$(id -u)" = 0 ] || as=(sudo)
  # The package would start a cluster of its own, which nobody needs here.
  "${as[@]}" mkdir -p /etc/postgresql-common
  [ -e /etc/postgresql-common/createcluster.conf ] ||
    echo 'create_main_cluster = false' | "${as[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
  "${as[@]}" apt-get update -q
  "${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends postgresql
fi
exec npx --no-install node examples/replicas/start.ts "$@"
