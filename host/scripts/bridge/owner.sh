# shellcheck shell=dash
# Who configures the interface, and how each lets go of this one interface and takes it back. A trial only parks the owner:
# nothing here is persistent, so that a restart of the machine finds the owner as it was.

# clients_of <interface>: pids of its DHCP clients. Those of other network namespaces (containers) may have an eth0 too.
clients_of() {
	local net file pid
	net=$(readlink /proc/self/ns/net)
	for file in /proc/[0-9]*/exe; do
		pid=${file#/proc/}
		pid=${pid%/exe}
		case "$(readlink "$file" 2>/dev/null)" in
		*/dhclient* | */dhcpcd* | */udhcpc*) ;;
		*) continue ;;
		esac
		[ "$(readlink "/proc/$pid/ns/net")" = "$net" ] || continue
		tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF -e "$1" && echo "$pid"
	done
	return 0
}

# command_of <pid>: its argv as words for `eval`.
command_of() {
	tr '\0' '\n' <"/proc/$1/cmdline" | while IFS= read -r word; do
		quote "$word"
		printf ' '
	done
}

# owner_park: a DHCP client is stopped, not ended: it neither releases its lease nor forgets when to renew it.
owner_park() {
	# shellcheck disable=SC2086 # a list of pids
	[ -z "$SNAP_CLIENTS" ] || kill -STOP $SNAP_CLIENTS 2>/dev/null
	case "$OWNER" in
	networkmanager) nm_park ;;
	networkd) networkd_park ;;
	esac
	return 0
}

# owner_release: after the commit, the new configuration counts: the program that had the interface reads it.
owner_release() {
	# The files that the commit wrote or removed show which owner is concerned; after a removal it is one that let go long ago.
	! is_mine /etc/NetworkManager/conf.d/90-meshdeck-bridge.conf || nm_release
	! is_mine "/etc/systemd/network/00-meshdeck-$UPLINK.network" && [ "$DHCP" != networkd ] || networkd_release
	return 0
}

# watch_addresses <interface>: an owner that took the interface may have dropped what it did not know. It is given back.
watch_addresses() {
	local count
	for count in 1 2 3 4 5 6 7 8; do
		sleep 0.3
		# shellcheck disable=SC2086 # a list of words
		has_addresses "$1" $ADDRESSES || give_addresses "$1"
	done
}

# give_addresses <interface>: those of the snapshot, without an end, and the routes.
give_addresses() {
	{
		printf '%s\n' "$SNAP_ADDRESSES" | sed 's/valid_lft [0-9]*sec/valid_lft forever/; s/preferred_lft [0-9]*sec/preferred_lft forever/' |
			address_batch "$1" 0
		printf '%s\n' "$SNAP_ROUTES4" | route_batch "$from" "$1" 4
		printf '%s\n' "$SNAP_ROUTES6" | route_batch "$from" "$1" 6
	} | run_batch 2>/dev/null
}

# owner_back: undoes owner_park. A client that died is started again as it was.
owner_back() {
	local pid
	case "$OWNER" in
	networkmanager) nm_back ;;
	networkd) networkd_back ;;
	esac
	for pid in $SNAP_CLIENTS; do
		kill -CONT "$pid" 2>/dev/null
	done
	[ -n "$SNAP_CLIENTS" ] || return 0
	sleep 0.2
	[ -n "$(clients_of "$from")" ] || start_client "$from" "$SNAP_CLIENT_COMMAND"
}

# start_client <interface> <command>: in its own unit, so that it outlives us.
start_client() {
	local interface
	interface=$1
	[ -n "$2" ] || return 0
	# Its script leaves an address that is there as it is, lifetime included; that lifetime may end before it renews.
	keep_addresses_alive "$interface"
	systemctl reset-failed "meshdeck-dhcp-$interface.service" 2>/dev/null
	eval "set -- $2"
	limit 10 systemd-run --quiet --collect --no-block --unit="meshdeck-dhcp-$interface" --property=Type=forking \
		--property=TimeoutStartSec=infinity --property=KillMode=process "$@"
}

# keep_addresses_alive <interface>: leased addresses stay until a client says otherwise.
keep_addresses_alive() {
	ip -o -4 address show dev "$1" 2>/dev/null | sed 's/valid_lft [0-9]*sec/valid_lft forever/; s/preferred_lft [0-9]*sec/preferred_lft forever/' |
		address_batch "$1" 0 | limit 5 ip -force -batch -
}

# owner_restart: the last attempt when setting the addresses directly failed. Without the lock (9): a client that is started here
# outlives us, and would hold it.
owner_restart() {
	case "$OWNER" in
	ifupdown | ifupdown2)
		limit "$OWNER_RESTART" ifdown --force "$from" 9>&-
		limit "$OWNER_RESTART" ifup --force "$from" 9>&-
		;;
	networkmanager) limit "$OWNER_RESTART" nmcli device reapply "$from" || limit "$OWNER_RESTART" nmcli device connect "$from" ;;
	networkd) limit "$OWNER_RESTART" networkctl reconfigure "$from" || limit "$OWNER_RESTART" systemctl restart systemd-networkd ;;
	esac
}
