#!/bin/sh
# Keeps one node powered: keep-node.sh <node runtime> <main.ts> <base> <lab> <node> -- <program> [<argument>...]
# The program boots the node. Exit code 133 is systemd-nspawn's word for "the node asked for a reboot": like a real
# machine it then loses its network state (`replug` makes a fresh one) and boots again. Anything else is power off.
runtime=$1 main=$2 base=$3 lab=$4 node=$5
shift 6
while :; do
  "$@"
  [ $? -eq 133 ] || exit 0
  "$runtime" "$main" --base "$base" replug --name "$lab" "$node" || exit 1
done
