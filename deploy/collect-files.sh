#!/bin/sh
# collect-files.sh OUT: run in the MySQL image while the operator's image is built. Adds to OUT, which
# already holds the runtime, mysqladmin, MySQL Shell, every shared library that any of them needs, the
# certificate authorities and an account for uid 27. Nothing else gets into the image.
set -eu
out=$1

take() { cp -a --parents "$1" "$out"; }

take_first() {
  for file in "$@"; do
    if [ -e "$file" ]; then take "$(readlink -f "$file")"; [ ! -L "$file" ] || take "$file"; return; fi
  done
  echo "none of these is in the MySQL image: $*" >&2
  exit 1
}

take_first /usr/bin/mysqladmin
take_first /usr/bin/mysqlsh
for folder in /usr/lib/mysqlsh /usr/lib64/mysqlsh /usr/libexec/mysqlsh /usr/share/mysqlsh; do
  if [ -d "$folder" ]; then take "$folder"; fi
done

# Libraries by the loader's own word, each under the path where it looks for it. The runtime brought
# one of its own, which MySQL's programs must not count on.
find "$out" -type f \( -perm -100 -o -name '*.so*' -o -name '*.node' \) | while read -r file; do
  case $file in
    "$out"/usr/local/*) LD_LIBRARY_PATH="$out/usr/local/lib" ldd "$file" 2>/dev/null || true ;;
    *) ldd "$file" 2>/dev/null || true ;;
  esac
done >/tmp/libraries
if grep 'not found' /tmp/libraries; then echo "these libraries are not in the MySQL image" >&2; exit 1; fi
sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*ld-linux[^ ]*\) .*/\1/p' /tmp/libraries | sort -u |
while read -r library; do
  case $library in "$out"/*) continue ;; esac
  mkdir -p "$out$(dirname "$library")"
  cp -L "$library" "$out$library"
done

for bundle in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt; do
  if [ -e "$bundle" ]; then mkdir -p "$out$(dirname "$bundle")"; cp -L "$bundle" "$out$bundle"; fi
done

mkdir -p "$out/etc" "$out/tmp" "$out/var/cache/node"
chmod 1777 "$out/tmp"
chown 27:27 "$out/var/cache/node"
echo 'mysql:x:27:27::/tmp:/sbin/nologin' >"$out/etc/passwd"
echo 'mysql:x:27:' >"$out/etc/group"
