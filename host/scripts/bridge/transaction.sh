# shellcheck shell=dash
# tx <subcommand>: a bridge transaction on its node; docs/bridge.md has the table. Once begun, it runs in its own units:
# neither the end of the SSH session nor that of meshd stops it. Exit codes: 0 done, 3 refused (the reason on standard
# error), 4 held by another transaction, 5 the nonce is wrong.

refuse() {
	printf '%s\n' "$1" >&2
	exit "${2:-3}"
}

# --- begin: take the lock, start the service, wait until it is armed or gave up --------------------------------------

begin() {
	[ "$(id -u)" = 0 ] || refuse 'this needs root'
	[ -d /run/systemd/system ] || refuse 'no systemd runs here: the rollback could not be armed'
	mkdir -p "$base" "$live"
	read_state
	if [ -z "$STATE" ]; then
		begin_once || exit $?
		wait_while 'planned rolling-back' 60
		print_status
		case "$STATE" in
		rolled-back | rollback-failed) refuse "$TEXT" ;;
		esac
		return
	fi
	# Begun before, perhaps over long ago: answer with its state.
	print_status
}

# begin_once: one at a time, so that a caller who asks again, having heard nothing, does not disturb the first.
begin_once() {
	(
		flock -w 30 8 || refuse 'another begin is still running' 4
		read_state
		[ -z "$STATE" ] || exit 0
		take_lock
		await_last || exit $?
		prune
		cp "$here/plan" "$here/tx" "$live/" || refuse 'the plan does not fit into /run'
		enter planned "begun by $HOLDER" || {
			rm -f "$base/pending" "$live/state"
			refuse "$base takes no more data: is the disk full?"
		}
		start_unit meshdeck-bridge 'Meshdeck: the change of the bridge' drive || {
			enter_anyway rolled-back 'nothing was changed: PID 1 did not start the service'
			rm -f "$base/pending"
			refuse 'nothing was changed: PID 1 did not start the service'
		}
	) 8>>"$run/begin.lock"
}

# prune: the evidence of the last ten transactions is kept, and what the committed record refers to.
prune() {
	local name
	# shellcheck disable=SC2012 # names are ids: letters, digits, hyphens
	ls -1t "$base" | tail -n +13 | while read -r name; do
		[ -d "$base/$name" ] && [ ! -L "$base/$name" ] && [ "$name" != "$ID" ] || continue
		grep -q -e "=$name\$" -e "=$name/" "$base/committed" 2>/dev/null || rm -rf "${base:?}/$name" "${run:?}/$name"
	done
}

# `pending` is the lock: making a symbolic link is atomic.
take_lock() {
	local holder
	ln -sT "$ID" "$base/pending" 2>/dev/null && return 0
	holder=$(readlink "$base/pending")
	[ "$holder" = "$ID" ] && return 0
	[ -n "$holder" ] || refuse "$base/pending cannot be made: is the disk full?"
	# Left over: it ended before it changed anything, or it is over and was interrupted while it tidied up.
	if is_left_over "$holder"; then
		[ ! -e "$base/$holder/rollback" ] || /bin/sh "$base/$holder/rollback" leftover </dev/null >/dev/null 2>&1
		[ "$(readlink "$base/pending")" != "$holder" ] || rm -f "$base/pending"
		ln -sT "$ID" "$base/pending" 2>/dev/null && return 0
		holder=$(readlink "$base/pending")
	fi
	refuse "transaction $holder$(sed -n "s/^HOLDER=/ of /p" "$base/$holder/plan" 2>/dev/null) holds this machine ($(cut -d ' ' -f 2 "$base/$holder/state" 2>/dev/null))" 4
}

# A begin that still runs looks the same for a moment: only one from before this boot, or of half a minute ago, is over.
is_left_over() {
	local state
	[ -d "$run/$1" ] || return 0
	[ $(($(date +%s) - $(stat -c %Y "$base/pending"))) -gt 30 ] || return 1
	state=$(cut -d ' ' -f 2 "$run/$1/state" 2>/dev/null || cut -d ' ' -f 2 "$base/$1/state" 2>/dev/null)
	case "$state" in
	'' | planned | committed | rolled-back) ;;
	*) return 1 ;;
	esac
	! systemctl is-active --quiet meshdeck-bridge.service meshdeck-bridge-keep.service
}

