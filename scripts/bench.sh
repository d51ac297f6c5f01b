#!/usr/bin/env bash
# bench.sh NAME [FLAGS]: measures side by side with others, prints tables and exits 1 when a bar is missed.
#
#   watch [--pods 10000] [--changes 20000] [--runs 5]
#       list and watch of Pods of a real API server: CPU and memory beside client-go and @kubernetes/client-node
#   failover [--runs 20]   SIGKILL of the primary's mysqld under load: no acknowledged row for how long, and how long
#                          labels and Service are behind the group
#   handover [--runs 20]   the primary's Pod deleted, and its node drained, in turn: no acknowledged row for how long
#   outage [--runs 10]     SIGKILL of every mysqld at once: how long until all are ONLINE
#       each on a three-node cluster of its own (PREFIX, default bench; one that runs is used, KEEP_CLUSTER=1 leaves it)
#       with acknowledged rows counted on every member at the end; about 10 minutes each
#
# What watch compares with is built or installed into the cache, once. Needs what contract tests need (root on
# Debian for etcd and kube-apiserver), and nothing else that works on the machine: wall times are not compared,
# but a processor that two programs share is slower for both. Five full runs take about half an hour.
set -euo pipefail
export PREFIX=${PREFIX:-bench}
source "$(dirname "${BASH_SOURCE[0]}")/../fixtures/kubernetes/paths.sh"
source "$HERE/say.sh"
source "$HERE/go.sh"
BENCH=$PROJECT/scripts/bench
CLIENT_NODE_VERSION=2.0.1

# Builds the client-go program; prints its path.
client_go() {
  local out go
  out=$CACHE/bench-client-go-$(key_of "$BENCH"/client-go/{go.mod,go.sum,main.go})-$CPU
  if [ ! -x "$out" ]; then
    go=$(provide_go)
    say "building the client-go program: about 2 minutes on two cores"
    (cd "$BENCH/client-go" && CGO_ENABLED=0 "$go" build -trimpath -ldflags "-s -w" -o "$out.$$" . >&2) ||
      die "go build of $BENCH/client-go failed"
    mv "$out.$$" "$out"
  fi
  echo "$out"
}

# Installs @kubernetes/client-node; prints the folder.
client_node() {
  local out=$CACHE/bench-client-node-$CLIENT_NODE_VERSION
  if [ ! -d "$out" ]; then
    say "installing @kubernetes/client-node $CLIENT_NODE_VERSION"
    rm -rf "$out.$$"
    npm install --prefix "$out.$$" --ignore-scripts --no-audit --no-fund --loglevel=error \
      "@kubernetes/client-node@$CLIENT_NODE_VERSION" >&2 || die "npm could not install it"
    mv "$out.$$" "$out"
  fi
  echo "$out"
}

# A bench of a whole Cluster, on a running local cluster or one for it alone.
on_cluster() {
  local name=$1
  shift
  cd "$PROJECT"
  need_root
  if [ ! -e "$RUN/kubeconfig" ]; then
    [ -n "${KEEP_CLUSTER:-}" ] || trap 'scripts/cluster.sh down' EXIT
    fixtures/kubernetes/prepare.sh 3
  fi
  "$PROJECT/node_modules/.bin/node" "$BENCH/$name.ts" "$@"
}

case ${1:-} in
  watch) shift ;;
  failover | handover | outage)
    on_cluster "$@"
    exit ;;
  *) sed -n '2,12p' "$0" && exit 2 ;;
esac
"$PROJECT/scripts/install-packages.sh"
"$HERE/root.sh" >/dev/null
"$PROJECT/scripts/get-kubernetes.sh" >/dev/null
mkdir -p "$CACHE"
peer_go=$(client_go)
peer_node=$(client_node)
exec "$PROJECT/node_modules/.bin/node" "$BENCH/watch.ts" --client-go "$peer_go" --client-node "$peer_node" "$@"
