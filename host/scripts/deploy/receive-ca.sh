# shellcheck shell=dash
if ! systemctl is-active --quiet meshd.service; then
  echo 'meshd does not run as its service here: deploy this node first' >&2
  exit 1
fi
mkdir -p "$state/ca"
keep ca.crt "$state/ca/ca.crt"
keep ca.key "$state/ca/ca.key"
sync "$state/ca" 2>/dev/null || sync