# await_last: the last transaction's services end a moment after it. The one that watched has nothing more to do, and the lease's
# hand-over must not be cut short.
await_last() {
	local until
	limit 10 systemctl stop meshdeck-bridge.service 2>/dev/null
	until=$(($(uptime_ms) + DHCP_SECONDS * 1000 + 10000))
	while systemctl is-active --quiet meshdeck-bridge-keep.service meshdeck-bridge-hand-over.service; do
		if [ "$(uptime_ms)" -gt "$until" ]; then
			rm -f "$base/pending"
			refuse 'the lease of the last change is still being handed over: try again in a moment' 4
		fi
		sleep 0.2
	done
}

# start_unit <name> <description> <subcommand> [properties…]
start_unit() {
	local name text command
	name=$1 text=$2 command=$3
	shift 3
	systemctl reset-failed "$name.service" 2>/dev/null
	limit 10 systemd-run --quiet --collect --unit="$name" --description="$text" --property=OOMScoreAdjust=-900 "$@" \
		/bin/sh "$here/tx" "$command"
}

# wait_while <states> <seconds>
wait_while() {
	local until
	until=$(($(uptime_ms) + $2 * 1000))
	while :; do
		read_state
		case " $1 " in *" $STATE "*) ;; *) return 0 ;; esac
		[ "$(uptime_ms)" -lt "$until" ] || return 1
		sleep 0.1
	done
}

# --- drive: what the service runs -----------------------------------------------------------------------------------

drive() {
	local problem
	phase check
	adopt_originals || give_up 'the original files are not readable'
	problem=$(check_plan) || give_up "$problem"
	phase snapshot
	take_snapshot || give_up 'the snapshot does not fit on the disk'
	phase way-back
	write_rollback || give_up 'the rollback could not be written'
	phase next-boot
	problem=$(next_boot_doubts)
	[ -z "$problem" ] || give_up "$(one_line "$problem")"
	locked 60 guard_on || give_up 'the boot guard could not be enabled'
	if [ "$KIND" = ensure ]; then
		phase rehearse
		problem=$(rehearse) || give_up "$problem"
	fi
	[ "$KIND" = persist ] || prepare || give_up '/run takes no more data'
	phase arm
	arm_timer "$WINDOW" || give_up 'PID 1 did not take the timer'
	guard_is_on && is_armed || give_up 'timer or boot guard do not read back as active'
	echo $(($(uptime_ms) + CAP * 1000)) | put "$live/cap"
	enter armed "goes back in $WINDOW s unless it is kept" || give_up 'the disk takes no more data'
	if [ "$KIND" != persist ]; then
		apply || turn_back "the change did not take: $(cat "$live/apply.log")"
	fi
	advance armed applied 'the change is in place' || turn_back 'the disk takes no more data'
	if [ "$KIND" != persist ]; then
		settle_addresses "$to"
		announce_and_settle >/dev/null 2>&1 &
	fi
	phase watch
	watch_deadline &
	watch_over
}

# watch_deadline: PID 1 reads its own transient units again at any daemon-reload, and restarts the timer's window, but the
# deadline that people saw must hold. Runs beside the checks, which may hang.
watch_deadline() {
	while sleep 1; do
		read_state
		case "$STATE" in armed | applied | inside-ok | outside-ok) ;; *) return 0 ;; esac
		[ -s "$live/deadline" ] && [ "$(uptime_ms)" -gt $(($(cat "$live/deadline") + 1500)) ] || continue
		nobody_kept >"$live/reason"
		start_rollback && return 0
	done
}

# The kernel announces the addresses as long as these two are set. Then they get the old interface's values again.
announce_and_settle() {
	if [ "$KIND" = ensure ]; then announce "$to" 3; else announce_quietly "$to"; fi
	printf '%s\n' "$SNAP_SYSCTLS" | grep _notify | while read -r family name value; do
		set_sysctl "$family" "$to" "$name" "$value"
	done
}

# give_up <reason>: only the rehearsal's bridge was made so far.
give_up() {
	printf '%s\n' "nothing was changed: $1" >"$live/reason"
	if [ -s "$live/rollback" ]; then
		exec /bin/sh "$live/rollback" self
	fi
	enter_anyway rolled-back "nothing was changed: $1"
	disarm
	exit 0
}

