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
	unit_doubts
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
	[ -z "$file" ] || sed 's/^/sets /' "$file"
	owner_words
}

# owner_words: `doubt <reason>` where the program that had the NIC would take it again.
owner_words() {
	case "$OWNER" in
	networkd) networkd_words ;;
	networkmanager) nm_words ;;
	esac
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

# networkd_words: the first file that matches counts, and has to be ours. A name in an earlier folder hides the same one in a later.
networkFolders='/etc/systemd/network /run/systemd/network /usr/lib/systemd/network'
networkd_words() {
	local folder file name
	for name in $(for folder in $networkFolders; do ls "$folder" 2>/dev/null; done | grep '\.network$' | sort -u); do
		[ "$(printf '%s\n' "$name" 00-meshdeck- | sort | head -n 1)" = "$name" ] || break
		for folder in $networkFolders; do
			file=$folder/$name
			[ ! -e "$file" ] || break
		done
		[ -f "$file" ] || continue
		if may_match "$file" "$UPLINK" || may_match "$file" "$BRIDGE"; then echo "doubt $file comes before ours at boot"; fi
	done
}

# match_of <file> <key>: its values in the section [Match], on one line.
match_of() {
	awk -v key="$2" '
		/^[ \t]*\[/ { inside = $0 ~ /^[ \t]*\[Match\]/ }
		inside && /^[ \t]*[A-Za-z]/ {
			at = index($0, "=")
			name = substr($0, 1, at - 1)
			gsub(/[ \t]/, "", name)
			if (at > 0 && name == key) printf "%s ", substr($0, at + 1)
		}' "$1"
}

# may_match <file> <interface>: of what a [Match] can say, names, the Ethernet address and the type rule an interface out here.
may_match() {
	local list each
	list=$(match_of "$1" MACAddress)
	case " $(lower "$list") " in '  ' | *" $(lower "$MAC") "*) ;; *) return 1 ;; esac
	list=$(match_of "$1" Type)
	case " $list " in '  ' | *' !'* | *' ether '* | *'*'*) ;; *) return 1 ;; esac
	list=$(match_of "$1" Name)
	case $list in
	*[!\ ]*) ;;
	*) return 0 ;;
	esac
	set -f
	# shellcheck disable=SC2086 # a list of patterns
	set -- "$2" $list
	set +f
	list=$1
	shift
	case $1 in
	!*)
		each=${1#!}
		shift
		! is_named "$list" "$each" "$@"
		;;
	*) is_named "$list" "$@" ;;
	esac
}

# is_named <name> <patterns…>
is_named() {
	local name
	name=$1
	shift
	while [ $# -gt 0 ]; do
		# shellcheck disable=SC2254 # a pattern
		case $name in $1) return 0 ;; esac
		shift
	done
	return 1
}

lower() {
	printf '%s' "$1" | tr '[:upper:]' '[:lower:]'
}

# nm_words: its own reading of its configuration, which it prints without running. The first section that matches counts, and
# has to be ours.
nm_words() {
	local text
	text=$(limit 10 NetworkManager --print-config 2>&1) ||
		{ echo "doubt NetworkManager does not say what it would do at boot: $(one_line "$text")"; return 0; }
	# `<section> <whether it manages> <what it matches>`
	printf '%s\n' "$text" | awk '
		function flush() { if (section ~ /^device/ && managed != "") print section, managed, match_device }
		/^\[/ { flush(); section = substr($0, 2, length($0) - 2); managed = match_device = "" }
		/^managed=/ { managed = substr($0, 9) }
		/^match-device=/ { match_device = substr($0, 14) }
		END { flush() }' | nm_sections
}

# nm_sections: those that say whether a device is managed, the first that counts first.
nm_sections() {
	local section managed match
	while read -r section managed match; do
		case "$section $managed $match" in
		"device-meshdeck-bridge 0 interface-name:$UPLINK,interface-name:$BRIDGE") return ;;
		esac
		case $managed in 0 | no | false | off) continue ;; esac
		if nm_may_match "$match"; then
			echo "doubt NetworkManager would still take $UPLINK or $BRIDGE at boot: [$section] (match-device=$match) comes before our section"
			return
		fi
	done
	echo "doubt NetworkManager would still take $UPLINK at boot: its configuration has no section of ours for both"
}

# nm_may_match <match-device>: names, kinds and Ethernet addresses rule an interface out here.
nm_may_match() {
	local each
	set -f
	# shellcheck disable=SC2046 # a list of words
	set -- $(printf '%s' "${1:-*}" | tr ',;' '  ')
	set +f
	for each in "$@"; do
		case $each in
		except:*) [ $# -gt 1 ] || return 0 ;;
		interface-name:*)
			each=${each#interface-name:}
			each=${each#[=~]}
			! is_named "$UPLINK" "$each" && ! is_named "$BRIDGE" "$each" || return 0
			;;
		mac:*) [ "$(lower "${each#mac:}")" != "$(lower "$MAC")" ] || return 0 ;;
		type:wifi* | type:wwan | type:bluetooth | type:loopback) ;;
		*) return 0 ;;
		esac
	done
	return 1
}

# unit_doubts: what has to be started at boot, and is not.
unit_doubts() {
	is_started openvswitch-switch.service || is_started openvswitch.service || echo 'Open vSwitch is not enabled'
	[ "$METHOD" != ifupdown ] || is_started networking.service ||
		echo "networking.service is not enabled: nothing brings $BRIDGE up at boot"
	[ "$METHOD" != networkd ] && [ "$DHCP" != networkd ] || is_started systemd-networkd.service ||
		echo "systemd-networkd.service is not enabled: nothing gives $BRIDGE its addresses at boot"
}

is_started() {
	case " $ENABLE " in *" $1 "*) return 0 ;; esac
	systemctl is-enabled --quiet "$1" 2>/dev/null
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
	local address words hosts
	words=$(giving_words "$1")
	hosts=$(hosts_in "$words")
	for address in $ADDRESSES; do
		case "$address" in fe80:*) continue ;; esac
		! printf '%s\n' "$hosts" | grep -qxF -e "${address%/*}" || continue
		if ! is_brought "$address"; then
			echo "the next boot would not give $BRIDGE $address"
		elif ! is_ipv6 "$address" &&
			! printf '%s\n' "$words" | grep -qE '(^|[^A-Za-z0-9_.-])(dhclient|udhcpc|dhcpcd)([[:space:]]|$)' &&
			! printf '%s\n' "$words" | grep -qiE '^DHCP[[:space:]]*=[[:space:]]*(yes|y|true|t|both|ipv4|v4|1|on)[[:space:]]*$'; then
			echo "the next boot would not ask for the lease of $address"
		fi
	done
}

# giving_words <words>: those that may give an address: commands but for routes, and two settings of networkd.
giving_words() {
	printf '%s\n' "$1" | sed -n -e 's/^runs[[:space:]]*//p' -e 's/^sets[[:space:]]*\(\(Address\|DHCP\)[[:space:]]*=\)/\1/p' |
		grep -vE '^#|^([a-z0-9]+ )*([^ ]*/)?ip (-[^ ]+ )*(r|ro|rou|rout|route|ru|rul|rule) '
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
