# shellcheck shell=dash
keep roster.json "$state/identity/roster.json"
systemctl restart meshd.service
