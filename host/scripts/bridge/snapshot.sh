# shellcheck shell=dash
# Looks at the plan, and keeps what was there before.

check_plan() {
	local address
	[ -d "/sys/class/net/$UPLINK" ] || { echo "there is no $UPLINK"; return 1; }
	vsctl "$OVS_UNDO" --no-wait show >/dev/null 2>&1 || { echo 'Open vSwitch does not answer'; return 1; }
	systemctl is-active --quiet ovs-vswitchd.service || pidof ovs-vswitchd >/dev/null || { echo 'ovs-vswitchd does not run'; return 1; }
	if [ "$KIND" != persist ]; then
		[ -d "/sys/class/net/$from" ] || { echo "there is no $from"; return 1; }
		for address in $ADDRESSES; do
			has_addresses "$from" "$address" || { echo "$from no longer has $address: plan again"; return 1; }
		done
	fi
	files_are_as_planned
}

take_snapshot() {
	local unit at clients
	mkdir -p "$here/snapshot" "$live/snapshot" || return 1
	# The rollback frees this, so that a disk that fills up during the trial cannot stop it.
	head -c 65536 /dev/zero >"$here/ballast" && head -c 65536 /dev/zero >"$live/ballast" || return 1
	at=0
	while [ "$at" -lt "$FILES" ]; do
		at=$((at + 1))
		[ "$(file_value $at OLD)" = none ] || cp -a "$(file_value $at PATH)" "$here/snapshot/original-$at" || return 1
	done
	take_evidence "$here/snapshot"
	clients=$(clients_of "$from" | tr '\n' ' ')
	at=
	for unit in $ENABLE $DISABLE; do
		! systemctl is-enabled --quiet "$unit" 2>/dev/null || at="$at $unit"
	done
	{
		value SNAP_BOOT "$(cat /proc/sys/kernel/random/boot_id)"
		value SNAP_UPTIME_MS "$(uptime_ms)"
		value SNAP_ADDRESSES "$(ip -o address show dev "$from" | own_addresses)"
		value SNAP_ROUTES4 "$(ip -o -4 route show table all)"
		value SNAP_ROUTES6 "$(ip -o -6 route show table all)"
		value SNAP_RULES4 "$(ip -o -4 rule)"
		value SNAP_RULES6 "$(ip -o -6 rule)"
		value SNAP_SYSCTLS "$(sysctls_of "$from")"
		value SNAP_TO_UP "$([ ! -d "/sys/class/net/$to" ] || ip -o link show dev "$to" | grep -q '[<,]UP[,>]' && echo yes || echo no)"
		value SNAP_TO_SYSCTLS "$([ ! -d "/sys/class/net/$to" ] || sysctls_of "$to")"
		value SNAP_CLIENTS "$clients"
		# shellcheck disable=SC2086 # the first of a list of pids
		set -- $clients
		value SNAP_CLIENT_COMMAND "$([ -z "$1" ] || command_of "$1")"
		value SNAP_ENABLED "$at"
		value SNAP_HAD_NFT "$(nft list table netdev meshdeck_bridge >/dev/null 2>&1 && echo yes || echo no)"
		if has_bridge; then
			value SNAP_HAD_BRIDGE yes
			value SNAP_BRIDGE_IDS "$(ovs_get bridge "$BRIDGE" external_ids)"
			value SNAP_BRIDGE_CONFIG "$(ovs_get bridge "$BRIDGE" other_config)"
			value SNAP_BRIDGE_FAIL_MODE "$(ovs_get bridge "$BRIDGE" fail_mode)"
			value SNAP_BRIDGE_DATAPATH "$(ovs_get bridge "$BRIDGE" datapath_type)"
		else
			value SNAP_HAD_BRIDGE no
		fi
		value SNAP_WAS_PORT "$(is_port && echo yes || echo no)"
		value SNAP_PORT_IDS "$(ovs_get port "$UPLINK" external_ids)"
		value SNAP_PORT_CONFIG "$(ovs_get port "$UPLINK" other_config)"
		if has_resolved; then
			value SNAP_DNS "$(dns_of "$from" dns)"
			value SNAP_DOMAINS "$(dns_of "$from" domain)"
		fi
		value DNS_PROBE "$(resolvable_name)"
	} >"$here/snapshot/values" || return 1
	. "$here/snapshot/values"
	# Only what passes now counts afterwards.
	value CHECKS "$(passing_checks)" >>"$here/snapshot/values" || return 1
	. "$here/snapshot/values"
	(cd "$here/snapshot" && sha256sum -- * >../snapshot.sha256) || return 1
	cp -a "$here/snapshot/." "$live/snapshot/" || return 1
	limit 10 sync "$here/snapshot" "$here/snapshot/values"
}

# A name that this machine's name servers know: that of a name server's address, or of a gateway's.
resolvable_name() {
	local address
	for address in $(awk '$1 == "nameserver" { print $2 }' /etc/resolv.conf) $SNAP_DNS $(ip -4 route show default | awk '{ print $3 }'); do
		case "$address" in 127.*) continue ;; esac
		if limit 4 getent hosts "$address" >/dev/null; then
			echo "$address"
			return
		fi
	done
}

passing_checks() {
	local name
	for name in $CHECKS; do
		case "$name" in
		carrier | gateway | routes | dns) "check_$name" "$from" >/dev/null 2>&1 && printf '%s ' "$name" ;;
		*) printf '%s ' "$name" ;;
		esac
	done
}

value() {
	printf '%s=%s\n' "$1" "$(quote "$2")"
}

ovs_get() {
	vsctl "$OVS_UNDO" --no-wait --if-exists get "$1" "$2" "$3" 2>/dev/null
}

# An interface's settings beside its addresses: those that the trial changes.
sysctls_of() {
	local name
	for name in arp_notify arp_ignore arp_announce; do
		echo "ipv4 $name $(cat "/proc/sys/net/ipv4/conf/$1/$name")"
	done
	for name in accept_ra autoconf ndisc_notify; do
		[ ! -e "/proc/sys/net/ipv6/conf/$1/$name" ] || echo "ipv6 $name $(cat "/proc/sys/net/ipv6/conf/$1/$name")"
	done
}

# For people: what was there before, in the words of the tools.
take_evidence() {
	{
		ip address >"$1/addresses"
		ip route show table all >"$1/routes"
		ip -6 route show table all >"$1/routes6"
		ip rule >"$1/rules"
		ip -d link >"$1/links"
		ip neighbour >"$1/neighbours"
		cp /etc/resolv.conf "$1/resolv.conf"
		limit 5 ovs-vsctl --timeout=3 --no-wait show >"$1/ovs-show"
		# Without options: those of tunnels hold keys.
		limit 5 ovs-vsctl --timeout=3 --no-wait list bridge >"$1/ovs-bridges"
		limit 5 ovs-vsctl --timeout=3 --no-wait list port >"$1/ovs-ports"
		limit 5 ovs-vsctl --timeout=3 --no-wait --columns=name,type,ofport,error,admin_state,link_state,mac_in_use,mtu,external_ids \
			list interface >"$1/ovs-interfaces"
	} 2>/dev/null
	return 0
}
