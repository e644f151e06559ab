#!/bin/sh
# Enters control groups and becomes a program: in-cgroup.sh <folder>... -- <program> [<argument>...]
# A process must enter before it starts anything: a group entered from outside misses the children made meanwhile.
set -e
while [ "$1" != -- ]; do
  echo $$ > "$1/cgroup.procs"
  shift
done
shift
exec "$@"
