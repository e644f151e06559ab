# shellcheck shell=dash
# The rollback: one file with the values, the snapshot and all it needs. The timer in PID 1 runs it, the boot guard, `undo`, and
# the transaction itself when it fails. Runs from any state, any number of times. Order matters: the NIC leaves the bridge, the
# addresses come back, the owner gets the NIC, and only then come files and what is cosmetic.

why=$1
mkdir -p "$live"

# The commit may hold the lock: it ends within its own time limit, or is ended.
exec 9>>"$run/lock"
if ! flock -w 25 9; then
	systemctl kill --kill-whom=all --signal=KILL meshdeck-bridge-keep.service 2>/dev/null
	# Another rollback may be running, with its pauses: it does what this one would do.
	if ! flock -w 10 9; then
		read_state
		[ "$STATE" != rolling-back ] || exit 0
	fi
fi
# From an earlier start of the machine: its owners have configured it since, and the snapshot of its network is old.
asked=$why
is_this_boot || why=boot
read_state
case "$STATE" in
committed)
	finish_commit
	# The commit was cut short before the lease was handed over.
	[ "$why" = boot ] || [ -s "$live/dhcp" ] || limit 10 systemd-run --quiet --collect --unit=meshdeck-bridge-hand-over \
		--description='Meshdeck: the lease of the bridge' --property=RuntimeMaxSec=$((DHCP_SECONDS + 60)) /bin/sh "$here/tx" hand-over
	exit 0
	;;
rolled-back)
	disarm
	exit 0
	;;
esac
# The restart timer started this: by now somebody may have begun to repair by hand.
[ "$why" != restart ] || [ "$STATE" = rollback-failed ] || exit 0
rm -f "$here/ballast" "$live/ballast"
if [ "$why" != boot ] && [ "$why" != self ]; then
	systemctl kill --kill-whom=all --signal=KILL meshdeck-bridge.service 2>/dev/null
fi
case "$why" in
deadman) text=$(nobody_kept) ;;
restart) text=$TEXT ;;
*)
	text=$(cat "$live/reason" 2>/dev/null)
	[ "$why" != boot ] || text='the machine started again before the change was kept'
	;;
esac
: "${text:=undone}"
enter_anyway rolling-back "$text"

# Every step is tried, also when the one before failed.
go_back() {
	[ "$KIND" = persist ] || let_kernel_in
	port_back
	[ "$SNAP_HAD_NFT" = no ] || shut_kernel_out
	[ "$why" = boot ] || [ "$KIND" = persist ] || network_back
	restore_files
	[ "$KIND" = remove ] || bridge_back
}

# port_back: makes it a port or not, as it was, with the columns that it had.
port_back() {
	port_as_it_was && return 0
	# Without its database the kernel's datapath still holds the NIC; this command tells it directly.
	[ "$SNAP_WAS_PORT" = yes ] || [ "$DATAPATH" = netdev ] || limit 5 ovs-dpctl del-if ovs-system "$UPLINK" 2>/dev/null
	# The database drops ports with the transient mark when it starts: so start it, if it was stopped.
	[ "$why" = boot ] || limit 15 systemctl start ovsdb-server.service
	port_as_it_was
}

port_as_it_was() {
	if [ "$SNAP_WAS_PORT" = yes ]; then
		vsctl "$OVS_UNDO" --no-wait -- --may-exist add-port "$BRIDGE" "$UPLINK" \
			-- set port "$UPLINK" "external_ids=$SNAP_PORT_IDS" "other_config=$SNAP_PORT_CONFIG"
	else
		vsctl "$OVS_UNDO" --no-wait --if-exists del-port "$BRIDGE" "$UPLINK"
	fi
}

network_back() {
	local gone
	gone=$((($(uptime_ms) - SNAP_UPTIME_MS) / 1000))
	{
		if [ -d "/sys/class/net/$to" ]; then
			printf '%s\n' "$SNAP_ADDRESSES" | awk -v to="$to" '/inet/ { print "address delete " $4 " dev " to }'
		fi
		echo "link set dev $from up"
		missing_addresses | address_batch "$from" "$gone" nodad
		printf '%s\n' "$SNAP_ROUTES4" | route_batch "$from" "$from" 4
		printf '%s\n' "$SNAP_ROUTES6" | route_batch "$from" "$from" 6
		printf '%s\n' "$SNAP_RULES4" | rule_batch "$from" "$to" delete 4
		printf '%s\n' "$SNAP_RULES6" | rule_batch "$from" "$to" delete 6
	} | run_batch 2>/dev/null
	printf '%s\n' "$SNAP_SYSCTLS" | while read -r family name value; do
		[ -z "$name" ] || set_sysctl "$family" "$from" "$name" "$value"
	done
	settle_addresses "$from"
	printf '%s\n' "$SNAP_TO_SYSCTLS" | while read -r family name value; do
		[ -z "$name" ] || set_sysctl "$family" "$to" "$name" "$value"
	done
	[ "$SNAP_TO_UP" = yes ] || limit 5 ip link set dev "$to" down
	dns_to "$from"
	owner_back
}

