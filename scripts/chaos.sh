#!/usr/bin/env bash
# chaos.sh [SEED [FAULTS | MINUTESm]]: faults from a seed, one or two at once, on a three-node cluster of its own under a
# write checker; prints what was acknowledged, lost and duplicated, and by kind of fault the longest write outage
# and the time to recover. Fails when a row is lost or duplicated, or the Cluster is not whole again after a fault.
# Default: every kind of fault once. KEEP_CLUSTER=1 leaves the cluster, and so does a failure; PREFIX names it (default chaos).
set -euo pipefail
cd "$(dirname "$0")/.."
export PREFIX=${PREFIX:-chaos}
source fixtures/kubernetes/paths.sh
source "$HERE/say.sh"
need_root
if [ ! -e "$RUN/kubeconfig" ]; then
  end() {
    [ $? -eq 0 ] || die "the cluster is left for a look (PREFIX=$PREFIX scripts/cluster.sh kubectl ...), then: PREFIX=$PREFIX scripts/cluster.sh down"
    scripts/cluster.sh down
  }
  [ -n "${KEEP_CLUSTER:-}" ] || trap end EXIT
  fixtures/kubernetes/prepare.sh 3
fi
export PATH=$PWD/node_modules/.bin:$PATH
node scripts/chaos/main.ts "$@"
