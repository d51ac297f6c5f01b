#!/bin/sh
# npm carries the Deno binary without a launcher of its own.
here=$(dirname "$(readlink -f "$0")")
exec "$here/../../node_modules/@deno/linux-x64-glibc/deno" "$@"
