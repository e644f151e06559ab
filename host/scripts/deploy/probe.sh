# shellcheck shell=dash
tree=$1 state=$2 base=$3 port=${4:-}
say() { printf '%s=%s\n' "$1" "$2"; }
name=$(uname -n)
say name "${name%%.*}"
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
  while [ ! -d "$folder" ]; do folder=${folder%/*}; folder=${folder:-/}; done
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
  say unit_hash "${sum%% *}"
  systemctl show -p ActiveState -p UnitFileState -p MainPID meshd.service 2>/dev/null
fi
if [ -f "$base/meshd.pid" ]; then
  read -r pid _ <"$base/meshd.pid"
  case $pid in '' | *[!0-9]*) ;; *) [ -d "/proc/$pid" ] && say running_pid "$pid" ;; esac
fi
# The socket that listens there, with the process that holds it: users:(("nginx",pid=12,fd=6)).
[ -z "$port" ] || say port_holder "$(ss -Hltnp "sport = :$port" 2>/dev/null |
  sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\),.*/\2 \1/p; t; s/.*/0/p' | head -n1)"
identity=$state/identity
for file in node ca; do
  [ -f "$identity/$file.crt" ] && say "${file}_crt" "$(base64 <"$identity/$file.crt" | tr -d '\n')"
done
if [ -f "$identity/node.key" ]; then
  hash=
  if command -v openssl >/dev/null 2>&1; then
    sum=$(openssl pkey -in "$identity/node.key" -pubout -outform DER 2>/dev/null | sha256sum)
    hash=${sum%% *}
  fi
  say key_hash "$hash"
fi
[ -f "$state/ca/ca.key" ] && say holds_ca yes
exit 0
