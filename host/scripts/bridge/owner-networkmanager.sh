# shellcheck shell=dash
# NetworkManager, tried with 1.42. Told to let go of an interface, and to take it again, it flushes the addresses that it finds
# there, and asks DHCP; while nobody answers, the machine is deaf. So a trial tells it nothing: it does not put back what is
# taken from under it, and finds it again after the rollback. Only a restart in the trial would have it take the uplink: for
# that lies a file in /run, which a reboot takes away.
nmTrialFile=/run/NetworkManager/conf.d/90-meshdeck-trial.conf

nm_park() {
	mkdir -p "${nmTrialFile%/*}"
	printf '[device-meshdeck-trial]\nmatch-device=interface-name:%s,interface-name:%s\nmanaged=0\n' "$UPLINK" "$BRIDGE" |
		put "$nmTrialFile"
}

nm_state() {
	limit 5 nmcli -g GENERAL.STATE device show "$1" 2>/dev/null
}

# nm_back: it was restarted in the trial when it does not manage the interface now. Its profile then waits for DHCP as long as
# it takes, and the addresses stay meanwhile; that setting is in memory alone.
nm_back() {
	rm -f "$nmTrialFile"
	case "$(nm_state "$from")" in *unmanaged*) nm_take "$from" ;; esac
	return 0
}

# nm_take <interface>
nm_take() {
	local profile
	limit 5 nmcli general reload conf 2>/dev/null
	profile=$(nm_profile "$1")
	[ -z "$profile" ] || limit 5 nmcli connection modify --temporary uuid "$profile" ipv4.dhcp-timeout 2147483647 2>/dev/null
	keep_addresses_alive "$1"
	limit 10 nmcli device set "$1" managed yes 2>/dev/null
}

# nm_profile <interface>: the one that would be activated on it.
nm_profile() {
	limit 5 nmcli -t -f UUID,AUTOCONNECT,TYPE connection show 2>/dev/null | awk -F: '$2 == "yes" && $3 ~ /ethernet/ { print $1 }' |
		while read -r uuid; do
			case "$(limit 5 nmcli -g connection.interface-name connection show uuid "$uuid" 2>/dev/null)" in
			"$1" | '') echo "$uuid"; break ;;
			esac
		done
}

# nm_release: after the commit. Permanent now: the commit's file says the same.
nm_release() {
	rm -f "$nmTrialFile"
	limit 5 nmcli general reload conf 2>/dev/null
	if [ "$KIND" = remove ]; then
		nm_take "$to"
		watch_addresses "$to"
	else
		limit 10 nmcli device set "$from" managed no 2>/dev/null
	fi
	return 0
}
