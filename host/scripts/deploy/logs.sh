# shellcheck shell=dash
systemctl show -p ActiveState -p SubState -p NRestarts -p ExecMainStatus meshd.service 2>/dev/null
echo
journalctl -u meshd.service -n "$1" -o short-iso --no-pager 2>&1
