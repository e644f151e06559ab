// The scripts that the console runs on a node as root: POSIX sh, static, with everything that varies as arguments. Each that
// changes something prints `changed` or `unchanged` as its last line, and does nothing the second time.

/** A console that dies takes the output with it: dash then ends by a signal, without the EXIT trap, unless it is told to. */
const endsBySignal = `trap 'exit 1' HUP INT PIPE TERM`;

/** Adds a line to root's authorized_keys, with all mode bits as sshd wants them. Arguments: the line. */
export const ensureKeyScript = `
set -eu
umask 077
line=$1
home=$(getent passwd root | cut -d: -f6)
folder=\${home:-/root}/.ssh
file=$folder/authorized_keys
key=$(printf '%s\\n' "$line" | cut -d' ' -f1,2)
state=unchanged
[ -d "$folder" ] || { mkdir -p "$folder"; state=changed; }
mode() { [ "$(stat -c '%a %u' "$1")" = "$2 0" ] || { chown root: "$1"; chmod "$2" "$1"; state=changed; }; }
mode "$folder" 700
# sshd refuses keys below a home that others may write to.
[ -z "$(find "\${home:-/root}" -maxdepth 0 -perm /022)" ] || { chmod go-w "\${home:-/root}"; state=changed; }
if [ ! -f "$file" ] || ! grep -qF -- "$key" "$file"; then
  new=$file.meshdeck.$$
  trap 'rm -f "$new"' EXIT
  ${endsBySignal}
  { [ ! -f "$file" ] || cat "$file"; } >"$new"
  # A last line without its end would swallow ours.
  [ ! -s "$new" ] || [ -z "$(tail -c1 "$new")" ] || echo >>"$new"
  printf '%s\\n' "$line" >>"$new"
  sync "$new" 2>/dev/null || sync
  mv -f "$new" "$file"
  state=changed
fi
mode "$file" 600
command -v restorecon >/dev/null 2>&1 && restorecon -R "$folder" || :
echo "$state"
`;

/** Takes a key out of root's authorized_keys. Arguments: type and key, as one word pair. */
export const removeKeyScript = `
set -eu
umask 077
home=$(getent passwd root | cut -d: -f6)
file=\${home:-/root}/.ssh/authorized_keys
key=$(printf '%s\\n' "$1" | cut -d' ' -f1,2)
case $key in *' '?*) ;; *) echo "no public key: $key" >&2; exit 1;; esac
if [ ! -f "$file" ] || ! grep -qF -- "$key" "$file"; then echo unchanged; exit 0; fi
new=$file.meshdeck.$$
trap 'rm -f "$new"' EXIT
${endsBySignal}
# The whole word: the beginning of a key is the beginning of many.
awk -v type="\${key% *}" -v blob="\${key#* }" \
  '{ for (at = 1; at < NF; at++) if ($at == type && $(at + 1) == blob) next; print }' "$file" >"$new"
if cmp -s "$file" "$new"; then echo unchanged; exit 0; fi
chmod 600 "$new"
sync "$new" 2>/dev/null || sync
mv -f "$new" "$file"
echo changed
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

/** Where the lock of a node lies. In /run: a reboot ends every lock. */
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

/** Installs what is missing. Arguments: package names. Prints \`unchanged\` when nothing is. */
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

/** Makes root's key pair where there is none. Prints the public half, then \`changed\` or \`unchanged\`. */
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

/** Stops meshd and deletes what deploy and meshd left. Arguments: tree, state folder, base folder. */
export const removeMeshdScript = `
set -eu
tree=$1 state=$2 base=$3
unit=/etc/systemd/system/meshd.service
if [ ! -e "$unit" ] && [ ! -e "$tree" ] && [ ! -e "$state" ]; then echo unchanged; exit 0; fi
systemctl disable --now meshd.service 2>/dev/null || :
if [ -S "$base/meshd" ] && [ -x "$tree/bin/meshd" ]; then timeout 10 "$tree/bin/meshd" "-base=$base" -e quit >/dev/null 2>&1 || :; fi
rm -f "$unit" /etc/systemd/system/multi-user.target.wants/meshd.service
systemctl daemon-reload 2>/dev/null || :
systemctl reset-failed meshd.service 2>/dev/null || :
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

/** Gives root the password that it had. What somebody changed in the meantime is left alone, and said. */
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
