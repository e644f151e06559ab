# shellcheck shell=dash
# Rehearses the change, and makes it.

# rehearse: everything but the NIC, which costs nobody a packet. Most of Open vSwitch's faults show here.
rehearse() {
	local problem
	# An existing bridge keeps its columns until the rollback is armed: VMs may be on it.
	if [ "$SNAP_HAD_BRIDGE" = no ]; then
		problem=$(take_bridge 2>&1) || { echo "Open vSwitch does not make the bridge: $problem"; return 1; }
	fi
	problem=$(vsctl "$OVS_APPLY" -- --may-exist add-port "$BRIDGE" "$rehearsalPort" \
		-- set interface "$rehearsalPort" type=internal 2>&1) || { echo "Open vSwitch makes no port: $problem"; return 1; }
	problem=$(ovs_errors "$BRIDGE" "$rehearsalPort")
	[ -z "$problem" ] || { echo "Open vSwitch: $problem"; return 1; }
	[ "$SNAP_HAD_BRIDGE" = yes ] || [ "$(cat "/sys/class/net/$BRIDGE/address" 2>/dev/null)" = "$MAC" ] || { echo "$BRIDGE does not take the address $MAC"; return 1; }
	vsctl "$OVS_APPLY" --if-exists del-port "$BRIDGE" "$rehearsalPort" >/dev/null 2>&1
	problem=$(take_uplink --dry-run --no-wait 2>&1) || { echo "Open vSwitch would not take $UPLINK: $problem"; return 1; }
	if [ "$DATAPATH" = netdev ]; then
		command -v nft >/dev/null || { echo 'nft is not installed: the kernel would answer beside the bridge'; return 1; }
		problem=$(shut_kernel_out_dry 2>&1) || { echo "nft: $problem"; return 1; }
	fi
}

shut_kernel_out_dry() {
	printf 'table netdev meshdeck_bridge {\n chain uplink {\n  type filter hook ingress device "%s" priority -500; policy drop;\n }\n}\n' "$UPLINK" |
		limit 5 nft -c -f -
}

bridge_columns() {
	set -- "datapath_type=$DATAPATH" "other_config:hwaddr=\"$MAC\"" fail_mode=standalone \
		external_ids:meshdeck-owner=meshdeck "external_ids:meshdeck-transaction=$ID" "external_ids:meshdeck-uplink=$UPLINK"
	echo "$@"
}

take_bridge() {
	# shellcheck disable=SC2046 # words without blanks
	vsctl "$OVS_APPLY" -- --may-exist add-br "$BRIDGE" -- set bridge "$BRIDGE" $(bridge_columns) \
		-- set interface "$BRIDGE" "mtu_request=$MTU"
}

# take_uplink [--dry-run]: bridge, tags and port in one transaction of the database.
take_uplink() {
	# shellcheck disable=SC2046 # words without blanks
	vsctl "$OVS_APPLY" "$@" -- --may-exist add-br "$BRIDGE" -- set bridge "$BRIDGE" $(bridge_columns) \
		-- --may-exist add-port "$BRIDGE" "$UPLINK" \
		-- set port "$UPLINK" other_config:transient=true external_ids:meshdeck-owner=meshdeck \
		"external_ids:meshdeck-transaction=$ID"
}

# ovs_errors <interfaces…>: what the database holds against them, in words; empty is well.
ovs_errors() {
	local name error port
	for name in "$@"; do
		error=$(ovs_get interface "$name" error)
		port=$(ovs_get interface "$name" ofport)
		case "$error" in '' | '[]' | '""') ;; *) echo "$name: $error" ;; esac
		case "$port" in '' | '[]' | -1) echo "$name has no port number" ;; esac
	done
}

# prepare: all that can be done before the NIC is cut off.
prepare() {
	{
		copy_sysctls "$from" "$to"
		set_sysctl ipv4 "$to" arp_notify 1
		set_sysctl ipv6 "$to" ndisc_notify 1
		batch_forward >"$live/batch"
	} 2>/dev/null
	[ -s "$live/batch" ]
}

batch_forward() {
	{
		echo "address flush dev $from"
		ip -o address show dev "$from" | own_addresses | address_batch "$to" 0 nodad
		echo "link set dev $to up"
		ip neighbour show dev "$from" | neighbour_batch "$to"
		ip -o -4 route show table all | route_batch "$from" "$to" 4
		ip -o -6 route show table all | route_batch "$from" "$to" 6
		ip -o -4 rule | rule_batch "$from" "$to" add 4
		ip -o -6 rule | rule_batch "$from" "$to" add 6
	}
}

apply() {
	local cut
	: >"$live/apply.log"
	phase park
	owner_park
	set_sysctl ipv6 "$from" accept_ra 0
	set_sysctl ipv6 "$from" autoconf 0
	phase move
	cut=$(now_ms)
	if [ "$KIND" = ensure ]; then
		take_uplink >"$live/apply.log" 2>&1 || { echo "ovs-vsctl ended with $?" >>"$live/apply.log"; return 1; }
		# The userspace datapath lets the kernel hear the uplink until it is shut out: only now is the address gone.
		[ "$DATAPATH" != netdev ] || cut=$(now_ms)
		run_batch <"$live/batch" >>"$live/apply.log" 2>&1
		shut_kernel_out >>"$live/apply.log" 2>&1 || return 1
	else
		vsctl "$OVS_APPLY" --if-exists del-port "$BRIDGE" "$UPLINK" >"$live/apply.log" 2>&1 || return 1
		let_kernel_in
		run_batch <"$live/batch" >>"$live/apply.log" 2>&1
	fi
	echo $(($(now_ms) - cut)) >"$live/outage"
	dns_to "$to"
	# shellcheck disable=SC2086 # a list of words
	has_addresses "$to" $ADDRESSES || { echo "$to did not take all addresses" >>"$live/apply.log"; return 1; }
}
