// The scripts that the console runs on a node as root: POSIX sh, static, with everything that varies as arguments. Each that
// changes something prints `changed` or `unchanged` as its last line, and does nothing the second time.

/** A console that dies takes the output with it: dash then ends by a signal, and skips the EXIT trap unless this line runs. */
const endsBySignal = `trap 'exit 1' HUP INT PIPE TERM`;

/**
 * The files that sshd reads root's keys from, as sshd itself says for connections from our address: one path a line, tokens and
 * relative paths resolved (sshd_config(5), AuthorizedKeysFile). Sets $files and $strict.
 */
const keyFiles = `
set -eu
set -f
umask 077
IFS='
'
home=$(getent passwd root | cut -d: -f6)
home=\${home:-/root}
sshd=$(command -v sshd || echo /usr/sbin/sshd)
[ -d /run/sshd ] || mkdir -p /run/sshd 2>/dev/null || :
from=\${SSH_CONNECTION:-127.0.0.1}
said=$("$sshd" -T -C "user=root,host=localhost,addr=\${from%% *}" 2>/dev/null || :)
files=$(printf '%s\\n' "$said" | sed -n 's/^authorizedkeysfile //p' | tr ' ' '\\n')
strict=$(printf '%s\\n' "$said" | sed -n 's/^strictmodes //p')
[ -n "$files" ] || files='.ssh/authorized_keys'
percent=$(printf '\\001')
files=$(printf '%s\\n' "$files" | sed -e "s/%%/$percent/g" -e "s|%h|$home|g" -e 's/%u/root/g' -e 's/%U/0/g' \\
  -e "s/$percent/%/g" -e '/^none$/d' -e "/^[^/]/s|^|$home/|")
if [ -z "$files" ]; then
  echo 'sshd reads no file for keys of root: set AuthorizedKeysFile .ssh/authorized_keys in its sshd_config' >&2
  exit 1
fi
# A link stays one: what it leads to is replaced, whole or not at all, with the owner and mode that it has.
replace() {
  if [ -e "$2" ]; then cp -p "$2" "$1.kept"; cat "$1" >"$1.kept"; mv -f "$1.kept" "$1"; fi
  sync "$1" 2>/dev/null || sync
  mv -f "$1" "$2"
}
`;

/**
 * Adds a line to the file that sshd reads root's keys from: to the first that exists, or else to the first. Fixes an owner or
 * mode that keeps sshd from reading it, except behind a link: that file is somebody else's. Arguments: the line.
 */
export const ensureKeyScript = `${keyFiles}
line=$1
key=$(printf '%s\\n' "$line" | cut -d' ' -f1,2)
state=unchanged
file= has=
for path in $files; do
  if [ -f "$path" ] && grep -qF -- "$key" "$path"; then file=$path has=yes; break; fi
done
for path in $files; do [ -n "$file" ] || [ ! -e "$path" ] || file=$path; done
for path in $files; do [ -n "$file" ] || file=$path; done
finished=
new=
trap '[ -z "$new" ] || rm -f "$new" "$new.kept"; [ -n "$finished" ] || echo "sshd reads the keys of root from $file, where none could be put" >&2' EXIT
${endsBySignal}
if [ ! -L "$file" ] && [ ! -d "\${file%/*}" ]; then
  # Other users' keys may come to lie in one that is nobody's home.
  case $file in "$home"/*) mkdir -p "\${file%/*}" ;; *) (umask 022 && mkdir -p "\${file%/*}") ;; esac
  state=changed
fi
real=$(readlink -f "$file") || { echo "$file leads to a folder that is not there" >&2; exit 1; }
folder=\${real%/*}
if [ -z "$has" ]; then
  new=$real.meshdeck.$$
  { [ ! -f "$real" ] || cat "$real"; } >"$new"
  # A last line without its end would swallow ours.
  [ ! -s "$new" ] || [ -z "$(tail -c1 "$new")" ] || echo >>"$new"
  printf '%s\\n' "$line" >>"$new"
  replace "$new" "$real"
  state=changed
fi
if [ "$real" = "$file" ]; then
  # sshd refuses keys in files, folders and below a home that others may write to.
  for path in "$home" "$folder" "$real"; do
    case $folder/ in "$home"/*) ;; *) [ "$path" = "$real" ] || continue ;; esac
    if [ "$path" != "$home" ] && [ "$(stat -c %u "$path")" != 0 ]; then chown root: "$path"; state=changed; fi
    [ -z "$(find "$path" -maxdepth 0 -perm /022)" ] || { chmod go-w "$path"; state=changed; }
  done
elif [ "$strict" = yes ] && [ -n "$(find "$real" -maxdepth 0 '(' ! -user 0 -o -perm /022 ')')" ]; then
  echo "$file leads to $real, which sshd does not read while others may write to it (StrictModes)" >&2
  exit 1
fi
case $folder/ in "$home"/*) command -v restorecon >/dev/null 2>&1 && restorecon -R "$folder" || : ;; esac
finished=yes
echo "$state"
`;