turn_back() {
	printf '%s\n' "$1" >"$live/reason"
	start_rollback || exec /bin/sh "$live/rollback" self
	# The rollback ends this service.
	sleep 60
	exec /bin/sh "$live/rollback" self
}

start_rollback() {
	local script
	script=${1:-$live/rollback}
	systemctl reset-failed meshdeck-bridge-rollback.service 2>/dev/null
	limit 10 systemd-run --quiet --collect --unit=meshdeck-bridge-rollback --property=OOMScoreAdjust=-900 \
		--property=KillMode=process --description='Meshdeck: the rollback' /bin/sh "$script" undo
}

# adopt_originals: a removal puts back the very files that the first commit replaced, with owner, mode and attributes, where the
# plan has the same content or names none.
adopt_originals() {
	local origin path at number
	[ "$KIND" = remove ] && [ -s "$base/committed" ] || return 0
	# Only a bridge that we made is ours to delete. Kept here: the record goes with the commit.
	value MADE "$(sed -n 's/^made=//p' "$base/committed")" >>"$here/plan"
	grep '^original=' "$base/committed" >"$live/originals"
	while read -r origin path; do
		origin=${origin#original=}
		number=0
		at=0
		while [ "$at" -lt "$FILES" ]; do
			at=$((at + 1))
			[ "$(file_value $at PATH)" != "$path" ] || number=$at
		done
		if [ "$number" = 0 ]; then
			FILES=$((FILES + 1))
			number=$FILES
			{
				value FILES "$FILES"
				value "FILE_${number}_PATH" "$path"
				value "FILE_${number}_OLD" "$(awk -v path="$path" 'index($0, "file=") == 1 && substr($0, index($0, " ") + 1) == path { print substr($1, 6) }' "$base/committed")"
				value "FILE_${number}_NEW" "$([ "$origin" = none ] && echo none || sum_of "$base/$origin")"
				value "FILE_${number}_SOURCE" original
				value "FILE_${number}_MODE" 644
			} >>"$here/plan"
		elif [ "$origin" != none ] && [ "$(sum_of "$base/$origin")" = "$(file_value $number NEW)" ]; then
			value "FILE_${number}_SOURCE" original >>"$here/plan"
		else
			continue
		fi
		[ "$origin" = none ] || cp -a "$base/$origin" "$here/file-$number" || return 1
		. "$here/plan"
	done <"$live/originals"
	. "$here/plan"
	cp "$here/plan" "$live/plan"
}

check_plan() {
	local address
	[ -d "/sys/class/net/$UPLINK" ] || { echo "there is no $UPLINK"; return 1; }
	vsctl "$OVS_UNDO" --no-wait show >/dev/null 2>&1 || { echo 'Open vSwitch does not answer'; return 1; }
	systemctl is-active --quiet ovs-vswitchd.service || pidof ovs-vswitchd >/dev/null || { echo 'ovs-vswitchd does not run'; return 1; }
	if [ "$KIND" != persist ]; then
		[ -d "/sys/class/net/$from" ] || { echo "there is no $from"; return 1; }
		for address in $ADDRESSES; do
			has_addresses "$from" "$address" || { echo "$from no longer has $address: plan again"; return 1; }
		done
	fi
	files_are_as_planned
}

take_snapshot() {
	local unit at clients
	mkdir -p "$here/snapshot" "$live/snapshot" || return 1
	# The rollback frees this, so that a disk that fills up during the trial cannot stop it.
	head -c 65536 /dev/zero >"$here/ballast" && head -c 65536 /dev/zero >"$live/ballast" || return 1
	at=0
	while [ "$at" -lt "$FILES" ]; do
		at=$((at + 1))
		[ "$(file_value $at OLD)" = none ] || cp -a "$(file_value $at PATH)" "$here/snapshot/original-$at" || return 1
	done
	take_evidence "$here/snapshot"
	clients=$(clients_of "$from" | tr '\n' ' ')
	at=
	for unit in $ENABLE $DISABLE; do
		! systemctl is-enabled --quiet "$unit" 2>/dev/null || at="$at $unit"
	done
	{
		value SNAP_BOOT "$(cat /proc/sys/kernel/random/boot_id)"
		value SNAP_UPTIME_MS "$(uptime_ms)"
		value SNAP_ADDRESSES "$(ip -o address show dev "$from" | own_addresses)"
		value SNAP_ROUTES4 "$(ip -o -4 route show table all)"
		value SNAP_ROUTES6 "$(ip -o -6 route show table all)"
		value SNAP_RULES4 "$(ip -o -4 rule)"
		value SNAP_RULES6 "$(ip -o -6 rule)"
		value SNAP_SYSCTLS "$(sysctls_of "$from")"
		value SNAP_TO_UP "$([ ! -d "/sys/class/net/$to" ] || ip -o link show dev "$to" | grep -q '[<,]UP[,>]' && echo yes || echo no)"
		value SNAP_TO_SYSCTLS "$([ ! -d "/sys/class/net/$to" ] || sysctls_of "$to")"
		value SNAP_CLIENTS "$clients"
		# shellcheck disable=SC2086 # the first of a list of pids
		set -- $clients
		value SNAP_CLIENT_COMMAND "$([ -z "$1" ] || command_of "$1")"
		value SNAP_ENABLED "$at"
		value SNAP_HAD_NFT "$(nft list table netdev meshdeck_bridge >/dev/null 2>&1 && echo yes || echo no)"
		if has_bridge; then
			value SNAP_HAD_BRIDGE yes
			value SNAP_BRIDGE_IDS "$(ovs_get bridge "$BRIDGE" external_ids)"
			value SNAP_BRIDGE_CONFIG "$(ovs_get bridge "$BRIDGE" other_config)"
			value SNAP_BRIDGE_FAIL_MODE "$(ovs_get bridge "$BRIDGE" fail_mode)"
			value SNAP_BRIDGE_DATAPATH "$(ovs_get bridge "$BRIDGE" datapath_type)"
		else
			value SNAP_HAD_BRIDGE no
		fi
		value SNAP_WAS_PORT "$(is_port && echo yes || echo no)"
		value SNAP_PORT_IDS "$(ovs_get port "$UPLINK" external_ids)"
		value SNAP_PORT_CONFIG "$(ovs_get port "$UPLINK" other_config)"
		if has_resolved; then
			value SNAP_DNS "$(dns_of "$from" dns)"
			value SNAP_DOMAINS "$(dns_of "$from" domain)"
		fi
		value DNS_PROBE "$(resolvable_name)"
	} >"$here/snapshot/values" || return 1
	. "$here/snapshot/values"
	# Only what passes now counts afterwards.
	value CHECKS "$(passing_checks)" >>"$here/snapshot/values" || return 1
	. "$here/snapshot/values"
	(cd "$here/snapshot" && sha256sum -- * >../snapshot.sha256) || return 1
	cp -a "$here/snapshot/." "$live/snapshot/" || return 1
	limit 10 sync "$here/snapshot" "$here/snapshot/values"
}

# A name that this machine's name servers know: that of a name server's address, or of a gateway's.
resolvable_name() {
	local address
	for address in $(awk '$1 == "nameserver" { print $2 }' /etc/resolv.conf) $SNAP_DNS $(ip -4 route show default | awk '{ print $3 }'); do
		case "$address" in 127.*) continue ;; esac
		if limit 4 getent hosts "$address" >/dev/null; then
			echo "$address"
			return
		fi
	done
}

