#!/usr/bin/env bash
# Installs the npm packages that package-lock.json pins, Node.js and Deno among them, if they are not
# there or are those of an older lock file. Needs Node.js >= 20 with npm, whatever version runs later.
set -euo pipefail
cd "$(dirname "$0")/.."
source fixtures/kubernetes/paths.sh
source fixtures/kubernetes/say.sh

command -v npm >/dev/null || die "npm is missing: install Node.js 20 or newer with npm (Debian 12: apt-get install nodejs npm)"
stamp=node_modules/.installed-$(key_of package-lock.json scripts/node-runtime/package.json)
[ -f "$stamp" ] && exit 0
say "npm packages (Node.js and Deno are among them)"
npm ci --no-audit --no-fund --loglevel=error >&2
touch "$stamp"
say "npm packages are there"
