# shellcheck shell=dash
# Moves addresses, routes and rules from one interface to another as they are, and the bridge's rows. All that moves is prepared
# as one batch of ip(8): the time between the first and the last line is the outage.

# address_batch <interface> <seconds gone by> [nodad]: lines of `ip -o address` to batch lines for that interface. With nodad
# IPv6 does not ask first whether an address is free, which would take it away for a second: it was ours a moment ago.
address_batch() {
	awk -v to="$1" -v gone="$2" -v quick="$3" '
	function life(text) {
		if (text == "forever") return text
		text = text + 0 - gone
		return text < 60 ? 60 : text
	}
	$3 == "inet" || $3 == "inet6" {
		gsub(/\\/, " ")
		rest = ""; label = ""; scope = ""; valid = "forever"; preferred = "forever"
		for (i = 5; i <= NF; i++) {
			if ($i == "peer" || $i == "brd" || $i == "metric") { rest = rest " " $i " " $(i + 1); i++ }
			else if ($i == "scope") { scope = $(++i) }
			else if ($i == "valid_lft") { valid = $(++i); sub(/sec$/, "", valid) }
			else if ($i == "preferred_lft") { preferred = $(++i); sub(/sec$/, "", preferred) }
			else if ($i == "proto") i++
			else if ($i ~ /^(mngtmpaddr|noprefixroute|home|autojoin)$/) rest = rest " " $i
			else if ($3 == "inet" && $i ~ /:/) { label = $i; sub(/^[^:]*/, to, label) }
		}
		if ($3 == "inet6" && scope == "host") next
		address = $4
		if (rest ~ / peer /) {
			# `ip -o` prints the local address alone, and the prefix with the peer.
			sub(/\/.*/, "", address)
		}
		line = "address replace " address rest " scope " scope " dev " to
		if (label != "" && length(label) <= 15) line = line " label " label
		if ($3 == "inet6") line = line (quick == "" ? "" : " " quick)
		if (valid != "forever") line = line " valid_lft " life(valid) " preferred_lft " (preferred == 0 ? 0 : preferred == "forever" ? preferred : life(preferred))
		print line
	}'
}

# own_addresses: lines of `ip -o address` without those of other programs. An address that keepalived added since the plan was
# made has its number (RTPROT_KEEPALIVED); a second holder of a virtual address would answer beside the first.
own_addresses() {
	awk -v leave=" $LEAVE " 'index(leave, " " $4 " ") == 0 && $0 !~ / proto (18|keepalived) /'
}

# settle_addresses <interface>: removes the nodad flag again.
settle_addresses() {
	ip -o -6 address show dev "$1" 2>/dev/null | grep ' nodad ' | address_batch "$1" 0 | limit 5 ip -6 -force -batch -
}

# route_batch <from> <to> <4|6>: lines of `ip -o route show table all` to batch lines; what needs no gateway first.
route_batch() {
	awk -v from="$1" -v to="$2" -v family="$3" '
	/ table local / || /^local / || /^broadcast / || /^anycast / { next }
	{
		gsub(/\\/, " ")
		if (index(" " $0 " ", " dev " from " ") == 0) next
		line = ""
		for (i = 1; i <= NF; i++) {
			if ($i == "dev" && $(i + 1) == from) { line = line " dev " to; i++ }
			else if ($i == "nhid" || $i == "error") i++
			else if ($i ~ /^(linkdown|dead|offload|trap|rt_offload|cache)$/) continue
			else if ($i == "expires") { line = line " expires " ($(i + 1) + 0); i++ }
			else line = line " " $i
		}
		rank = line ~ / via / ? 2 : 1
		print rank " -" family " route replace" line
	}' | sort -s -k 1,1n | cut -d ' ' -f 2-
}

# rule_batch <from> <to> <add|delete>: lines of `ip -o rule` that name the interface, with the other one in its place.
rule_batch() {
	awk -v from="$1" -v to="$2" -v verb="$3" -v family="$4" '
	{
		if (index(" " $0 " ", " iif " from " ") == 0 && index(" " $0 " ", " oif " from " ") == 0) next
		line = ""
		for (i = 2; i <= NF; i++) {
			if (($i == "iif" || $i == "oif") && $(i + 1) == from) { line = line " " $i " " to; i++ }
			else if ($i ~ /^\[/) continue
			else line = line " " $i
		}
		pref = $1
		sub(/:$/, "", pref)
		print "-" family " rule " verb " pref " pref line
	}'
}

# neighbour_batch <to>: lines of `ip neighbour show dev`: nobody has to be asked again.
neighbour_batch() {
	awk -v to="$1" '$2 == "lladdr" && !/FAILED|INCOMPLETE|NOARP|PERMANENT/ {
		print "neighbour replace " $1 " lladdr " $3 " dev " to " nud stale" }'
}

# run_batch: lines on standard input, and in no file: /run may be full. ip(8) takes one family for a whole batch, so they are run
# in their order in groups of one family.
run_batch() {
	local batch failed
	failed=0
	batch=$(cat)
	# `-4 route …` is not a batch line. Without `-4`, ip knows the family from the address, but not for `default`.
	printf '%s\n' "$batch" | grep -v '^-' | limit 10 ip -force -batch - || failed=1
	printf '%s\n' "$batch" | sed -n 's/^-4 //p' | limit 10 ip -4 -force -batch - || failed=1
	printf '%s\n' "$batch" | sed -n 's/^-6 //p' | limit 10 ip -6 -force -batch - || failed=1
	return $failed
}

# has_addresses <interface> <addresses…>
has_addresses() {
	local interface there address
	interface=$1
	shift
	there=" $(ip -o address show dev "$interface" 2>/dev/null | awk '{ print $4 }' | tr '\n' ' ')"
	for address in "$@"; do
		case "$there" in *" $address "*) ;; *) return 1 ;; esac
	done
}