passing_checks() {
	local name
	for name in $CHECKS; do
		case "$name" in
		carrier | gateway | routes | dns) "check_$name" "$from" >/dev/null 2>&1 && printf '%s ' "$name" ;;
		*) printf '%s ' "$name" ;;
		esac
	done
}

value() {
	printf '%s=%s\n' "$1" "$(quote "$2")"
}

ovs_get() {
	vsctl "$OVS_UNDO" --no-wait --if-exists get "$1" "$2" "$3" 2>/dev/null
}

# An interface's settings beside its addresses: those that the trial changes.
sysctls_of() {
	local name
	for name in arp_notify arp_ignore arp_announce; do
		echo "ipv4 $name $(cat "/proc/sys/net/ipv4/conf/$1/$name")"
	done
	for name in accept_ra autoconf ndisc_notify; do
		[ ! -e "/proc/sys/net/ipv6/conf/$1/$name" ] || echo "ipv6 $name $(cat "/proc/sys/net/ipv6/conf/$1/$name")"
	done
}

# For people: what was there before, in the words of the tools.
take_evidence() {
	{
		ip address >"$1/addresses"
		ip route show table all >"$1/routes"
		ip -6 route show table all >"$1/routes6"
		ip rule >"$1/rules"
		ip -d link >"$1/links"
		ip neighbour >"$1/neighbours"
		cp /etc/resolv.conf "$1/resolv.conf"
		limit 5 ovs-vsctl --timeout=3 --no-wait show >"$1/ovs-show"
		# Without options: those of tunnels hold keys.
		limit 5 ovs-vsctl --timeout=3 --no-wait list bridge >"$1/ovs-bridges"
		limit 5 ovs-vsctl --timeout=3 --no-wait list port >"$1/ovs-ports"
		limit 5 ovs-vsctl --timeout=3 --no-wait --columns=name,type,ofport,error,admin_state,link_state,mac_in_use,mtu,external_ids \
			list interface >"$1/ovs-interfaces"
	} 2>/dev/null
	return 0
}

