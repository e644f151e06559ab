// The scripts that deploy runs on a node: POSIX sh, static, with everything that varies as arguments ($1, $2, …) and what is
// secret on standard input. Each is sent as `/bin/sh -c <script> sh <arguments>`, and host/ssh/frame.ts tells its answer from
// what the login shell prints.

/** argv for a script. */
export function scriptArgv(script: string, args: readonly string[]): string[] {
  return ['/bin/sh', '-c', script, 'sh', ...args];
}

/**
 * Looks, changes nothing. Arguments: tree, state folder, base folder, mesh port. Prints the lines that parseProbe reads.
 */
export const probeScript = `
tree=$1 state=$2 base=$3 port=\${4:-}
say() { printf '%s=%s\\n' "$1" "$2"; }
name=$(uname -n)
say name "\${name%%.*}"
say machine "$(uname -m)"
say uid "$(id -u)"
say glibc "$(getconf GNU_LIBC_VERSION 2>/dev/null)"
[ -d /run/systemd/system ] && say systemd yes
for tool in zstd gzip tar sha256sum base64 timeout systemctl; do
  command -v "$tool" >/dev/null 2>&1 && say tool "$tool"
done
[ -x /usr/lib/apt/apt-helper ] && say tool apt
existing() {
  folder=$1
  while [ ! -d "$folder" ]; do folder=\${folder%/*}; folder=\${folder:-/}; done
}
free() {
  existing "$2"
  df -Pk "$folder" | { read -r _; read -r _ _ _ available _; say "$1" "$available"; }
}
free free_tree_kb "$tree"
free free_state_kb "$state"
stat -c 'file=%s %n' "$tree"/runtime/*/node "$tree"/program/*/meshd.mjs 2>/dev/null
say current "$(readlink "$tree/current" 2>/dev/null)"
unit=/etc/systemd/system/meshd.service
if [ -f "$unit" ]; then
  sum=$(sha256sum <"$unit")
  say unit_hash "\${sum%% *}"
  systemctl show -p ActiveState -p UnitFileState -p MainPID meshd.service 2>/dev/null
fi
if [ -f "$base/meshd.pid" ]; then
  read -r pid _ <"$base/meshd.pid"
  case $pid in '' | *[!0-9]*) ;; *) [ -d "/proc/$pid" ] && say running_pid "$pid" ;; esac
fi
# The socket that listens there, with the process that holds it: users:(("nginx",pid=12,fd=6)).
[ -z "$port" ] || say port_holder "$(ss -Hltnp "sport = :$port" 2>/dev/null |
  sed -n 's/.*users:(("\\([^"]*\\)",pid=\\([0-9]*\\),.*/\\2 \\1/p; t; s/.*/0/p' | head -n1)"
identity=$state/identity
for file in node ca; do
  [ -f "$identity/$file.crt" ] && say "\${file}_crt" "$(base64 <"$identity/$file.crt" | tr -d '\\n')"
done
if [ -f "$identity/node.key" ]; then
  hash=
  if command -v openssl >/dev/null 2>&1; then
    sum=$(openssl pkey -in "$identity/node.key" -pubout -outform DER 2>/dev/null | sha256sum)
    hash=\${sum%% *}
  fi
  say key_hash "$hash"
fi
[ -f "$state/ca/ca.key" ] && say holds_ca yes
exit 0
`;

/** How a node can unpack, the quickest first. Debian without zstd(1) still has libzstd, in apt. */
export const unpackers = ['zstd', 'apt', 'gzip'] as const;

/**
 * Puts standard input under its hash. Arguments: tree, kind (runtime or program), hash, file name, mode, unpacker, SHA-256 of
 * what is sent, size of the unpacked file in bytes. What is sent carries a checksum of its content. A file that is not whole
 * never gets its name.
 */
export const receiveScript = `
set -eu
umask 022
folder=$1/$2/$3 name=$4 mode=$5 unpacker=$6 expected=$7 bytes=$8
mkdir -p "$folder"
# What a broken copy left behind.
rm -f "$folder/.$name".*
packed=$folder/.$name.$$.zst plain=$folder/.$name.$$.new
trap 'rm -f "$packed" "$plain"' EXIT
trap 'exit 1' HUP INT PIPE TERM
cat >"$packed"
sum=$(sha256sum <"$packed")
if [ "\${sum%% *}" != "$expected" ]; then
  echo "the copy of $name is damaged: its SHA-256 is \${sum%% *}, not $expected" >&2
  exit 1
fi
case $unpacker in
  zstd) zstd -dcq <"$packed" >"$plain" ;;
  apt) /usr/lib/apt/apt-helper cat-file "$packed" >"$plain" ;;
  *) gzip -dc <"$packed" >"$plain" ;;
esac
size=$(stat -c %s "$plain")
if [ "$size" != "$bytes" ]; then
  echo "$name unpacked to $size bytes instead of $bytes" >&2
  exit 1
fi
chmod "$mode" "$plain"
mv -f "$plain" "$folder/$name"
`;

