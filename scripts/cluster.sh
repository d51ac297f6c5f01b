#!/usr/bin/env bash
# A real Kubernetes on this machine, without Docker: control plane and nodes as ordinary processes in network
# namespaces. Call it without arguments for its commands. Needs root. What it needs is built or fetched once
# into the cache; fixtures/kubernetes/README.md tells how it works.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../fixtures/kubernetes/paths.sh"
source "$HERE/say.sh"

# Asks the record of a node's start for its process; the second field tells a reused id.
pid_of() {
  local pid started
  read -r pid started 2>/dev/null <"$RUN/pid/$1" || die "there is no node \"$1\" in the cluster \"$PREFIX\""
  [ "$(cut -d ' ' -f 22 "/proc/$pid/stat" 2>/dev/null)" = "$started" ] || die "$1 is switched off"
  echo "$pid"
}

case ${1:-} in
  kubectl)
    shift
    exec "$ROOT/usr/bin/kubectl" --kubeconfig "$RUN/kubeconfig" "$@" ;;
  kubeconfig)
    [ -e "$RUN/kubeconfig" ] || die "no cluster \"$PREFIX\" is running: start it with \"cluster.sh up\""
    echo "$RUN/kubeconfig" && exit ;;
  on)
    [ $# -ge 3 ] || die "usage: cluster.sh on NODE COMMAND..."
    pid=$(pid_of "$2")
    shift 2
    cd / && exec nsenter -t "$pid" -m -n -p -u -i "$@" ;;
esac

need_root
need_programs ip:iproute2 socat:socat openssl:openssl nsenter:util-linux losetup:mount
source "$HERE/runtime.sh"
if [ "${1:-}" = up ]; then
  "$HERE/root.sh" >/dev/null
  "$PROJECT/scripts/get-kubernetes.sh" >/dev/null
fi
mkdir -p "$CACHE/run"
case ${1:-} in
  # One start or end at a time; the lock is not handed on to what keeps running.
  up | down) exec flock -o -w 600 "$CACHE/run/.$PREFIX.lock" "$NODE_JS" "$HERE/cluster.ts" "$@" ;;
  *) exec "$NODE_JS" "$HERE/cluster.ts" "$@" ;;
esac