# One file that needs no others: values, snapshot, script.
write_rollback() {
	{
		echo '#!/bin/sh'
		cat "$here/plan" "$here/snapshot/values" "$here/rollback-script"
	} | put "$here/rollback" || return 1
	sh -n "$here/rollback" || return 1
	cp "$here/rollback" "$live/rollback"
}

guard_on() {
	mkdir -p "$trialFolder" || return 1
	# The database's options stand in one of these two variables, by distribution. A later file wins.
	{
		printf '[Service]\nEnvironmentFile=-%s/trial.env\n' "$base"
	} | put "$trialFile" || return 1
	trial_options | put "$base/trial.env" || return 1
	put "$guardFile" <<-UNIT || return 1
		# Written for the time of a bridge transaction, and gone with it. Not before network-pre.target: Debian's
		# ovsdb-server comes after that.
		[Unit]
		Description=Meshdeck: undo a change of the bridge that was not kept
		DefaultDependencies=no
		RequiresMountsFor=$base
		Wants=ovsdb-server.service
		After=local-fs.target ovsdb-server.service
		Before=ovs-vswitchd.service networking.service NetworkManager.service systemd-networkd.service network.target

		[Service]
		Type=oneshot
		TimeoutStartSec=90
		ExecStart=/bin/sh -c 'if [ -L $base/pending ]; then exec /bin/sh $base/pending/rollback boot; fi; systemctl --no-reload disable $guard; rm -f $guardFile $trialFile'

		[Install]
		WantedBy=multi-user.target
	UNIT
	limit 30 systemctl daemon-reload && limit 20 systemctl enable --quiet "$guard" &&
		limit 10 sync /etc/systemd/system/multi-user.target.wants
}

