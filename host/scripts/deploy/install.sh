# shellcheck shell=dash
set -eu
umask 077
tree=$1 state=$2 base=$3 program=$4 runtime=$5 action=$6
unit=/etc/systemd/system/meshd.service
work=$(mktemp -d /run/meshd-deploy.XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT PIPE TERM
tar -xf - -C "$work"
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
  # shellcheck disable=SC2086
  sync $new 2>/dev/null || sync
  for path in $staged; do mv -f "$path.new" "$path"; done
fi
ln -sfn ../../runtime/"$runtime" "$tree/program/$program/runtime"
ln -sfn ../meshd.service /etc/systemd/system/multi-user.target.wants/meshd.service
command -v restorecon >/dev/null 2>&1 && restorecon -R "$tree" "$unit" "$state" || :
current=$(readlink "$tree/current" 2>/dev/null || :)
if [ "$action" != upgrade ] && [ "$current" != "program/$program" ]; then
  case $current in program/*) [ -d "$tree/$current" ] && point "${current#program/}" previous ;; esac
  point "$program" current
  prune
fi
[ -z "$reload" ] || systemctl daemon-reload
case $action in
  start) systemctl restart meshd.service || exit 69 ;;
  upgrade)
    rm -f "$tree/upgrade.outcome"
    systemd-run --quiet --collect --no-block --unit=meshd-upgrade \
      /bin/sh "$tree/upgrade.sh" "$tree" "$base" "$program"
    ;;
esac
# The big files reach the disk behind our back; until then deploy would find them short and send them again.
(sync -f "$tree/bin/meshd" >/dev/null 2>&1 &)
exit 0
