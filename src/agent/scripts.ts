// Pure: the two shell scripts that run in the server image, which has no program of ours. POSIX sh only,
// and nothing that a small image lacks. Paths come from us and hold no character that the shell reads.
//
//   initialize.sh  makes the data directory in a folder beside and renames it when whole, so that an
//                  interruption starts over; refuses a directory that is not this instance's; gives the
//                  accounts of data that an earlier Cluster of this name left behind the new passwords.
//   mysqld.sh      runs mysqld: passes SIGTERM on, starts it again at once when it asks for that (exit 16,
//                  at the end of a clone) or was killed by a signal, five times in ten minutes. Every other
//                  end is the kubelet's business.

export type ScriptPlaces = {
  /** Mounted volume; everything of ours is below it. */
  readonly volumeDirectory: string;
  readonly runDirectory: string;
};

export type InstanceMark = {
  /** `namespace/cluster`. */
  readonly cluster: string;
  readonly clusterUid: string;
  readonly pod: string;
};

export function dataDirectory(places: ScriptPlaces): string {
  return `${places.volumeDirectory}/data`;
}

// 10 minutes.
const WINDOW_SECONDS = 600;
const RESTARTS_IN_WINDOW = 5;

/** Says who a volume belongs to; lies beside the data directory, where no clone reaches it. */
export function renderMark(mark: InstanceMark): string {
  return `cluster=${mark.cluster}\nuid=${mark.clusterUid}\ninstance=${mark.pod}\n`;
}

const HEADER = `#!/bin/sh
# Written by the agent for this instance; see src/agent/scripts.ts.
set -u
PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/libexec"
export PATH
`;

export function renderInitializeScript(places: ScriptPlaces, mark: InstanceMark): string {
  const data = dataDirectory(places);
  return `${HEADER}
refuse() {
  echo "initialize: $*" >&2
  exit 1
}

mark=${places.volumeDirectory}/instance
data=${data}
new=${data}.initializing

# 9.7 of "... Ver 9.7.4 for ..."
series() { sed -n 's/.*[Vv]er \\([0-9]*\\.[0-9]*\\).*/\\1/p' | head -n 1; }
newer() { # is series $1 newer than series $2
  [ "\${1%%.*}" -gt "\${2%%.*}" ] && return 0
  [ "\${1%%.*}" -eq "\${2%%.*}" ] && [ "\${1#*.}" -gt "\${2#*.}" ]
}

write_mark() {
  cat > "$mark.new" <<'END' && mv "$mark.new" "$mark" || refuse "cannot write $mark"
${renderMark(mark)}END
  sync
}

if [ -d "$data" ]; then
  [ -f "$mark" ] || refuse "$data exists but was not made by this operator; it is left alone." \\
    "Use an empty volume, or move that directory away."
  grep -qx 'cluster=${mark.cluster}' "$mark" || refuse "$data belongs to another Cluster:" \\
    "$(grep '^cluster=' "$mark"); this one is ${mark.cluster}. It is left alone. Use an empty volume."
  grep -qx 'instance=${mark.pod}' "$mark" || refuse "$data belongs to another instance:" \\
    "$(grep '^instance=' "$mark"); this one is ${mark.pod}. It is left alone."
  # What last ran on the data, as the server itself keeps it; servers before 8.4 do not.
  if [ -f "$data/mysql_upgrade_history" ]; then
    ran=$(sed 's/"version"/\\n"version"/g' "$data/mysql_upgrade_history" |
      sed -n 's/^"version": *"\\([0-9]*\\.[0-9]*\\).*/\\1/p' | tail -n 1)
    runs=$(mysqld --version | series)
    if [ -n "$ran" ] && [ -n "$runs" ] && newer "$ran" "$runs"; then
      refuse "the data was last used by MySQL $ran, this server is $runs: a downgrade is not possible." \\
        "Set spec.version to $ran or newer."
    fi
  fi
  # Of an earlier Cluster of this name, which was deleted and made again with other passwords.
  if ! grep -qx 'uid=${mark.clusterUid}' "$mark"; then
    echo "initialize: taking over the data of $(grep '^uid=' "$mark")" >&2
    mysqld --defaults-file=${places.runDirectory}/my.cnf --persisted-globals-load=OFF --skip-networking \\
      --init-file=${places.runDirectory}/take-over.sql ||
      refuse "mysqld could not take over the data: exit code $?; its messages are above"
    write_mark
  fi
  exit 0
fi

rm -rf "$new" || refuse "cannot remove the remains of an earlier attempt in $new"
[ -w ${places.volumeDirectory} ] || refuse "${places.volumeDirectory} is not writable for user $(id -u)"
mysqld --defaults-file=${places.runDirectory}/initialize.cnf --initialize-insecure \\
  --datadir="$new" --init-file=${places.runDirectory}/init.sql ||
  refuse "mysqld --initialize-insecure failed with exit code $?; its messages are above"
write_mark
mv "$new" "$data" || refuse "cannot rename $new to $data"
sync
`;
}

export function renderServerScript(places: ScriptPlaces): string {
  const run = places.runDirectory;
  return `${HEADER}
restarts=${run}/restarts
running=${run}/mysqld.running
stopping=
child=

stop() {
  stopping=1
  [ -n "$child" ] && kill -TERM "$child" 2>/dev/null
}
trap stop TERM INT

# mysqld asks for a restart only if this is its parent.
MYSQLD_PARENT_PID=$$
export MYSQLD_PARENT_PID

crashes_lately() {
  since=$(($(date +%s) - ${WINDOW_SECONDS}))
  count=0
  if [ -f "$restarts" ]; then
    while read -r at cause; do
      [ "$cause" != exit-16 ] && [ "$at" -ge "$since" ] && count=$((count + 1))
    done < "$restarts"
  fi
  echo "$count"
}

while [ -z "$stopping" ]; do
  : > "$running"
  mysqld --defaults-file=${run}/my.cnf &
  child=$!
  [ -n "$stopping" ] && kill -TERM "$child" 2>/dev/null
  wait "$child"
  code=$?
  # A signal for this script ends wait, not mysqld.
  while kill -0 "$child" 2>/dev/null; do
    wait "$child"
    code=$?
  done
  child=
  rm -f "$running"
  [ -n "$stopping" ] && break
  if [ "$code" -eq 16 ]; then
    echo "mysqld.sh: restarting mysqld as it asked" >&2
    echo "$(date +%s) exit-16" >> "$restarts"
  elif [ "$code" -gt 128 ] && [ "$(crashes_lately)" -lt ${RESTARTS_IN_WINDOW} ]; then
    echo "mysqld.sh: mysqld was killed by signal $((code - 128)), starting it again" >&2
    echo "$(date +%s) signal-$((code - 128))" >> "$restarts"
  else
    echo "mysqld.sh: mysqld ended with exit code $code" >&2
    exit "$code"
  fi
done
exit "\${code:-0}"
`;
}