trial_options() {
	local name value
	for name in OVS_CTL_OPTS OPTIONS; do
		value=$(sed -n "s/^$name=//p" /etc/default/openvswitch-switch /etc/sysconfig/openvswitch 2>/dev/null | tail -n 1)
		value=${value#[\"\']}
		value=${value%[\"\']}
		printf '%s="%s --delete-transient-ports"\n' "$name" "$value"
	done
}

guard_is_on() {
	systemctl is-enabled --quiet "$guard" && [ -e "$trialFile" ] &&
		systemctl show --property=DropInPaths ovsdb-server.service | grep -qF "$trialFile"
}

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

# --- inside checks ----------------------------------------------------------------------------------------------------

watch_over() {
	local since bad elapsed
	since=$(uptime_ms)
	bad=0
	sleep "$SETTLE"
	while :; do
		read_state
		case "$STATE" in applied | inside-ok | outside-ok) ;; *) return 0 ;; esac
		elapsed=$((($(uptime_ms) - since) / 1000))
		run_checks >"$live/checks.new"
		mv -f "$live/checks.new" "$live/checks"
		# Empty where /run takes no more data: nothing was seen then.
		if [ -s "$live/checks" ] && ! grep -q ' bad ' "$live/checks"; then
			bad=0
			[ "$STATE" != applied ] || locked 5 advance applied inside-ok 'inside checks passed'
		elif [ "$STATE" = applied ] && [ "$elapsed" -ge "$INSIDE" ]; then
			turn_back "after $elapsed s: $(grep ' bad ' "$live/checks" | tr '\n' ';')"
		elif grep -q -E '^(ovs|addresses) bad ' "$live/checks"; then
			# What the change itself put in place is gone: nothing outside can bring it back.
			bad=$((bad + 1))
			[ "$bad" -lt 3 ] || turn_back "$(grep -E '^(ovs|addresses) bad ' "$live/checks" | tr '\n' ';')"
		fi
		sleep 1
	done
}

# run_checks: a line each, `<name> ok|bad <words>`; only those of the plan.
run_checks() {
	local name text
	for name in $CHECKS; do
		if text=$("check_$name" "$to" 2>/dev/null); then
			echo "$name ok $(one_line "$text")"
		else
			echo "$name bad $(one_line "$text")"
		fi
	done
}

check_carrier() {
	[ "$(cat "/sys/class/net/$UPLINK/carrier" 2>/dev/null)" = 1 ] || { echo "$UPLINK has no carrier"; return 1; }
	echo "$UPLINK has its carrier"
}

check_addresses() {
	# shellcheck disable=SC2086 # a list of words
	has_addresses "$1" $ADDRESSES || { echo "$1 does not have $ADDRESSES"; return 1; }
	echo "$1 has $ADDRESSES"
}

check_ovs() {
	local problem
	if [ "$KIND" = remove ]; then
		! is_port || { echo "$UPLINK is in $BRIDGE again"; return 1; }
		echo "$UPLINK is no longer in $BRIDGE"
		return 0
	fi
	is_port || { echo "$UPLINK is not in $BRIDGE"; return 1; }
	pidof ovs-vswitchd >/dev/null || { echo 'ovs-vswitchd does not run'; return 1; }
	problem=$(ovs_errors "$BRIDGE" "$UPLINK")
	[ -z "$problem" ] || { one_line "$problem"; return 1; }
	echo "$UPLINK is in $BRIDGE"
}

check_routes() {
	local gateway all
	all=$(gateways)
	[ -n "$all" ] || { echo 'none by a gateway before'; return 0; }
	for gateway in $all; do
		{
			ip -4 route show table all dev "$1"
			ip -6 route show table all dev "$1"
		} | grep -q "via $gateway " || { echo "no route by $gateway on $1"; return 1; }
	done
	echo "routes by $(echo "$all" | tr '\n' ' ')"
}

check_dns() {
	limit 4 getent hosts "$DNS_PROBE" >/dev/null || { echo "$DNS_PROBE does not resolve"; return 1; }
	echo "$DNS_PROBE resolves"
}

# --- the verdict ------------------------------------------------------------------------------------------------------

# The nonce comes on standard input: its holder has seen the node from outside, or decides for those who did.
read_nonce() {
	local nonce
	IFS= read -r nonce || [ -n "$nonce" ] || refuse 'no nonce on standard input' 5
	[ "$(printf '%s' "$nonce" | sha256sum | cut -d ' ' -f 1)" = "$NONCE_SHA256" ] || refuse 'the nonce is of another transaction' 5
}

seen() {
	local who
	read_nonce
	who=$(printf '%s' "$1" | tr -cd 'A-Za-z0-9._:@-' | cut -c 1-80)
	read_state
	case "$STATE" in
	applied | inside-ok | outside-ok)
		grep -qxF -e "$who" "$live/witnesses" 2>/dev/null || printf '%s\n' "$who" >>"$live/witnesses"
		[ "$STATE" != inside-ok ] || locked 5 advance inside-ok outside-ok "seen by $who"
		# Held for a person, only that person prolongs it.
		[ "$HELD" = yes ] || [ "$(left_ms)" -gt $((WINDOW * 500)) ] || locked 5 prolong "$WINDOW"
		;;
	esac
	print_status
}

left_ms() {
	local left
	is_armed && [ -s "$live/deadline" ] || return 0
	left=$(($(cat "$live/deadline") - $(uptime_ms)))
	[ "$left" -gt 0 ] || left=0
	echo "$left"
}

cap_left_ms() {
	local left
	[ -s "$live/cap" ] || { echo 0; return 0; }
	left=$(($(cat "$live/cap") - $(uptime_ms)))
	[ "$left" -gt 0 ] || left=0
	echo "$left"
}