/** Shared by install and upgrade: moves a link in one step, so that no crash leaves it missing. */
const pointFunction = `
point() {
  rm -f "$tree/.$2.new"
  ln -s "program/$1" "$tree/.$2.new"
  mv -Tf "$tree/.$2.new" "$tree/$2"
}
prune() {
  keep="$(readlink "$tree/current") $(readlink "$tree/previous" 2>/dev/null || :)"
  runtimes=
  for link in $keep; do runtimes="$runtimes $(readlink "$tree/$link/runtime" 2>/dev/null || :)"; done
  for folder in "$tree"/program/*; do
    case " $keep " in *" program/\${folder##*/} "*) ;; *) rm -rf "$folder" ;; esac
  done
  for folder in "$tree"/runtime/*; do
    [ -d "$folder" ] || continue
    case " $runtimes " in *" ../../runtime/\${folder##*/} "*) ;; *) rm -rf "$folder" ;; esac
  done
}
`;

/** How `install` ends when all is in place and systemd could not start the service: the node's journal says why. */
export const startRefusedCode = 69;

/**
 * Writes identity and unit from a tar on standard input and starts the service. Arguments: tree, state folder, base folder,
 * program hash, runtime hash, action. The tar holds \`meshd\` (bin/meshd), \`meshd.service\`, \`upgrade.sh\` and, where the
 * node gets them, \`node.key\`, \`node.crt\`, \`ca.crt\`, \`roster.json\`.
 *
 * Actions: \`start\` makes the program current and (re)starts the service; \`upgrade\` leaves that to upgrade.sh under systemd;
 * \`enable\` makes it current and has it started at the next boot only.
 */
export const installScript = `
set -eu
umask 077
tree=$1 state=$2 base=$3 program=$4 runtime=$5 action=$6
unit=/etc/systemd/system/meshd.service
work=$(mktemp -d /run/meshd-deploy.XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT PIPE TERM
tar -xf - -C "$work"
${pointFunction}
staged=
stage() { # name in the tar, path on this node, mode
  [ -f "$work/$1" ] || return 0
  cp "$work/$1" "$2.new"
  chmod "$3" "$2.new"
  staged="$staged $2"
}
mkdir -p "$state/identity"
for name in node.key ca.crt roster.json node.crt; do stage "$name" "$state/identity/$name" 600; done
umask 022
mkdir -p "$tree/bin" /etc/systemd/system/multi-user.target.wants
stage meshd "$tree/bin/meshd" 755
stage upgrade.sh "$tree/upgrade.sh" 644
reload=
if ! cmp -s "$work/meshd.service" "$unit"; then
  if [ -f "$unit" ]; then
    reload=yes
    cp -p "$unit" "$tree/meshd.service.previous"
  fi
  stage meshd.service "$unit" 644
fi
# An upgrade that fails goes back to the flags from before it, not to those of an older change.
[ "$action" = upgrade ] || rm -f "$tree/meshd.service.previous"
if [ -n "$staged" ]; then
  # Paths of ours hold no spaces: they are split on purpose.
  new=
  for path in $staged; do new="$new $path.new"; done
  sync $new 2>/dev/null || sync
  for path in $staged; do mv -f "$path.new" "$path"; done
fi
ln -sfn ../../runtime/"$runtime" "$tree/program/$program/runtime"
ln -sfn ../meshd.service /etc/systemd/system/multi-user.target.wants/meshd.service
command -v restorecon >/dev/null 2>&1 && restorecon -R "$tree" "$unit" "$state" || :
current=$(readlink "$tree/current" 2>/dev/null || :)
if [ "$action" != upgrade ] && [ "$current" != "program/$program" ]; then
  case $current in program/*) [ -d "$tree/$current" ] && point "\${current#program/}" previous ;; esac
  point "$program" current
  prune
fi
[ -z "$reload" ] || systemctl daemon-reload
case $action in
  start) systemctl restart meshd.service || exit ${startRefusedCode} ;;
  upgrade)
    rm -f "$tree/upgrade.outcome"
    systemd-run --quiet --collect --no-block --unit=meshd-upgrade \\
      /bin/sh "$tree/upgrade.sh" "$tree" "$base" "$program"
    ;;
esac
# The big files reach the disk behind our back; until then deploy would find them short and send them again.
(sync -f "$tree/bin/meshd" >/dev/null 2>&1 &)
exit 0
`;

