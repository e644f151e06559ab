# shellcheck shell=dash
# Starts a new program and, unless it says hello on its command socket in time, its previous one again.
tree=$1 base=$2 new=$3 patience=${4:-15}
unit=/etc/systemd/system/meshd.service
old=$(readlink "$tree/current") old=${old#program/}
outcome() {
  { printf '%s\n' "$1"; [ -z "${2-}" ] || printf '%s\n' "$2"; } >"$tree/.upgrade.outcome"
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
  outcome 'done'
  exit 0
fi
said=$(journalctl -u meshd.service --since "$since" -n 15 -o cat --no-pager 2>/dev/null)
point "$old" current
[ -f "$tree/meshd.service.previous" ] && cp -p "$tree/meshd.service.previous" "$unit"
systemctl daemon-reload
systemctl restart meshd.service
if hello; then outcome rolled-back "$said"; else outcome failed "$said"; fi