is_port() {
	vsctl "$OVS_UNDO" --no-wait list-ports "$BRIDGE" 2>/dev/null | grep -qxF -e "$UPLINK"
}

has_bridge() {
	vsctl "$OVS_UNDO" --no-wait br-exists "$BRIDGE" 2>/dev/null
}

# delete_bridge: unless others have ports on it, VMs for one, or Open vSwitch does not say who has: a time-out means unknown.
delete_bridge() {
	local ports
	ports=$(vsctl "$OVS_UNDO" --no-wait list-ports "$BRIDGE" 2>/dev/null) || {
		note "$BRIDGE stays: Open vSwitch does not say what is on it"
		return 1
	}
	ports=$(printf '%s\n' "$ports" | grep -vxF -e "$UPLINK" -e "$rehearsalPort" | tr '\n' ' ')
	if [ -n "${ports% }" ]; then
		note "$BRIDGE stays: ports of others are on it: $ports"
		return 1
	fi
	vsctl "$OVS_UNDO" --no-wait --if-exists del-br "$BRIDGE"
}
rehearsalPort=mdeck-rehearse

# With the userspace datapath the kernel's own stack still receives every frame of the uplink, and would answer for the
# bridge's addresses a second time. The datapath reads before this hook.
shut_kernel_out() {
	[ "$DATAPATH" = netdev ] || return 0
	printf 'table netdev meshdeck_bridge {\n chain uplink {\n  type filter hook ingress device "%s" priority -500; policy drop;\n }\n}\n' "$UPLINK" |
		limit 5 nft -f -
}

let_kernel_in() {
	[ "$DATAPATH" = netdev ] || return 0
	limit 5 nft delete table netdev meshdeck_bridge 2>/dev/null
	return 0
}

# set_sysctl <ipv4|ipv6> <interface> <name> <value>
set_sysctl() {
	{ printf '%s\n' "$4" >"/proc/sys/net/$1/conf/$2/$3"; } 2>/dev/null
	return 0
}

# copy_sysctls <from> <to>: a fresh interface has the defaults, and the uplink may have had other values.
copy_sysctls() {
	local family name value
	for family in ipv4 ipv6; do
		(cd "/proc/sys/net/$family/conf" && grep -s . "$1"/* "$2"/*) | awk -v from="$1" -v family="$family" '
			{
				slash = index($0, "/")
				colon = index($0, ":")
				name = substr($0, slash + 1, colon - slash - 1)
				value = substr($0, colon + 1)
				if (substr($0, 1, slash - 1) == from) old[name] = value
				else if (name in old && old[name] != value) print family, name, old[name]
			}'
	done | while read -r family name value; do
		# These belong to the interface itself, or have side effects.
		case "$name" in mtu | stable_secret | addr_gen_mode | mc_forwarding) continue ;; esac
		set_sysctl "$family" "$2" "$name" "$value"
	done
}

# announce <interface> <times>: neighbours and switches learn where the addresses are. The kernel sends gratuitous ARP and
# unsolicited neighbour advertisements when an address of the interface is set again, with these two sysctls.
announce() {
	local count
	count=0
	while [ "$count" -lt "$2" ]; do
		[ "$count" -eq 0 ] || sleep 1
		limit 3 ip link set dev "$1" address "$(cat "/sys/class/net/$1/address")" 2>/dev/null
		count=$((count + 1))
	done
}

# One request to each gateway and name server: who hears it learns where we are, without touching the NIC.
announce_quietly() {
	local address
	for address in $(ip route show table all dev "$1" | awk '{ for (i = 1; i < NF; i++) if ($i == "via") print $(i + 1) }' | sort -u) \
		$(awk '$1 == "nameserver" { print $2 }' /etc/resolv.conf); do
		ip neighbour flush dev "$1" to "$address" 2>/dev/null
		limit 2 ping -n -c 1 -W 1 -I "$1" "$address" >/dev/null 2>&1 &
	done
	wait
}

# The gateways of its routes, as they were before.
gateways() {
	printf '%s\n%s\n' "$SNAP_ROUTES4" "$SNAP_ROUTES6" | awk -v from="$from" '
		$1 == "default" && index(" " $0 " ", " dev " from " ") {
			for (i = 1; i < NF; i++) if ($i == "via") { print ($(i + 1) ~ /^inet6?$/ ? $(i + 2) : $(i + 1)) }
		}' | sort -u
}

check_gateway() {
	local gateway
	for gateway in $(gateways); do
		limit 3 ping -n -c 1 -W 1 -I "$1" "$gateway" >/dev/null || { echo "$gateway does not answer"; return 1; }
	done
	echo "$(gateways | tr '\n' ' ')answers"
}

# has_resolved: name servers belong to interfaces only where systemd-resolved runs; elsewhere they stay where they are.
has_resolved() {
	command -v resolvectl >/dev/null && systemctl is-active --quiet systemd-resolved.service
}

# dns_of <interface> <dns|domain>: servers or domains of one interface, as `resolvectl` takes them.
dns_of() {
	limit 5 resolvectl "$2" "$1" 2>/dev/null | sed 's/^[^:]*: *//' | tr '\n' ' '
}

# dns_to <interface>: gives it the uplink's name servers and search domains.
dns_to() {
	[ -n "$SNAP_DNS$SNAP_DOMAINS" ] || return 0
	# shellcheck disable=SC2086 # lists of words
	{
		[ -z "$SNAP_DNS" ] || limit 5 resolvectl dns "$1" $SNAP_DNS
		[ -z "$SNAP_DOMAINS" ] || limit 5 resolvectl domain "$1" $SNAP_DOMAINS
	} >/dev/null 2>&1
	return 0
}
