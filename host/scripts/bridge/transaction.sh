# shellcheck shell=dash
# tx <subcommand>: a bridge transaction on its node; docs/bridge.md has the table. Once begun, it runs in its own units:
# neither the end of the SSH session nor that of meshd stops it. Exit codes: 0 done, 3 refused (the reason on standard
# error), 4 held by another transaction, 5 the nonce is wrong.

case "$1" in
begin | status | keep | undo | drive | commit | bundle | prove | hand-over | in-candidate) ;;
seen | more) ;;
persist-files) ;;
*) refuse 'tx begin | status | seen <who> | keep | undo | more <seconds> | drive | prove | bundle' ;;
esac
[ ! -s "$here/snapshot/values" ] || . "$here/snapshot/values"
case "$1" in
status) print_status ;;
persist-files) persist_files ;;
hand-over) hand_over ;;
in-candidate) in_candidate ;;
seen) seen "$2" ;;
more) more "$2" ;;
*) "$1" ;;
esac