missing_addresses() {
	printf '%s\n' "$SNAP_ADDRESSES" | while IFS= read -r line; do
		# shellcheck disable=SC2086 # the fourth word is the address
		set -- $line
		has_addresses "$from" "$4" || printf '%s\n' "$line"
	done
}

# The bridge goes only if we made it and no VM is on it; one that was there gets its columns back.
bridge_back() {
	has_bridge || return 0
	vsctl "$OVS_UNDO" --no-wait --if-exists del-port "$BRIDGE" "$rehearsalPort"
	if [ "$SNAP_HAD_BRIDGE" = yes ]; then
		vsctl "$OVS_UNDO" --no-wait set bridge "$BRIDGE" "external_ids=$SNAP_BRIDGE_IDS" "other_config=$SNAP_BRIDGE_CONFIG" \
			"fail_mode=$SNAP_BRIDGE_FAIL_MODE" "datapath_type=$SNAP_BRIDGE_DATAPATH"
	elif delete_bridge; then
		# The userspace datapath's interface outlives its switch, and nobody else would remove it.
		pidof ovs-vswitchd >/dev/null || limit 5 ip link delete dev "$BRIDGE" 2>/dev/null
	fi
}

is_healed() {
	[ "$KIND" != persist ] || return 0
	if [ "$KIND" = ensure ]; then
		if [ "$SNAP_WAS_PORT" = yes ]; then
			is_port || return 1
		else
			is_port && return 1
		fi
		vsctl "$OVS_UNDO" --no-wait show >/dev/null 2>&1 || return 1
	elif [ "$KIND" = remove ]; then
		is_port || return 1
	fi
	[ "$why" = boot ] && return 0
	# shellcheck disable=SC2086 # a list of words
	has_addresses "$from" $ADDRESSES
}

describe_wounds() {
	vsctl "$OVS_UNDO" --no-wait show >/dev/null 2>&1 || printf 'Open vSwitch does not answer: its database may still have %s in %s; ' "$UPLINK" "$BRIDGE"
	[ "$KIND" != ensure ] || [ "$SNAP_WAS_PORT" = yes ] || ! is_port || printf '%s is still in %s; ' "$UPLINK" "$BRIDGE"
	# shellcheck disable=SC2086 # a list of words
	has_addresses "$from" $ADDRESSES || printf '%s has no %s; ' "$from" "$ADDRESSES"
}

# restart_later: only where the plan asks for it; fails where it does not. Nothing lasting was written before the commit: the
# next start, with the boot guard, finds the machine as it was.
restart_later() {
	[ "$REBOOT" -gt 0 ] || return 1
	limit 10 systemd-run --quiet --collect --unit=meshdeck-bridge-restart --on-active="$REBOOT" --timer-property=AccuracySec=100ms \
		--description='Meshdeck: restarts the machine, whose bridge did not go back' \
		--property=OOMScoreAdjust=-900 --property=KillMode=process /bin/sh "$live/rollback" restart
}

restart_now() {
	note 'the machine restarts: the boot guard undoes the rest'
	limit 10 sync "$here"
	limit 30 systemctl reboot || limit 10 systemctl reboot --force
}

go_back
if [ "$why" != boot ] && [ "$why" != restart ]; then
	for pause in 5 15 45; do
		is_healed && break
		note "not healed yet; again in $pause s"
		sleep "$pause"
		# Only for the addresses: Open vSwitch alone does not justify taking the NIC down.
		# shellcheck disable=SC2086 # a list of words
		[ "$pause" != 45 ] || has_addresses "$from" $ADDRESSES || owner_restart
		go_back
	done
fi
# Somebody asks after a start that could not undo it: the owners may have configured the node then for an uplink in the bridge.
# shellcheck disable=SC2086 # a list of words
[ "$why" != boot ] || [ "$asked" = boot ] || [ "$KIND" = persist ] || has_addresses "$from" $ADDRESSES || owner_restart
if is_healed; then
	enter_anyway rolled-back "$text"
	disarm
	if [ "$why" != boot ] && [ "$KIND" != persist ]; then
		announce_quietly "$from"
		[ -z "$(gateways)" ] || note "$(check_gateway "$from")"
	fi
else
	# Timer and guard have done what they can; the guard stays for the next start of the machine.
	[ "$why" = restart ] || text="$text; what did not come back: $(describe_wounds)"
	if [ "$why" != boot ] && [ "$why" != restart ] && restart_later; then
		text="${text}the machine restarts in $REBOOT s, unless it is healed by then"
	fi
	enter_anyway rollback-failed "$text"
	[ "$why" != restart ] || restart_now
fi