/**
 * Runs on the node under systemd, so that it ends well even when SSH or the head dies meanwhile. Arguments: tree, base
 * folder, program hash, optionally seconds to wait for hello. Writes \`upgrade.outcome\`: \`running\`, \`done\` or
 * \`rolled-back\` in its first line, the last journal lines of a program that failed below.
 */
export const upgradeScript = `#!/bin/sh
# Starts a new program and, unless it says hello on its command socket in time, its previous one again.
tree=$1 base=$2 new=$3 patience=\${4:-15}
unit=/etc/systemd/system/meshd.service
old=$(readlink "$tree/current") old=\${old#program/}
${pointFunction}
outcome() {
  { printf '%s\\n' "$1"; [ -z "\${2-}" ] || printf '%s\\n' "$2"; } >"$tree/.upgrade.outcome"
  sync "$tree/.upgrade.outcome" 2>/dev/null
  mv -f "$tree/.upgrade.outcome" "$tree/upgrade.outcome"
}
hello() {
  end=$(($(date +%s) + patience))
  while [ "$(date +%s)" -lt "$end" ]; do
    [ -S "$base/meshd" ] && timeout 5 "$tree/bin/meshd" "-base=$base" -e version >/dev/null 2>&1 && return 0
    sleep 0.3
  done
  return 1
}
outcome running
since=$(date '+%Y-%m-%d %H:%M:%S')
point "$old" previous
point "$new" current
systemctl daemon-reload
systemctl restart meshd.service
if hello; then
  prune
  rm -f "$tree/meshd.service.previous"
  outcome done
  exit 0
fi
said=$(journalctl -u meshd.service --since "$since" -n 15 -o cat --no-pager 2>/dev/null)
point "$old" current
[ -f "$tree/meshd.service.previous" ] && cp -p "$tree/meshd.service.previous" "$unit"
systemctl daemon-reload
systemctl restart meshd.service
if hello; then outcome rolled-back "$said"; else outcome failed "$said"; fi
`;

/**
 * Waits for the end of an upgrade and prints its outcome file. Arguments: tree, seconds to wait at most.
 */
export const awaitUpgradeScript = `
tree=$1 end=$(($(date +%s) + $2))
while [ "$(date +%s)" -lt "$end" ]; do
  if read -r state <"$tree/upgrade.outcome" 2>/dev/null; then
    case $state in running) ;; ?*) cat "$tree/upgrade.outcome"; exit 0 ;; esac
  fi
  sleep 0.2
done
echo running
`;

/** Prints the service's state and its last journal lines. Arguments: how many lines. */
export const logsScript = `
systemctl show -p ActiveState -p SubState -p NRestarts -p ExecMainStatus meshd.service 2>/dev/null
echo
journalctl -u meshd.service -n "$1" -o short-iso --no-pager 2>&1
`;

/** Unpacks a tar from standard input into a private folder $work, and has `keep` make its files last. */
const keepFunction = `
set -eu
umask 077
state=$1
work=$(mktemp -d /run/meshd-deploy.XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT PIPE TERM
tar -xf - -C "$work"
keep() { # name in the tar, path on this node
  cp "$work/$1" "$2.new"
  sync "$2.new" 2>/dev/null || sync
  mv -f "$2.new" "$2"
}
`;

/** Takes the CA: `ca.crt` and `ca.key` in a tar on standard input. Argument: state folder. The key comes last. */
export const receiveCaScript = `${keepFunction}
if ! systemctl is-active --quiet meshd.service; then
  echo 'meshd does not run as its service here: deploy this node first' >&2
  exit 1
fi
mkdir -p "$state/ca"
keep ca.crt "$state/ca/ca.crt"
keep ca.key "$state/ca/ca.key"
sync "$state/ca" 2>/dev/null || sync
`;

/** Takes the roster that names this node as head, and restarts meshd with it. Argument: state folder. */
export const becomeHeadScript = `${keepFunction}
keep roster.json "$state/identity/roster.json"
systemctl restart meshd.service
`;
