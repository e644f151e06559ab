# shellcheck shell=dash
# Seen, prolonged, kept or undone.

# The nonce comes on standard input: its holder has seen the node from outside, or decides for those who did.
read_nonce() {
	local nonce
	IFS= read -r nonce || [ -n "$nonce" ] || refuse 'no nonce on standard input' 5
	[ "$(printf '%s' "$nonce" | sha256sum | cut -d ' ' -f 1)" = "$NONCE_SHA256" ] || refuse 'the nonce is of another transaction' 5
}

seen() {
	local who
	read_nonce
	who=$(printf '%s' "$1" | tr -cd 'A-Za-z0-9._:@-' | cut -c 1-80)
	read_state
	case "$STATE" in
	applied | inside-ok | outside-ok)
		grep -qxF -e "$who" "$live/witnesses" 2>/dev/null || printf '%s\n' "$who" >>"$live/witnesses"
		[ "$STATE" != inside-ok ] || locked 5 advance inside-ok outside-ok "seen by $who"
		# Held for a person, only that person prolongs it.
		[ "$HELD" = yes ] || [ "$(left_ms)" -gt $((WINDOW * 500)) ] || locked 5 prolong "$WINDOW"
		;;
	esac
	print_status
}

left_ms() {
	local left
	is_armed && [ -s "$live/deadline" ] || return 0
	left=$(($(cat "$live/deadline") - $(uptime_ms)))
	[ "$left" -gt 0 ] || left=0
	echo "$left"
}

cap_left_ms() {
	local left
	[ -s "$live/cap" ] || { echo 0; return 0; }
	left=$(($(cat "$live/cap") - $(uptime_ms)))
	[ "$left" -gt 0 ] || left=0
	echo "$left"
}

# prolong <seconds from now>: never beyond the cap, never shorter than it is.
prolong() {
	local wanted cap left
	read_state
	case "$STATE" in armed | applied | inside-ok | outside-ok) ;; *) return 1 ;; esac
	wanted=$1
	cap=$(($(cap_left_ms) / 1000))
	left=$(left_ms)
	[ "$wanted" -le "$cap" ] || wanted=$cap
	[ $((wanted * 1000)) -gt "${left:-0}" ] || return 0
	arm_timer "$wanted"
}

more() {
	local left
	case "$1" in '' | *[!0-9]*) refuse 'more <seconds>' ;; esac
	read_state
	case "$STATE" in
	armed | applied | inside-ok | outside-ok) ;;
	*) refuse "nothing is on trial here: $STATE" ;;
	esac
	left=$(left_ms)
	locked 10 prolong $((${left:-0} / 1000 + $1))
	print_status
}

keep() {
	read_nonce
	read_state
	case "$STATE" in
	committed)
		print_status
		return 0
		;;
	committing | inside-ok | outside-ok) ;;
	planned | armed | applied) refuse "not yet: $STATE, and the inside checks have not passed$(grep ' bad ' "$live/checks" 2>/dev/null | sed 's/^/: /' | tr '\n' ';')" ;;
	*) refuse "too late: $STATE: $TEXT" ;;
	esac
	if [ "$STATE" != committing ] && ! systemctl is-active --quiet meshdeck-bridge-keep.service; then
		start_unit meshdeck-bridge-keep 'Meshdeck: keeping the bridge' commit --property=RuntimeMaxSec=$((DHCP_SECONDS + 60)) ||
			is_keeping || refuse 'PID 1 did not start the commit; the change still rolls back automatically'
	fi
	wait_while 'inside-ok outside-ok committing' 25
	print_status
	[ "$STATE" = committed ] || refuse "not kept: $STATE: $TEXT"
}

# Someone else with the nonce was faster.
is_keeping() {
	read_state
	case "$STATE" in committing | committed) return 0 ;; esac
	systemctl is-active --quiet meshdeck-bridge-keep.service
}

# commit: what the service of `keep` runs. Until the state is on disk as committed, all of it is undone by the rollback.
commit() {
	if ! locked 10 commit_now; then
		[ -s "$live/reason" ] || echo 'the change could not be kept' >"$live/reason"
		start_rollback
		return 1
	fi
	hand_over
}

commit_now() {
	local problem
	read_state
	case "$STATE" in
	inside-ok) enter outside-ok 'the verdict came' ;;
	outside-ok) ;;
	*) return 1 ;;
	esac
	# Proved before a file is written: what runs now has to come back.
	problem=$(commit_doubts)
	[ -z "$problem" ] || { one_line "not safe for the next boot: $problem" >"$live/reason"; return 1; }
	phase write
	enter committing 'files and units' || { echo 'the disk takes no more data' >"$live/reason"; return 1; }
	limit 15 /bin/sh "$here/tx" persist-files >"$live/commit.log" 2>&1 ||
		{ echo "the configuration could not be written: $(tail -n 1 "$live/commit.log")" >"$live/reason"; return 1; }
	if [ "$KIND" != remove ]; then
		lasting_columns >"$live/commit.log" 2>&1 || { echo "Open vSwitch: $(tail -n 1 "$live/commit.log")" >"$live/reason"; return 1; }
	fi
	enter committed "$([ "$KIND" = remove ] && echo 'the bridge is gone' || echo 'the bridge stays')" || { echo 'the disk takes no more data' >"$live/reason"; return 1; }
	read_state
	finish_commit
}

# lasting_columns: a mark that an attempt left goes as well. A bridge that others made is pinned to the address that it has, else
# its next port may change that, and its lease with it.
lasting_columns() {
	set -- -- remove port "$UPLINK" other_config transient=true
	if [ "$KIND" = persist ] && [ "$(cat "/sys/class/net/$BRIDGE/address")" = "$MAC" ]; then
		set -- "$@" -- set bridge "$BRIDGE" "other_config:hwaddr=\"$MAC\""
	fi
	vsctl "$OVS_APPLY" "$@"
}

persist_files() {
	local unit
	files_are_as_planned && write_files || return 1
	for unit in $DISABLE; do
		limit 10 systemctl --no-reload disable "$unit" || return 1
	done
	limit 10 systemctl daemon-reload || return 1
	for unit in $ENABLE; do
		limit 10 systemctl --no-reload enable "$unit" || return 1
	done
}

undo() {
	local script
	read_state
	case "$STATE" in
	committed) refuse 'it is kept: a transaction of kind remove takes the bridge away again' ;;
	rolled-back)
		print_status
		return 0
		;;
	esac
	# Of an earlier start of the machine: /run has no copy.
	script=$live/rollback
	[ -s "$script" ] || script=$here/rollback
	if [ ! -s "$script" ]; then
		[ "$(readlink "$base/pending")" = "$ID" ] && ! systemctl is-active --quiet meshdeck-bridge.service ||
			refuse "there is nothing to undo yet: ${STATE:-not begun}"
		enter_anyway rolled-back 'nothing was changed: it was cut short before'
		disarm
		print_status
		return 0
	fi
	mkdir -p "$live"
	printf '%s\n' 'undone on request' >"$live/reason"
	start_rollback "$script" || setsid /bin/sh "$script" undo </dev/null >/dev/null 2>&1 &
	wait_while 'planned armed applied inside-ok outside-ok committing rolling-back' 30
	wait_disarmed
	print_status
}

# wait_disarmed: the state changes first, and the timer goes a moment later.
wait_disarmed() {
	local count
	count=0
	read_state
	while [ "$STATE" = rolled-back ] && is_armed && [ "$count" -lt 50 ]; do
		sleep 0.1
		count=$((count + 1))
	done
}
