# shellcheck shell=dash
# Begins: takes the lock, starts the service, waits until it is armed or gave up.

refuse() {
	printf '%s\n' "$1" >&2
	exit "${2:-3}"
}

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
