# shellcheck shell=dash
# What the next boot would do, compared with what runs: a line for each reason to doubt that the node comes back as it is.

prove() {
	doubts >"$live/proof.new"
	mv -f "$live/proof.new" "$live/proof"
	print_status
}

doubts() {
	local at path unit words
	at=0
	while [ "$at" -lt "$FILES" ]; do
		at=$((at + 1))
		path=$(file_value $at PATH)
		[ "$(sum_of "$path")" = "$(file_value $at NEW)" ] || echo "$path is not as it was committed"
	done
	for unit in $ENABLE; do
		systemctl is-enabled --quiet "$unit" 2>/dev/null || echo "$unit is not enabled"
	done
	for unit in $DISABLE; do
		! systemctl is-enabled --quiet "$unit" 2>/dev/null || echo "$unit is enabled"
	done
	[ ! -L "$base/pending" ] || echo 'a transaction is pending: the boot guard would undo it'
	[ "$KIND" != remove ] || return 0
	unit_doubts
	is_port || echo "$UPLINK is not in $BRIDGE in the database"
	case "$(ovs_get port "$UPLINK" other_config)" in
	*transient*) echo "$UPLINK still has the transient mark: the next start of Open vSwitch takes it out of $BRIDGE" ;;
	esac
	# shellcheck disable=SC2086 # a list of words
	has_addresses "$BRIDGE" $ADDRESSES || echo "$BRIDGE does not have $ADDRESSES now"
	case "$(cat "$live/dhcp" 2>/dev/null || cat "$here/dhcp" 2>/dev/null)" in
	other:*) echo 'DHCP offers another address, which the next boot will take' ;;
	'') [ "$DHCP" = none ] || [ "$KIND" = persist ] || echo 'its lease was not handed over: nobody renews it' ;;
	silent) echo 'no DHCP server answered: the next boot may find no address' ;;
	esac
	words=$(words_now)
	missing_addresses_at_boot "$words"
	printf '%s\n' "$words" | sed -n 's/^doubt //p'
	[ "$METHOD" = ifupdown ] || return 0
	limit 5 ifquery "$BRIDGE" 2>/dev/null | grep -q -E "^ovs_ports: (.* )?$UPLINK( .*)?$" || echo "the stanza of $BRIDGE does not name $UPLINK"
	limit 5 ifquery --list --allow="$BRIDGE" 2>/dev/null | grep -qxF "$UPLINK" || echo "$UPLINK is not in the class of $BRIDGE: it would come up without its uplink"
	limit 5 ifquery --list --allow=auto 2>/dev/null | grep -qxF "$BRIDGE" || echo "nothing brings $BRIDGE up at boot"
}

# words_now: the current configuration, in the words of the program that reads it at boot.
words_now() {
	case "$METHOD" in
	ifupdown) boot_words "$BRIDGE" "$UPLINK" ;;
	*)
		sed 's/^/runs /' /usr/local/lib/meshdeck/bridge-up
		sed 's/^/sets /' "/etc/systemd/network/00-meshdeck-$BRIDGE.network"
		;;
	esac 2>/dev/null
	owner_words
}
