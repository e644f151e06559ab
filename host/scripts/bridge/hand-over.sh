# shellcheck shell=dash
# After the commit: the program that configured the old interface configures the new one from now on, as it will after the next
# boot. This is a small transaction in itself, which must never take the address away. Addresses are first kept alive without a
# lease; a DHCP server that stays silent, or offers another address, changes only the status.

clientConfig=/etc/dhcp/meshdeck-$BRIDGE.conf

hand_over() {
	# Nothing was moved.
	[ "$KIND" != persist ] || { tell_dhcp none; return; }
	[ "$DHCP" = none ] || phase hand-over
	# The old interface's client ends without a word to the server: the lease stays valid.
	# shellcheck disable=SC2086 # a list of pids
	[ -z "$SNAP_CLIENTS" ] || kill -KILL $SNAP_CLIENTS 2>/dev/null
	owner_release
	case "$DHCP" in
	networkd) tell_dhcp "$(networkd_lease)" ;;
	dhclient)
		keep_addresses_alive "$to"
		tell_dhcp "$(hand_lease_over)"
		;;
	*) tell_dhcp none ;;
	esac
	give_back_stanzas
	tell_ifupdown
	[ -n "$SNAP_CLIENT_COMMAND" ] || [ "$DHCP" != dhclient ] || drop_leased_routes
}

# drop_leased_routes: the new client's default route stands beside the carried one of the owner's own client, which nobody would
# renew.
drop_leased_routes() {
	local count
	for count in 1 2 3 4 5 6 7 8 9 10; do
		if ip -4 route show default dev "$to" | grep -qv 'proto dhcp'; then
			limit 5 ip -4 route flush dev "$to" proto dhcp
			return
		fi
		sleep 1
	done
}

tell_dhcp() {
	echo "$1" | put "$live/dhcp"
	echo "$1" | put "$here/dhcp"
	note "DHCP: $1"
}

# hand_lease_over: prints the outcome.
hand_lease_over() {
	local offered seconds address
	offered=$(ask_lease)
	seconds=${offered#* }
	offered=${offered% *}
	if [ -z "$offered" ]; then
		# Without a lease on file the client never falls back to it, which would flush what is there.
		start_new_client identity_only
		echo silent
		return
	fi
	for address in $ADDRESSES; do
		[ "${address%/*}" = "$offered" ] || continue
		start_new_client cat
		limit_address "$address" "$seconds"
		echo same
		return
	done
	echo "other:$offered"
}

# limit_address <address> <seconds>: the address ends with its lease again, once a client runs that renews it.
limit_address() {
	local tries
	tries=0
	until systemctl is-active --quiet "meshdeck-dhcp-$to.service"; do
		tries=$((tries + 1))
		[ "$tries" -lt 30 ] || return 0
		sleep 0.5
	done
	case "$2" in '' | *[!0-9]*) return 0 ;; esac
	limit 5 ip address change "$1" dev "$to" valid_lft "$2" preferred_lft "$2"
}

# option_of <name>: what follows it in the old client's command; fails where the option is missing.
option_of() {
	local name
	name=$1
	eval "set -- $SNAP_CLIENT_COMMAND"
	while [ $# -gt 0 ]; do
		if [ "$1" = "$name" ]; then
			echo "${2-}"
			return 0
		fi
		shift
	done
	return 1
}

# ask_lease: the address and the lease's seconds that the server gives this interface with the old identity; empty for none.
# Configures nothing: the client's script only writes down the answer.
ask_lease() {
	local old
	rm -f "$live/ask.offer" "$live/ask.pid"
	cat >"$live/ask" <<-SCRIPT
		#!/bin/sh
		case "\$reason" in BOUND | REBOOT | RENEW | REBIND) echo "\$new_ip_address \$new_dhcp_lease_time" >$live/ask.offer ;; esac
		exit 0
	SCRIPT
	chmod 700 "$live/ask"
	old=$(option_of -lf)
	: >"$live/ask.leases"
	[ ! -s "$old" ] || sed "s/interface \"$from\"/interface \"$to\"/" "$old" >"$live/ask.leases"
	set -- -4 -1 -sf "$live/ask" -lf "$live/ask.leases" -pf "$live/ask.pid"
	# Identity by DUID, as ifupdown asks for; the DUID stands in the lease file.
	[ -n "$SNAP_CLIENT_COMMAND" ] && ! option_of -i >/dev/null || set -- "$@" -i
	# The client takes no identifier as an argument. This file came with the commit.
	[ ! -e "$clientConfig" ] || set -- "$@" -cf "$clientConfig"
	limit "$DHCP_SECONDS" dhclient "$@" "$to" >"$live/ask.log" 2>&1
	[ ! -s "$live/ask.pid" ] || kill -KILL "$(cat "$live/ask.pid")" 2>/dev/null
	[ ! -s "$live/ask.offer" ] || cat "$live/ask.offer"
}

identity_only() {
	grep '^default-duid' "$1"
}

# start_new_client <cat|identity_only>: the old client's command with the new interface in it, and what its lease file
# begins with.
start_new_client() {
	local command leases
	command=$SNAP_CLIENT_COMMAND
	[ -n "$command" ] || [ ! -e "$clientConfig" ] || command="dhclient -4 -nw -cf $clientConfig -pf /run/dhclient.$from.pid -lf /var/lib/dhcp/dhclient.$from.leases $from"
	[ -n "$command" ] || command="dhclient -4 -v -i -pf /run/dhclient.$from.pid -lf /var/lib/dhcp/dhclient.$from.leases -I -df /var/lib/dhcp/dhclient6.$from.leases $from"
	SNAP_CLIENT_COMMAND=$(printf '%s' "$command" | sed "s/\\b$from\\b/$to/g")
	leases=$(option_of -lf)
	[ -z "$leases" ] || "$1" "$live/ask.leases" | put "$leases"
	start_client "$to" "$SNAP_CLIENT_COMMAND"
}

# tell_ifupdown: `ifdown` and a restart of networking follow ifupdown's state. Each of our interfaces stands in it exactly when
# it has a stanza.
tell_ifupdown() {
	local name
	[ -s /run/network/ifstate ] && command -v ifquery >/dev/null || return 0
	for name in "$UPLINK" "$BRIDGE" $(labels_known); do
		grep -v "^$name=" /run/network/ifstate >/run/network/.ifstate.meshdeck
		if limit 5 ifquery "$name" >/dev/null 2>&1; then
			echo "$name=$name" >>/run/network/.ifstate.meshdeck
			echo "$name" >"/run/network/ifstate.$name"
		else
			rm -f "/run/network/ifstate.$name"
		fi
		chmod 644 /run/network/.ifstate.meshdeck
		mv /run/network/.ifstate.meshdeck /run/network/ifstate
	done
}

# labels_known: eth0:1 and the like, of either interface, that were up or are brought up at boot.
labels_known() {
	{
		sed 's/=.*//' /run/network/ifstate
		limit 5 ifquery --list --allow=auto
	} | grep -E "^($UPLINK|$BRIDGE):[A-Za-z0-9_.-]*$" | sort -u
}
