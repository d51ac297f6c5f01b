#!/usr/bin/env bash
# Builds the programs of a Kubernetes cluster from their Go modules, once: the versions are pinned by
# fixtures/kubernetes/go.mod and verified by go.sum. Prints the folder that holds them (the last line of
# standard output); progress goes to standard error. `--print` prints the folder without building.
#
# Needs Go 1.26 or newer, from the PATH or else unpacked from Debian unstable into the cache (root only).
# About 8 minutes on two cores, near 2 on eight, 4 GB of Go's build cache and 500 MB of programs.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../fixtures/kubernetes/paths.sh"
source "$HERE/say.sh"
source "$HERE/go.sh"

PROGRAMS=(kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy coredns)

# Says every 15 seconds how many packages Go has got through, as long as process $1 lives.
progress() {
  while kill -0 "$1" 2>/dev/null; do
    sleep 15 >/dev/null 2>&1 9>&- & wait $! || return 0
    say "  ... $(grep -c -v '^go: ' "$LOG" || true) packages compiled (about 2400 when nothing is cached)"
  done
}

build() {
  local go=$1 out=$2 version builder
  cd "$HERE"
  version=$("$go" list -m -f '{{.Version}}' k8s.io/kubernetes)
  say "building Kubernetes $version with $("$go" env GOVERSION): about 8 minutes on two cores, log in $LOG"
  CGO_ENABLED=0 "$go" build -v -trimpath -o "$out/" \
    -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$version" \
    k8s.io/kubernetes/cmd/{kube-apiserver,kube-controller-manager,kube-scheduler,kubelet,kube-proxy} ./coredns \
    >"$LOG" 2>&1 & builder=$!
  trap 'kill "$builder" 2>/dev/null; exit 130' INT TERM
  progress "$builder" & local teller=$!
  wait "$builder" || { kill "$teller" 2>/dev/null || true; die "go build failed, see the end of $LOG"; }
  kill "$teller" 2>/dev/null || true
}

complete() { local p; for p in "${PROGRAMS[@]}"; do [ -x "$1/$p" ] || return 1; done; }

if [ "${1:-}" = --print ]; then echo "$BIN" && exit; fi
LOG=$CACHE/kubernetes.log
if ! complete "$BIN"; then
  locked kubernetes
  if ! complete "$BIN"; then
    go=$(provide_go)
    rm -rf "$CACHE"/making-kubernetes*
    out=$(mktemp -d "$CACHE/making-kubernetes-XXXX")
    build "$go" "$out"
    complete "$out" || die "go build left a program out, see $LOG"
    chmod 755 "$out" && rm -rf "$BIN" && mv "$out" "$BIN"
    say "Kubernetes programs ready: $(du -sh "$BIN" | cut -f 1)"
  fi
fi
echo "$BIN"
