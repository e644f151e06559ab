# shellcheck shell=dash
# What the next boot would do with the commit's files, before they are written. Each owner is asked in a separate mount namespace
# that has the candidates in their places, so that includes find them and no other process does. Then its answers before and
# after are compared: no address, route or command of the uplink and its labels may get lost.

# next_boot_doubts: a line for each reason not to begin. The words of the candidates stay, for the commit.
next_boot_doubts() {
	local words
	[ "$KIND" != remove ] || return 0
	mkdir -p "$live/candidate" || { echo '/run takes no more data'; return 0; }
	[ "$METHOD" != ifupdown ] && [ "$OWNER" != ifupdown ] || boot_words "$UPLINK" >"$live/boot-now"
	words=$(limit 15 unshare --mount /bin/sh "$here/tx" in-candidate 2>&1) ||
		{ echo "what the next boot would do cannot be asked: $(one_line "$words")"; return 0; }
	printf '%s\n' "$words" >"$live/boot-then"
	lost_words
	case "$METHOD" in
	ifupdown) printf '%s\n' "$words" | grep -qxF "raised $BRIDGE" || echo "nothing would bring $BRIDGE up at boot" ;;
	commands) printf '%s\n' "$words" | sed -n 's/^broken //p' ;;
	esac
	printf '%s\n' "$words" | sed -n 's/^doubt //p'
}

# commit_doubts: at the commit, what runs now has to come back as well. The candidates are those from the beginning.
commit_doubts() {
	[ "$KIND" != remove ] || return 0
	[ -s "$live/boot-then" ] || { echo "what the next boot would do was not asked: $live has no boot-then"; return 0; }
	missing_addresses_at_boot "$(cat "$live/boot-then")"
}

# in_candidate: in the namespace. Prints what the owners say there.
in_candidate() {
	local at path folder copied file
	copied=''
	mount -t tmpfs -o size=16m tmpfs "$live/candidate" || exit 1
	at=0
	while [ "$at" -lt "$FILES" ]; do
		at=$((at + 1))
		path=$(file_value $at PATH)
		folder=${path%/*}
		if [ "$(file_value $at NEW)" = none ]; then
			[ ! -e "$path" ] || mount --bind /dev/null "$path" || exit 1
		elif [ -e "$path" ]; then
			mount --bind "$here/file-$at" "$path" || exit 1
		elif [ -d "$folder" ]; then
			# A name that is not there yet needs a copy of its folder; only of those that are small, and that an owner reads.
			case "$folder" in
			/etc/network/* | /etc/systemd/network | /etc/NetworkManager/conf.d) ;;
			*) continue ;;
			esac
			case "$copied" in
			*" $folder "*) ;;
			*)
				cp -a "$folder" "$live/candidate/$at" && mount --bind "$live/candidate/$at" "$folder" || exit 1
				copied="$copied $folder "
				;;
			esac
			cp "$here/file-$at" "$path" || exit 1
		fi
	done
	case "$METHOD" in
	ifupdown) boot_words "$BRIDGE" "$UPLINK" ;;
	commands)
		[ "$OWNER" != ifupdown ] || ! boot_words "$UPLINK" | grep -E '^runs .*(dhclient|ip addr add|ip -6 addr add)' >/dev/null ||
			echo "doubt ifupdown would still give $UPLINK an address"
		sh -n "$(candidate_of bridge-up)" 2>&1 | sed 's/^/broken /'
		sed 's/^/runs /' "$(candidate_of bridge-up)"
		;;
	esac
	# Whichever program had the NIC, networkd may hold the bridge's lease.
	file=$(candidate_of "00-meshdeck-$BRIDGE.network")
	[ -z "$file" ] || sed 's/^/runs /' "$file"
	[ "$OWNER" != networkd ] || networkd_words
	[ "$OWNER" != networkmanager ] || nm_words
}

# candidate_of <name>: the planned file of that name, or the one that is there.
candidate_of() {
	local at
	at=0
	while [ "$at" -lt "$FILES" ]; do
		at=$((at + 1))
		case "$(file_value $at PATH)" in
		*/"$1")
			echo "$here/file-$at"
			return
			;;
		esac
	done
	for at in /usr/local/lib/meshdeck /etc/systemd/network /etc/NetworkManager/conf.d; do
		[ ! -e "$at/$1" ] || echo "$at/$1"
	done
}

# boot_words <interfaces…>: `raised <name>` for what ifupdown brings up at boot of these and their labels, and `runs <command>`
# for what that runs. The second one, a port, is raised by the bridge's own class.
boot_words() {
	local name all text
	all=$(
		limit 5 ifquery --list --allow=auto
		limit 5 ifquery --list --allow=hotplug
		[ -z "$2" ] || limit 5 ifquery --list --allow="$1" | grep -xF "$2"
	)
	for name in $(printf '%s\n' "$all" | sort -u); do
		case "$name" in
		"$1" | "$1":* | "${2:-$1}") ;;
		*) continue ;;
		esac
		text=$(limit 10 ifup --no-act --force "$name" 2>&1) || echo "doubt ifupdown does not take $name: $(one_line "$text")"
		echo "raised $name"
		printf '%s\n' "$text" | sed 's/^/runs /'
	done
}

