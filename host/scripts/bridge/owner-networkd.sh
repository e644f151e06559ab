# shellcheck shell=dash
# systemd-networkd, tried with 252. It does not put back what is taken from under it before its next renewal. Read again, it
# drops what it does not know on every interface whose file changed, unless KeepConfiguration says otherwise: that lies in
# /run for the time of the hand-over, so that no DHCP server is needed for the addresses to stay.
networkdTrialFile=/run/systemd/network/00-meshdeck-$UPLINK.network

# networkd_park: only a restart in the trial would read this.
networkd_park() {
	mkdir -p "${networkdTrialFile%/*}"
	printf '[Match]\nName=%s\n\n[Link]\nUnmanaged=yes\n' "$UPLINK" | put "$networkdTrialFile"
	chmod 644 "$networkdTrialFile"
}

# networkd_setup <interface>: its own word for it, such as configured or unmanaged.
networkd_setup() {
	limit 5 networkctl --no-legend --no-pager list "$1" 2>/dev/null | awk -v name="$1" '$2 == name { print $5 }'
}

networkd_back() {
	rm -f "$networkdTrialFile"
	[ "$(networkd_setup "$from")" = unmanaged ] || return 0
	limit 10 networkctl reload
	watch_addresses "$from"
}

# networkd_release: after the commit: it reads the files of the commit.
networkd_release() {
	local keep
	rm -f "$networkdTrialFile"
	keep=/run/systemd/network/00-meshdeck-$to.network.d
	mkdir -p "$keep"
	printf '[Network]\nKeepConfiguration=yes\n' | put "$keep/meshdeck.conf"
	chmod 755 "$keep"
	chmod 644 "$keep/meshdeck.conf"
	systemctl is-active --quiet systemd-networkd.service || limit 30 systemctl start systemd-networkd.service
	limit 10 networkctl reload
	watch_addresses "$to"
}

# networkd_lease: prints how the hand-over of the lease went, in the words of hand_over.
networkd_lease() {
	local until leased address
	until=$(($(uptime_ms) + DHCP_SECONDS * 1000))
	while :; do
		leased=$(limit 5 networkctl --no-pager status "$to" 2>/dev/null | sed -n 's/.*[ :]\([0-9.]*\) (DHCP4.*/\1/p' | head -n 1)
		[ -z "$leased" ] || break
		[ "$(uptime_ms)" -lt "$until" ] || { echo silent; return; }
		sleep 0.5
	done
	for address in $ADDRESSES; do
		[ "${address%/*}" != "$leased" ] || { echo same; return; }
	done
	decline_lease "$leased"
	echo "other:$leased"
}

# decline_lease <address>: networkd took it beside the one that was carried. It lets it go again, and asks no more before the next
# start of the machine: what becomes of it is for people to say.
decline_lease() {
	local address
	printf '[Network]\nKeepConfiguration=yes\nDHCP=no\n' | put "/run/systemd/network/00-meshdeck-$to.network.d/meshdeck.conf"
	chmod 644 "/run/systemd/network/00-meshdeck-$to.network.d/meshdeck.conf"
	limit 10 networkctl reload
	watch_addresses "$to"
	address=$(ip -o -4 address show dev "$to" | awk -v leased="$1/" 'index($4, leased) == 1 { print $4 }')
	[ -z "$address" ] || limit 5 ip address delete "$address" dev "$to"
	give_addresses "$to"
}