/** Removes a key from all files that sshd reads root's keys from. Arguments: type and key, as one word pair. */
export const removeKeyScript = `${keyFiles}
key=$(printf '%s\\n' "$1" | cut -d' ' -f1,2)
case $key in *' '?*) ;; *) echo "no public key: $key" >&2; exit 1;; esac
state=unchanged
file= new= finished=
trap '[ -z "$new" ] || rm -f "$new" "$new.kept"; [ -n "$finished" ] || echo "sshd reads the keys of root from $file, which could not be changed" >&2' EXIT
${endsBySignal}
for file in $files; do
  if [ ! -f "$file" ] || ! grep -qF -- "$key" "$file"; then continue; fi
  real=$(readlink -f "$file")
  new=$real.meshdeck.$$
  # The whole word: the beginning of a key is the beginning of many.
  awk -v type="\${key% *}" -v blob="\${key#* }" \\
    '{ n = split($0, word, " "); for (at = 1; at < n; at++) if (word[at] == type && word[at + 1] == blob) next; print }' "$real" >"$new"
  if cmp -s "$real" "$new"; then rm -f "$new"; continue; fi
  replace "$new" "$real"
  state=changed
done
finished=yes
echo "$state"
`;

/**
 * Which start-up file prints this text, or anything, before a program that is started over SSH. Arguments: user, text.
 * Prints \`found <line or 0> <path>\`, or nothing. Reading a file alone does what each login does.
 */
export const startUpScript = `
entry=$(getent passwd "$1")
text=$2
home=$(printf '%s' "$entry" | cut -d: -f6)
shell=$(printf '%s' "$entry" | cut -d: -f7)
case \${shell##*/} in
  bash) set -- /etc/bash.bashrc /etc/bashrc "$home/.bashrc" ;;
  zsh) set -- /etc/zsh/zshenv /etc/zshenv "$home/.zshenv" ;;
  fish) set -- /etc/fish/conf.d/*.fish /etc/fish/config.fish "$home"/.config/fish/conf.d/*.fish "$home/.config/fish/config.fish" ;;
  tcsh | csh) set -- /etc/csh.cshrc "$home/.tcshrc" "$home/.cshrc" ;;
  *) set -- ;;
esac
for file in /etc/ssh/sshrc "$home/.ssh/rc" "$@"; do
  [ -f "$file" ] || continue
  line=$(grep -nF -- "$text" "$file" | head -n1 | cut -d: -f1)
  if [ -n "$line" ]; then echo "found $line $file"; exit 0; fi
done
for file in "$@"; do
  [ -f "$file" ] || continue
  case \${shell##*/} in
    bash) alone() { bash --norc -c '. "$0"' "$file"; } ;;
    zsh) alone() { zsh -f -c '. "$0"' "$file"; } ;;
    fish) alone() { fish --no-config -c 'source $argv' "$file"; } ;;
    *) alone() { tcsh -f -c "source $file"; } ;;
  esac
  if [ -n "$(alone </dev/null 2>/dev/null | head -c 1)" ]; then echo "found 0 $file"; exit 0; fi
done
`;

/** Name of our file in sshd's drop-in folder. It sorts first, since sshd takes the first value that it meets. */
export const sshdFile = '/etc/ssh/sshd_config.d/00-meshdeck.conf';

/**
 * Sets lines of sshd's configuration, checks it and has sshd read it. Arguments: path, the lines (one argument each; none
 * removes the file). On a configuration that sshd refuses the old file comes back.
 */
