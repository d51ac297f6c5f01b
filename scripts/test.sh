#!/usr/bin/env bash
# test.sh [check|unit|model|simulation|deno|contract|runtimes|integration|e2e ...]: sets up what the named levels need (all of
# them when none is named) and runs them. Ends with "N passed, N failed" and fails when one failed.
#
# contract, runtimes, integration and e2e need root on Debian: they run real servers, and e2e a real cluster.
set -euo pipefail
cd "$(dirname "$0")/.."
source fixtures/kubernetes/paths.sh
source fixtures/kubernetes/say.sh

needs() { [ ${#LEVELS[@]} -eq 0 ] || printf '%s\n' "${LEVELS[@]}" | grep -qxE "$1"; }
LEVELS=("$@")

scripts/install-packages.sh
export PATH=$PWD/node_modules/.bin:$PATH

if needs 'contract|runtimes|integration|e2e'; then
  need_root
  # The longest steps need different things, the network and the processors: side by side.
  roots() {
    fixtures/kubernetes/root.sh
    ! needs 'integration|e2e' || fixtures/images/build.sh pause mysql-server operator operator-deno
  }
  roots >/dev/null & roots=$!
  scripts/get-kubernetes.sh >/dev/null
  wait "$roots"
fi
exec node scripts/test.ts "$@"