# prolong <seconds from now>: never beyond the cap, never shorter than it is.
prolong() {
	local wanted cap left
	read_state
	case "$STATE" in armed | applied | inside-ok | outside-ok) ;; *) return 1 ;; esac
	wanted=$1
	cap=$(($(cap_left_ms) / 1000))
	left=$(left_ms)
	[ "$wanted" -le "$cap" ] || wanted=$cap
	[ $((wanted * 1000)) -gt "${left:-0}" ] || return 0
	arm_timer "$wanted"
}

more() {
	local left
	case "$1" in '' | *[!0-9]*) refuse 'more <seconds>' ;; esac
	read_state
	case "$STATE" in
	armed | applied | inside-ok | outside-ok) ;;
	*) refuse "nothing is on trial here: $STATE" ;;
	esac
	left=$(left_ms)
	locked 10 prolong $((${left:-0} / 1000 + $1))
	print_status
}

keep() {
	read_nonce
	read_state
	case "$STATE" in
	committed)
		print_status
		return 0
		;;
	committing | inside-ok | outside-ok) ;;
	planned | armed | applied) refuse "not yet: $STATE, and the inside checks have not passed$(grep ' bad ' "$live/checks" 2>/dev/null | sed 's/^/: /' | tr '\n' ';')" ;;
	*) refuse "too late: $STATE: $TEXT" ;;
	esac
	if [ "$STATE" != committing ] && ! systemctl is-active --quiet meshdeck-bridge-keep.service; then
		start_unit meshdeck-bridge-keep 'Meshdeck: keeping the bridge' commit --property=RuntimeMaxSec=$((DHCP_SECONDS + 60)) ||
			is_keeping || refuse 'PID 1 did not start the commit; the change still rolls back automatically'
	fi
	wait_while 'inside-ok outside-ok committing' 25
	print_status
	[ "$STATE" = committed ] || refuse "not kept: $STATE: $TEXT"
}

# Someone else with the nonce was faster.
is_keeping() {
	read_state
	case "$STATE" in committing | committed) return 0 ;; esac
	systemctl is-active --quiet meshdeck-bridge-keep.service
}

# commit: what the service of `keep` runs. Until the state is on disk as committed, all of it is undone by the rollback.
commit() {
	if ! locked 10 commit_now; then
		[ -s "$live/reason" ] || echo 'the change could not be kept' >"$live/reason"
		start_rollback
		return 1
	fi
	hand_over
}

commit_now() {
	local problem
	read_state
	case "$STATE" in
	inside-ok) enter outside-ok 'the verdict came' ;;
	outside-ok) ;;
	*) return 1 ;;
	esac
	# Proved before a file is written: what runs now has to come back.
	problem=$(commit_doubts)
	[ -z "$problem" ] || { one_line "not safe for the next boot: $problem" >"$live/reason"; return 1; }
	phase write
	enter committing 'files and units' || { echo 'the disk takes no more data' >"$live/reason"; return 1; }
	limit 15 /bin/sh "$here/tx" persist-files >"$live/commit.log" 2>&1 ||
		{ echo "the configuration could not be written: $(tail -n 1 "$live/commit.log")" >"$live/reason"; return 1; }
	if [ "$KIND" != remove ]; then
		lasting_columns >"$live/commit.log" 2>&1 || { echo "Open vSwitch: $(tail -n 1 "$live/commit.log")" >"$live/reason"; return 1; }
	fi
	enter committed "$([ "$KIND" = remove ] && echo 'the bridge is gone' || echo 'the bridge stays')" || { echo 'the disk takes no more data' >"$live/reason"; return 1; }
	read_state
	finish_commit
}

# lasting_columns: a mark that an attempt left goes as well. A bridge that others made is pinned to the address that it has, else
# its next port may change that, and its lease with it.
lasting_columns() {
	set -- -- remove port "$UPLINK" other_config transient=true
	if [ "$KIND" = persist ] && [ "$(cat "/sys/class/net/$BRIDGE/address")" = "$MAC" ]; then
		set -- "$@" -- set bridge "$BRIDGE" "other_config:hwaddr=\"$MAC\""
	fi
	vsctl "$OVS_APPLY" "$@"
}

persist_files() {
	local unit
	files_are_as_planned && write_files || return 1
	for unit in $DISABLE; do
		limit 10 systemctl --no-reload disable "$unit" || return 1
	done
	limit 10 systemctl daemon-reload || return 1
	for unit in $ENABLE; do
		limit 10 systemctl --no-reload enable "$unit" || return 1
	done
}