export const sshdScript = `
set -eu
umask 022
file=$1
shift
sshd=$(command -v sshd || echo /usr/sbin/sshd)
[ -d /run/sshd ] || mkdir -p /run/sshd
if ! grep -qiE '^[[:space:]]*include[[:space:]]+("?)/etc/ssh/sshd_config\\.d/' /etc/ssh/sshd_config; then
  echo "its /etc/ssh/sshd_config includes no /etc/ssh/sshd_config.d/*.conf: set $* there by hand" >&2
  exit 1
fi
old=$file.meshdeck.old
wanted=$( [ $# -eq 0 ] || printf '%s\\n' '# Written by meshdeck; its undo removes it.' "$@")
if [ "$wanted" = "$(cat "$file" 2>/dev/null || :)" ]; then echo unchanged; exit 0; fi
rm -f "$old"
[ ! -f "$file" ] || mv "$file" "$old"
[ -z "$wanted" ] || printf '%s\\n' "$wanted" >"$file"
if ! said=$("$sshd" -t 2>&1); then
  rm -f "$file"
  [ ! -f "$old" ] || mv "$old" "$file"
  echo "sshd refuses the new configuration, the old one is back: $said" >&2
  exit 1
fi
rm -f "$old"
systemctl reload ssh 2>/dev/null || systemctl reload sshd 2>/dev/null || kill -HUP "$(cat /run/sshd.pid)"
echo changed
`;

/** Whether sshd lets root in by key, as it says itself. Prints permitrootlogin's and passwordauthentication's values. */
export const sshdStateScript = `
sshd=$(command -v sshd || echo /usr/sbin/sshd)
[ -d /run/sshd ] || mkdir -p /run/sshd
"$sshd" -T -C user=root,host=localhost,addr=127.0.0.1 2>/dev/null | grep -iE '^(permitrootlogin|passwordauthentication) ' || :
`;

/** Where a node's lock lies. In /run: a reboot ends every lock. */
export const lockFile = '/run/meshdeck/lock';
export const lockRenewMs = 10_000;
export const lockStaleSeconds = 60;

/**
 * Takes or renews the node's lock. Arguments: run id, holder, seconds after which a lock is stale, a run that is over and
 * whose lock is worth nothing (empty for none). Prints \`taken\`, or \`held\` with the age in seconds, run and holder of who
 * has it.
 */
export const lockScript = `
set -eu
umask 077
mkdir -p /run/meshdeck
cd /run/meshdeck
exec 9>.guard
! command -v flock >/dev/null 2>&1 || flock -w 5 9
if [ -f lock ]; then
  { read -r run; read -r holder; } <lock || :
  age=$(($(date +%s) - $(stat -c %Y lock)))
  if [ "$run" != "$1" ] && [ "$run" != "$4" ] && [ "$age" -ge 0 ] && [ "$age" -lt "$3" ]; then
    printf 'held\\n%s\\n%s\\n%s\\n' "$age" "$run" "$holder"
    exit 0
  fi
fi
printf '%s\\n%s\\n' "$1" "$2" >lock.new
mv -f lock.new lock
echo taken
`;

/** Gives the lock back. Arguments: run id. */
export const unlockScript = `
cd /run/meshdeck 2>/dev/null || exit 0
exec 9>.guard
! command -v flock >/dev/null 2>&1 || flock -w 5 9
{ read -r run; } <lock 2>/dev/null || exit 0
[ "$run" != "$1" ] || rm -f lock
`;

/** Installs missing packages. Arguments: package names. Prints \`unchanged\` when nothing is missing. */
export const packagesScript = `
set -eu
if ! command -v apt-get >/dev/null 2>&1; then
  echo "there is no apt-get: install these with the system's own packages: $*" >&2
  exit 1
fi
missing=
for name in "$@"; do
  [ "$(dpkg-query -W -f '\${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing="$missing $name"
done
if [ -z "$missing" ]; then echo unchanged; exit 0; fi
export DEBIAN_FRONTEND=noninteractive
# Package names hold no spaces: they are split on purpose.
apt-get -o DPkg::Lock::Timeout=60 -o Acquire::Retries=2 -q update
apt-get -o DPkg::Lock::Timeout=60 -o Acquire::Retries=2 -q -y --no-install-recommends install $missing
echo changed
`;

/** Makes root's key pair if it does not exist. Prints the public half, then \`changed\` or \`unchanged\`. */
export const headKeyScript = `
set -eu
umask 077
home=$(getent passwd root | cut -d: -f6)
file=\${home:-/root}/.ssh/id_ed25519
state=unchanged
if [ ! -f "$file" ]; then
  mkdir -p "\${file%/*}"
  ssh-keygen -q -t ed25519 -N '' -C "root@$(uname -n)" -f "$file"
  state=changed
fi
[ -f "$file.pub" ] || ssh-keygen -y -f "$file" >"$file.pub"
cat "$file.pub"
echo "$state"
`;

