#!/usr/bin/env bash
# demo.sh [down]: from a fresh checkout to a MySQL InnoDB Cluster that runs on a real Kubernetes on this machine,
# left running until Ctrl-C. `demo.sh down` ends what an earlier call left. Needs root on Debian with Node.js 20
# or newer and npm; it makes or fetches everything else once, into the cache.
# With KUBECONFIG set it uses that cluster instead: deploys deploy/ and the example there, builds nothing.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../fixtures/kubernetes/paths.sh"
source "$HERE/say.sh"
cd "$PROJECT"

case ${1:-} in
  down) exec scripts/cluster.sh down ;;
  "") ;;
  *) sed -n '2,5p' "$0" && exit 2 ;;
esac
command -v npm >/dev/null || die "npm is missing: install Node.js 20 or newer with npm (Debian: apt-get install nodejs npm)"

if [ -n "${KUBECONFIG:-}" ]; then
  command -v kubectl >/dev/null || die "kubectl is missing: see https://kubernetes.io/docs/tasks/tools/"
  source "$HERE/runtime.sh"
  say "deploying to the cluster of KUBECONFIG=$KUBECONFIG (kubectl apply -k deploy)"
  kubectl apply -k deploy >/dev/null
  kubectl -n mysql-operator rollout status deployment/mysql-operator --timeout=180s >&2
  exec "$NODE_JS" scripts/demo.ts kubectl
fi

need_root
# Each step is a session of its own, so that all of it can be ended; and in the background, because a shell
# runs its traps only between two foreground commands.
STEP=
step() {
  setsid "$@" &
  STEP=$!
  wait "$STEP"
}
# However this script ends, the cluster goes with it.
leave() {
  trap '' INT TERM
  kill -TERM -- "-$STEP" 2>/dev/null || true
  say "ending the cluster"
  scripts/cluster.sh down && say "nothing is left running"
  exit "$1"
}
trap 'leave 130' INT
trap 'leave 143' TERM

step fixtures/kubernetes/prepare.sh 3 || leave 1
source "$HERE/runtime.sh"
step "$NODE_JS" scripts/demo.ts scripts/cluster.sh kubectl || leave 1
say "running; Ctrl-C (or ./scripts/demo.sh down from elsewhere) ends it and removes everything"
while [ -d "$RUN" ]; do sleep 2 & wait $!; done
say "the cluster was ended from elsewhere"
