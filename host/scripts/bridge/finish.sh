# shellcheck shell=dash
# What is left to do once a transaction is committed: the record of it, the bridge that is no longer wanted, the lock. A rollback
# that finds the transaction committed, after a crash between the two, runs it too.

# finish_commit: running it twice does no harm.
finish_commit() {
	# If the process ends before the lease is handed over, the address stays.
	[ "$KIND" = persist ] || [ "$DHCP" = none ] || ! is_this_boot || keep_addresses_alive "$to"
	write_record
	if [ "$KIND" != remove ]; then
		vsctl "$OVS_UNDO" --no-wait remove port "$UPLINK" other_config transient=true 2>/dev/null
	else
		take_bridge_away
	fi
	forget_originals
	disarm
}

# A bridge that was there before us, or that VMs are on, stays, without our tags.
take_bridge_away() {
	local tag
	has_bridge || return 0
	if [ "$MADE" = yes ] && delete_bridge; then return; fi
	for tag in owner transaction uplink; do
		vsctl "$OVS_UNDO" --no-wait remove bridge "$BRIDGE" external_ids "meshdeck-$tag"
	done
}

# pinned_mac: empty for a bridge whose address Open vSwitch chooses.
pinned_mac() {
	vsctl "$OVS_UNDO" --no-wait --if-exists get bridge "$BRIDGE" other_config:hwaddr 2>/dev/null | tr -d '"'
}

# write_record: what was committed, and where the very first contents of its files are kept.
write_record() {
	local at path origin line
	if [ "$KIND" = remove ]; then
		rm -f "$base/committed"
		return 0
	fi
	{
		printf 'transaction=%s\nbridge=%s\nuplink=%s\nmethod=%s\nowner=%s\natMs=%s\nmac=%s\ndatapath=%s\n' \
			"$ID" "$BRIDGE" "$UPLINK" "$METHOD" "$OWNER" "${SINCE:-0}" "$(pinned_mac)" "$DATAPATH"
		origin=$(sed -n 's/^made=//p' "$base/committed" 2>/dev/null)
		printf 'made=%s\n' "${origin:-$([ "$SNAP_HAD_BRIDGE" = yes ] && echo no || echo yes)}"
		at=0
		while [ "$at" -lt "$FILES" ]; do
			at=$((at + 1))
			path=$(file_value $at PATH)
			printf 'file=%s %s\n' "$(file_value $at NEW)" "$path"
			origin=$(awk -v path="$path" 'index($0, "original=") == 1 && substr($0, index($0, " ") + 1) == path { print substr($1, 10) }' \
				"$base/committed" 2>/dev/null)
			if [ -z "$origin" ]; then
				origin=none
				[ "$(file_value $at OLD)" = none ] || origin=$ID/snapshot/original-$at
			fi
			printf 'original=%s %s\n' "$origin" "$path"
		done
		# Files of earlier transactions that this one did not touch stay on record. One that somebody edited since is taken as it
		# is, and what it was at first lacks that edit: at the end the bridge's part of it is taken out instead.
		grep -E '^(file|original)=' "$base/committed" 2>/dev/null | while IFS= read -r line; do
			path=${line#* }
			! is_mine "$path" || continue
			if [ "$KIND" = persist ] && ! grep -qxF -e "file=$(sum_of "$path") $path" "$base/committed"; then
				case "$line" in original=*) continue ;; esac
				line="file=$(sum_of "$path") $path"
			fi
			printf '%s\n' "$line"
		done
	} >"$live/record"
	put "$base/committed" <"$live/record"
}

is_mine() {
	local at
	at=0
	while [ "$at" -lt "$FILES" ]; do
		at=$((at + 1))
		[ "$(file_value $at PATH)" != "$1" ] || return 0
	done
	return 1
}
