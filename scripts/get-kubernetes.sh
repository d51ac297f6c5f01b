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

PROGRAMS=(kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy coredns)

# Is this a Go that can read our go.mod?
new_enough() {
  local version major minor
  version=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) || return 1
  IFS=. read -r major minor _ <<<"${version#go}"
  [ "$major" -gt 1 ] || [ "${minor%%[a-z]*}" -ge 26 ]
}

find_go() {
  local candidate
  for candidate in "$(command -v go || true)" /usr/local/go/bin/go "$GO"/usr/lib/go-*/bin/go; do
    if [ -x "$candidate" ] && new_enough "$candidate"; then echo "$candidate" && return; fi
  done
  return 1
}

# Unpacks Debian unstable's newest Go from the packages that the base system can download.
unpack_go() {
  [ "$(id -u)" = 0 ] || die "Go 1.26 or newer is needed: install it from https://go.dev/dl/ or run this as root"
  "$HERE/root.sh" >/dev/null
  local name tree
  name=$(chroot "$BASE" apt-cache search --names-only '^golang-1\.[0-9]+-go$' | sort -V | tail -n 1 | cut -d ' ' -f 1)
  [ -n "$name" ] || die "Debian unstable offers no golang-1.*-go; install Go 1.26 or newer from https://go.dev/dl/"
  say "no Go 1.26 on the PATH: unpacking $name into $GO"
  rm -rf "$CACHE"/making-go*
  tree=$(mktemp -d "$CACHE/making-go-XXXX")
  (trap 'rm -rf "$BASE/tmp/go.$$"' EXIT
    cp /etc/resolv.conf "$BASE/etc/" && mkdir "$BASE/tmp/go.$$" &&
      chroot "$BASE" sh -euc "cd /tmp/go.$$; apt-get -o APT::Sandbox::User=root download -qq $name ${name%-go}-src" >&2 &&
      for package in "$BASE/tmp/go.$$"/*.deb; do dpkg -x "$package" "$tree"; done) ||
    die "could not fetch $name; install Go 1.26 or newer from https://go.dev/dl/"
  rm -rf "$GO" && mv "$tree" "$GO"
}

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
GO=$CACHE/go-$CPU LOG=$CACHE/kubernetes.log
if ! complete "$BIN"; then
  locked kubernetes
  if ! complete "$BIN"; then
    go=$(find_go) || { unpack_go; go=$(find_go); } || die "no usable Go found; install Go 1.26 or newer from https://go.dev/dl/"
    rm -rf "$CACHE"/making-kubernetes*
    out=$(mktemp -d "$CACHE/making-kubernetes-XXXX")
    build "$go" "$out"
    complete "$out" || die "go build left a program out, see $LOG"
    chmod 755 "$out" && rm -rf "$BIN" && mv "$out" "$BIN"
    say "Kubernetes programs ready: $(du -sh "$BIN" | cut -f 1)"
  fi
fi
echo "$BIN"
