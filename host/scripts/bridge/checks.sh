# shellcheck shell=dash
# What the node checks itself while the change is on trial.

watch_over() {
	local since bad elapsed
	since=$(uptime_ms)
	bad=0
	sleep "$SETTLE"
	while :; do
		read_state
		case "$STATE" in applied | inside-ok | outside-ok) ;; *) return 0 ;; esac
		elapsed=$((($(uptime_ms) - since) / 1000))
		run_checks >"$live/checks.new"
		mv -f "$live/checks.new" "$live/checks"
		# Empty where /run takes no more data: nothing was seen then.
		if [ -s "$live/checks" ] && ! grep -q ' bad ' "$live/checks"; then
			bad=0
			[ "$STATE" != applied ] || locked 5 advance applied inside-ok 'inside checks passed'
		elif [ "$STATE" = applied ] && [ "$elapsed" -ge "$INSIDE" ]; then
			turn_back "after $elapsed s: $(grep ' bad ' "$live/checks" | tr '\n' ';')"
		elif grep -q -E '^(ovs|addresses) bad ' "$live/checks"; then
			# What the change itself put in place is gone: nothing outside can bring it back.
			bad=$((bad + 1))
			[ "$bad" -lt 3 ] || turn_back "$(grep -E '^(ovs|addresses) bad ' "$live/checks" | tr '\n' ';')"
		fi
		sleep 1
	done
}

# run_checks: a line each, `<name> ok|bad <words>`; only those of the plan.
run_checks() {
	local name text
	for name in $CHECKS; do
		if text=$("check_$name" "$to" 2>/dev/null); then
			echo "$name ok $(one_line "$text")"
		else
			echo "$name bad $(one_line "$text")"
		fi
	done
}

check_carrier() {
	[ "$(cat "/sys/class/net/$UPLINK/carrier" 2>/dev/null)" = 1 ] || { echo "$UPLINK has no carrier"; return 1; }
	echo "$UPLINK has its carrier"
}

check_addresses() {
	# shellcheck disable=SC2086 # a list of words
	has_addresses "$1" $ADDRESSES || { echo "$1 does not have $ADDRESSES"; return 1; }
	echo "$1 has $ADDRESSES"
}

check_ovs() {
	local problem
	if [ "$KIND" = remove ]; then
		! is_port || { echo "$UPLINK is in $BRIDGE again"; return 1; }
		echo "$UPLINK is no longer in $BRIDGE"
		return 0
	fi
	is_port || { echo "$UPLINK is not in $BRIDGE"; return 1; }
	pidof ovs-vswitchd >/dev/null || { echo 'ovs-vswitchd does not run'; return 1; }
	problem=$(ovs_errors "$BRIDGE" "$UPLINK")
	[ -z "$problem" ] || { one_line "$problem"; return 1; }
	echo "$UPLINK is in $BRIDGE"
}

check_routes() {
	local gateway all
	all=$(gateways)
	[ -n "$all" ] || { echo 'none by a gateway before'; return 0; }
	for gateway in $all; do
		{
			ip -4 route show table all dev "$1"
			ip -6 route show table all dev "$1"
		} | grep -q "via $gateway " || { echo "no route by $gateway on $1"; return 1; }
	done
	echo "routes by $(echo "$all" | tr '\n' ' ')"
}

check_dns() {
	limit 4 getent hosts "$DNS_PROBE" >/dev/null || { echo "$DNS_PROBE does not resolve"; return 1; }
	echo "$DNS_PROBE resolves"
}