/** Adds lines to root's known_hosts. Standard input: the lines. */
export const knownHostsScript = `
set -eu
umask 077
home=$(getent passwd root | cut -d: -f6)
file=\${home:-/root}/.ssh/known_hosts
mkdir -p "\${file%/*}"
state=unchanged
new=$file.meshdeck.$$
trap 'rm -f "$new"' EXIT
${endsBySignal}
{ [ ! -f "$file" ] || cat "$file"; } >"$new"
[ ! -s "$new" ] || [ -z "$(tail -c1 "$new")" ] || echo >>"$new"
while IFS= read -r line; do
  [ -n "$line" ] || continue
  if ! grep -qxF -- "$line" "$new"; then printf '%s\\n' "$line" >>"$new"; state=changed; fi
done
if [ "$state" = changed ]; then
  sync "$new" 2>/dev/null || sync
  mv -f "$new" "$file"
fi
echo "$state"
`;

/** Lines `<pid> <name>` of the VMs of the meshd with the folder $state, whether it runs or not: their QEMUs name their own folders. */
const vmsFunction = `
vms() {
  for file in $(grep -lsF -- "$state/instances/" /proc/[0-9]*/cmdline); do
    name=$({ tr '\\0' '\\n' <"$file" | sed -n 's/^guest=\\([^,]*\\).*/\\1/p'; } 2>/dev/null)
    [ -n "$name" ] || continue
    pid=\${file#/proc/}
    echo "\${pid%/cmdline} $name"
  done
}
`;

/** Names of the VMs that run. Arguments: state folder. */
export const listVmsScript = `
state=$1
${vmsFunction}
vms | cut -d' ' -f2-
`;

/** Ends the VMs that run, as `vm kill` does. Arguments: state folder, seconds until those that do not end are killed. */
export const endVmsScript = `
set -eu
state=$1 patience=$2
${vmsFunction}
pids() { vms | cut -d' ' -f1; }
ended() { for _ in $(seq "$1"); do [ -n "$(vms)" ] || return 0; sleep 1; done; return 1; }
if [ -z "$(vms)" ]; then echo unchanged; exit 0; fi
kill $(pids) 2>/dev/null || :
if ! ended "$patience"; then
  kill -9 $(pids) 2>/dev/null || :
  ended 5 || { echo "VMs that do not end: $(vms | cut -d' ' -f2- | tr '\\n' ' ')" >&2; exit 1; }
fi
echo changed
`;

/**
 * Stops meshd and deletes what deploy and meshd left, the taps, ports, mirrors and DHCP servers too; refuses while VMs run. Arguments: tree, state folder, base
 * folder.
 */
export const removeMeshdScript = `
set -eu
tree=$1 state=$2 base=$3
${vmsFunction}
unit=/etc/systemd/system/meshd.service
if [ ! -e "$unit" ] && [ ! -e "$tree" ] && [ ! -e "$state" ]; then echo unchanged; exit 0; fi
running=$(vms | cut -d' ' -f2- | tr '\\n' ' ')
if [ -n "$running" ]; then
  echo "VMs run here, so meshd stays: $running- end them first (meshd -e vm kill all), then try again" >&2
  exit 1
fi
systemctl disable --now meshd.service 2>/dev/null || :
if [ -S "$base/meshd" ] && [ -x "$tree/bin/meshd" ]; then timeout 10 "$tree/bin/meshd" "-base=$base" -e quit >/dev/null 2>&1 || :; fi
# DHCP servers outlive their daemon.
pkill -f -- "--conf-file=$state/dhcp/" 2>/dev/null || :
rm -f "$unit" /etc/systemd/system/multi-user.target.wants/meshd.service
systemctl daemon-reload 2>/dev/null || :
systemctl reset-failed meshd.service 2>/dev/null || :
ip -o link 2>/dev/null | sed -n 's/^[0-9]*: \\([^:@ ]*\\)[:@].* alias meshdeck\\/.*/link delete \\1/p' | ip -force -batch - 2>/dev/null || :
set --
mirrors=
for role in vm host; do
  for port in $(timeout 10 ovs-vsctl --bare --columns=name find Port "external_ids:meshdeck-role=$role" 2>/dev/null); do
    set -- "$@" -- --if-exists del-port "$port"
  done
done
# A capture's port and its mirror have one name; a meshd that was killed left them.
captures=$(timeout 10 ovs-vsctl --format=csv --no-heading --columns=name,external_ids list Port 2>/dev/null |
  sed -n 's/^"*\\(mega_cap[0-9]*\\)"*,.*meshdeck-capture=.*/\\1/p')
for port in $captures; do set -- "$@" -- --if-exists del-port "$port"; done
for mirror in external_ids:meshdeck-role=mirror $(for port in $captures; do echo "name=$port"; done); do
  mirrors="$mirrors $(timeout 10 ovs-vsctl --bare --columns=_uuid find Mirror "$mirror" 2>/dev/null)"
done
for mirror in $mirrors; do
  for bridge in $(timeout 10 ovs-vsctl list-br 2>/dev/null); do set -- "$@" -- remove bridge "$bridge" mirrors "$mirror"; done
done
[ $# -eq 0 ] || timeout 20 ovs-vsctl "$@" || :
for network in $(ip netns list 2>/dev/null | sed -n 's/^\\(meshd-dhcp-[0-9]*\\).*/\\1/p'); do ip netns del "$network" || :; done
rm -rf "$tree" "$state" "$base"
echo changed
`;