undo() {
	local script
	read_state
	case "$STATE" in
	committed) refuse 'it is kept: a transaction of kind remove takes the bridge away again' ;;
	rolled-back)
		print_status
		return 0
		;;
	esac
	# Of an earlier start of the machine: /run has no copy.
	script=$live/rollback
	[ -s "$script" ] || script=$here/rollback
	if [ ! -s "$script" ]; then
		[ "$(readlink "$base/pending")" = "$ID" ] && ! systemctl is-active --quiet meshdeck-bridge.service ||
			refuse "there is nothing to undo yet: ${STATE:-not begun}"
		enter_anyway rolled-back 'nothing was changed: it was cut short before'
		disarm
		print_status
		return 0
	fi
	mkdir -p "$live"
	printf '%s\n' 'undone on request' >"$live/reason"
	start_rollback "$script" || setsid /bin/sh "$script" undo </dev/null >/dev/null 2>&1 &
	wait_while 'planned armed applied inside-ok outside-ok committing rolling-back' 30
	wait_disarmed
	print_status
}

# wait_disarmed: the state changes first, and the timer goes a moment later.
wait_disarmed() {
	local count
	count=0
	read_state
	while [ "$STATE" = rolled-back ] && is_armed && [ "$count" -lt 50 ]; do
		sleep 0.1
		count=$((count + 1))
	done
}

# --- looking ----------------------------------------------------------------------------------------------------------

print_status() {
	read_state
	printf 'id=%s\nkind=%s\nstate=%s\nnowMs=%s\nsinceMs=%s\n' "$ID" "$KIND" "$STATE" "$(now_ms)" "$SINCE"
	printf 'leftMs=%s\ncapLeftMs=%s\n' "$(left_ms)" "$(cap_left_ms)"
	printf 'phase=%s\n' "$(cat "$live/phase" 2>/dev/null)"
	printf 'outageMs=%s\n' "$(cat "$live/outage" 2>/dev/null)"
	case "$STATE" in
	rolling-back | rolled-back | rollback-failed) printf 'reason=%s\n' "$TEXT" ;;
	*) printf 'reason=\n' ;;
	esac
	printf 'dhcp=%s\n' "$(cat "$live/dhcp" 2>/dev/null || cat "$here/dhcp" 2>/dev/null)"
	sed 's/^/check=/' "$live/checks" 2>/dev/null
	sed 's/^/witness=/' "$live/witnesses" 2>/dev/null
	if [ -e "$live/proof" ]; then
		echo 'proved=yes'
		sed 's/^/doubt=/' "$live/proof"
	fi
	sed 's/^/journal=/' "$live/journal" 2>/dev/null || sed 's/^/journal=/' "$here/journal" 2>/dev/null
	return 0
}

# The units' output is in PID 1's journal. The files' contents may be secret (keys of wireless networks) and stay here.
bundle() {
	local folder
	folder=$(mktemp -d "$run/bundle.XXXXXX") || refuse '/run takes no more data'
	mkdir "$folder/now"
	take_evidence "$folder/now"
	print_status >"$folder/status"
	journalctl --no-pager --output=short-precise --unit='meshdeck-bridge*' --lines=500 >"$folder/units.log" 2>/dev/null
	cp -r "$here/." "$folder/transaction" 2>/dev/null
	cp -r "$live/." "$folder/live" 2>/dev/null
	rm -f "$folder"/*/snapshot/original-* "$folder"/*/file-* "$folder"/*/ballast "$folder"/live/boot-*
	tar -C "$folder" -czf - . | base64 -w 0
	rm -rf "$folder"
}

case "$1" in
begin | status | keep | undo | drive | commit | bundle | prove | hand-over | in-candidate) ;;
seen | more) ;;
persist-files) ;;
*) refuse 'tx begin | status | seen <who> | keep | undo | more <seconds> | drive | prove | bundle' ;;
esac
[ ! -s "$here/snapshot/values" ] || . "$here/snapshot/values"
case "$1" in
status) print_status ;;
persist-files) persist_files ;;
hand-over) hand_over ;;
in-candidate) in_candidate ;;
seen) seen "$2" ;;
more) more "$2" ;;
*) "$1" ;;
esac