# networkd_words: the first file that matches counts, and has to be ours.
networkd_words() {
	local file name
	for file in /etc/systemd/network/*.network /run/systemd/network/*.network /usr/lib/systemd/network/*.network; do
		[ -f "$file" ] || continue
		case "${file##*/}" in 00-meshdeck-*) continue ;; esac
		name=$(printf '%s\n' "${file##*/}" 00-meshdeck- | sort | head -n 1)
		[ "$name" != 00-meshdeck- ] && grep -qE "^[[:space:]]*Name=.*(\*|$UPLINK|$BRIDGE)" "$file" || continue
		echo "doubt $file comes before ours at boot"
	done
}

# nm_words: its own reading of its configuration, which it prints without running.
nm_words() {
	local text
	text=$(limit 10 NetworkManager --print-config 2>/dev/null) || return 0
	printf '%s\n' "$text" | grep -qF "interface-name:$UPLINK" || echo "doubt NetworkManager would still take $UPLINK at boot"
}

# normal_words: what is compared: commands about addresses, routes, leases and whatever people added, under the bridge's name.
# What only brings a link up differs, and so do hooks.
normal_words() {
	local pattern
	pattern=$(printf '%s' "$UPLINK" | sed 's/\./\\./g')
	sed -n 's/^runs //p' | grep -vE '^[[:space:]]*(run-parts |modprobe |ip link set |$)|meshdeck_bridge|dhclient\.[^ ]*\.leases >' |
		sed "s/^[[:space:]]*//; s/\\b$pattern\\b/$BRIDGE/g; s/[[:space:]][[:space:]]*/ /g; s/ \$//"
}

# lost_words: what is run at boot now, and would not be with the candidates.
lost_words() {
	local line address
	[ "$METHOD" = ifupdown ] && [ -s "$live/boot-now" ] || return 0
	normal_words <"$live/boot-then" >"$live/boot-then.words"
	normal_words <"$live/boot-now" | grep -vxF -f "$live/boot-then.words" | while IFS= read -r line; do
		address=$(printf '%s\n' "$line" | sed -n 's/^ip \(-6 \)\{0,1\}addr add \([^ ]*\) .*/\2/p')
		if [ -n "$address" ]; then
			echo "the next boot would not give $BRIDGE $address"
		else
			echo "the next boot would not run \`$line\` for $BRIDGE"
		fi
	done
}

# missing_addresses_at_boot <words>: of those that run now and no client or router brought.
missing_addresses_at_boot() {
	local address hosts
	hosts=$(hosts_in "$1")
	for address in $ADDRESSES; do
		case "$address" in fe80:*) continue ;; esac
		! printf '%s\n' "$hosts" | grep -qxF -e "${address%/*}" || continue
		if ! is_brought "$address"; then
			echo "the next boot would not give $BRIDGE $address"
		elif ! is_ipv6 "$address" && ! printf '%s\n' "$1" | grep -qE 'dhclient|DHCP=(yes|true|both|ipv4|v4|1|on)'; then
			echo "the next boot would not ask for the lease of $address"
		fi
	done
}

is_ipv6() {
	case "$1" in *:*) return 0 ;; esac
	return 1
}

# is_brought <address>: by a client or a router. Older clients set no end: then the leases on file tell.
is_brought() {
	local leases
	{
		printf '%s\n' "$SNAP_ADDRESSES"
		ip -o address show dev "$BRIDGE" 2>/dev/null
	} | grep -F " $1 " | grep -qE ' (dynamic|mngtmpaddr|temporary) ' && return 0
	leases=
	[ -z "$SNAP_CLIENT_COMMAND" ] || leases=$(option_of -lf)
	grep -qsF "fixed-address ${1%/*};" ${leases:+"$leases"} "/var/lib/dhcp/dhclient.$UPLINK.leases" "/var/lib/dhcp/dhclient.$BRIDGE.leases"
}

# hosts_in <text>: addresses in it without their length; IPv6 ones that have a length in the kernel's own way of writing.
hosts_in() {
	local host
	for host in $(printf '%s\n' "$1" | grep -oE '[0-9a-fA-F]*[.:][0-9a-fA-F.:]+(/[0-9]+)?' | sort -u | head -n 200); do
		case "$host" in
		*:*:*/*) limit 2 getent ahostsv6 "${host%/*}" | awk '{ print $1; exit }' ;;
		*) echo "${host%/*}" ;;
		esac
	done
}

# give_back_stanzas: after a removal, what the restored stanzas of the uplink say and nobody gave it again: the bridge may have
# lost an address while it had them.
give_back_stanzas() {
	local line address
	[ "$KIND" = remove ] && command -v ifquery >/dev/null && limit 5 ifquery "$UPLINK" >/dev/null 2>&1 || return 0
	boot_words "$UPLINK" | sed -n 's/^runs *//p' | grep -E '^ip (-6 )?addr add ' | while IFS= read -r line; do
		address=$(printf '%s\n' "$line" | sed -n 's/^ip \(-6 \)\{0,1\}addr add \([^ ]*\) .*/\2/p')
		! hosts_in "$(ip -o address show dev "$UPLINK")" | grep -qxF -e "$(hosts_in "$address")" || continue
		line=$(printf '%s' "$line" | sed "s/ dev $UPLINK:[^ ]*/ dev $UPLINK/")
		# shellcheck disable=SC2086 # words of ifupdown's own line; a label's device is the uplink's
		limit 5 $line 2>/dev/null && note "$UPLINK has $address again"
	done
}