/** For each name: whether it resolves here, and to what. Arguments: names. */
export const resolveScript = `
for name in "$@"; do printf '%s=%s\\n' "$name" "$(getent ahosts "$name" 2>/dev/null | cut -d' ' -f1 | sort -u | tr '\\n' ' ')"; done
`;

/** The guide's password-less root, for clusters that nobody else reaches. Its own file: the two settings come and go apart. */
export const passwordlessFile = '/etc/ssh/sshd_config.d/00-meshdeck-passwordless.conf';
export const passwordlessLines = ['PermitRootLogin yes', 'PermitEmptyPasswords yes'] as const;

/** Takes root's password away, and keeps what its undo needs in a file that root alone reads: the hash, and when it was set. */
export const removeRootPasswordScript = `
set -eu
umask 077
kept=/root/.meshdeck-root-password
entry=$(getent shadow root)
pam=/etc/pam.d/common-auth
state=unchanged
if [ -f "$pam" ] && grep -q nullok_secure "$pam"; then
  cp -p "$pam" "$pam.meshdeck"
  sed -i 's/nullok_secure/nullok/' "$pam"
  state=changed
fi
if [ -n "$(printf '%s\\n' "$entry" | cut -d: -f2)" ]; then
  printf '%s\\n' "$entry" | cut -d: -f2,3 | tr : '\\n' >"$kept.new"
  sync "$kept.new" 2>/dev/null || sync
  mv -f "$kept.new" "$kept"
  passwd -d root >/dev/null
  state=changed
fi
echo "$state"
`;

/** Gives root its old password back. If somebody changed it in the meantime, it is left alone, and the script says so. */
export const restoreRootPasswordScript = `
set -eu
kept=/root/.meshdeck-root-password
pam=/etc/pam.d/common-auth
state=unchanged
if [ -f "$kept" ]; then
  if [ -z "$(getent shadow root | cut -d: -f2)" ]; then
    { read -r hash; read -r day || :; } <"$kept"
    usermod -p "$hash" root
    # usermod says that it was set today; -1 takes the day away.
    chage -d "\${day:--1}" root
  else
    echo 'root has a password again, by somebody else: it stays' >&2
  fi
  rm -f "$kept"
  state=changed
fi
if [ -f "$pam.meshdeck" ]; then
  if [ "$(sed 's/nullok_secure/nullok/' "$pam.meshdeck")" = "$(cat "$pam")" ]; then
    mv -f "$pam.meshdeck" "$pam"
  else
    echo "$pam was changed in the meantime: it stays, and what it was before is $pam.meshdeck" >&2
  fi
  state=changed
fi
echo "$state"
`;

/** Puts standard input at a path, whole or not at all. Arguments: path, SHA-256 in hex. */
export const receiveFileScript = `
set -eu
umask 022
new=$1.new.$$
trap 'rm -f "$new"' EXIT
${endsBySignal}
cat >"$new"
sum=$(sha256sum <"$new")
if [ "\${sum%% *}" != "$2" ]; then echo "the copy of $1 is damaged" >&2; exit 1; fi
mv -f "$new" "$1"
`;
