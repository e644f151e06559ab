# shellcheck shell=dash
# What the script of a transaction and its rollback share: places, states, the lock, the timer. Read after the values of
# the plan. Needs coreutils, util-linux and systemd of the node; no network, no DNS, nothing of ours.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
umask 077

base=/var/lib/meshd/bridge
run=/run/meshdeck/bridge
here=$base/$ID
live=$run/$ID
guard=meshdeck-bridge-guard.service
guardFile=/etc/systemd/system/$guard
# The database drops ports with the transient mark when it starts (ovs-ctl --delete-transient-ports). Our own file beside the
# unit asks for that, so that a trial edits none of the machine's settings.
trialFolder=/etc/systemd/system/ovsdb-server.service.d
trialFile=$trialFolder/90-meshdeck-bridge-trial.conf
# Units for systemd-run. There are two because a transient timer cannot be prolonged: one starts before the other stops.
deadman=meshdeck-bridge-deadman
deadmanToo=meshdeck-bridge-deadman-2

case "$KIND" in
remove) from=$BRIDGE to=$UPLINK ;;
*) from=$UPLINK to=$BRIDGE ;;
esac

is_this_boot() {
	[ "$SNAP_BOOT" = "$(cat /proc/sys/kernel/random/boot_id)" ]
}

limit() {
	timeout -k 1 "$@"
}

# vsctl <seconds> <arguments…>: if the time limit ends it, the outcome is unknown, also in the database.
vsctl() {
	local seconds
	seconds=$1
	shift
	limit $((seconds + 2)) ovs-vsctl --timeout="$seconds" "$@"
}

now_ms() {
	date +%s%3N
}

# Milliseconds since boot: no one moves this clock.
uptime_ms() {
	local up rest
	read -r up rest </proc/uptime
	echo "${up%.*}${up#*.}0"
}

one_line() {
	printf '%s' "$1" | tr '\n\r\t' '   ' | cut -c 1-400
}

quote() {
	printf "'"
	printf '%s' "$1" | sed "s/'/'\\\\''/g"
	printf "'"
}

# put <path>: standard input becomes its content at once, or nothing changes.
put() {
	cat >"$1.new" 2>/dev/null && limit 10 sync "$1.new" && mv -f "$1.new" "$1" && limit 10 sync "${1%/*}"
}

# enter <state> <text>: written to disk and to /run before what it announces. Fails, and announces nothing, when the disk
# takes no more.
enter() {
	local line
	line="$(now_ms) $1 $(one_line "$2")"
	{ printf '%s\n' "$line" >>"$here/journal"; } 2>/dev/null || return 1
	printf '%s\n' "$line" | put "$here/state" || return 1
	# Without room in /run the one on disk counts.
	enter_live "$line" || rm -f "$live/state"
	return 0
}

# enter_anyway <state> <text>: for the rollback, which no full disk may stop.
enter_anyway() {
	enter "$1" "$2" || enter_live "$(now_ms) $1 $(one_line "$2")"
}

enter_live() {
	mkdir -p "$live"
	printf '%s\n' "$1" >>"$live/journal"
	# Before the state: a reader of both finds the state too young rather than too old.
	{ uptime_ms >"$live/since"; } 2>/dev/null
	printf '%s\n' "$1" | put "$live/state"
}

note() {
	local state
	read_state
	{ printf '%s %s %s\n' "$(now_ms)" "$STATE" "$(one_line "$1")" | tee -a "$here/journal" >>"$live/journal"; } 2>/dev/null
}

# phase <id>: what the script does from here on, in the order and with the names of core/plans/bridge/plan/phases.ts.
phase() {
	{ printf '%s\n' "$1" >"$live/phase"; } 2>/dev/null
	note "phase: $1"
}

# Sets SINCE, STATE and TEXT. The copy in /run is from this boot, and newer: the disk may have been full when it was written.
read_state() {
	SINCE='' STATE='' TEXT=''
	if [ -s "$live/state" ]; then
		read -r SINCE STATE TEXT <"$live/state"
	elif [ -s "$here/state" ]; then
		read -r SINCE STATE TEXT <"$here/state"
	fi
}

# locked <seconds> <command…>: only one decision runs at a time.
locked() {
	(
		flock -w "$1" 9 || exit 111
		shift
		"$@"
	) 9>>"$run/lock"
}

# advance <states> <to> <text>: a transition of the trial, only from one of these states.
advance() {
	read_state
	case " $1 " in
	*" $STATE "*) enter "$2" "$3" ;;
	*) return 1 ;;
	esac
}

is_armed() {
	systemctl is-active --quiet "$deadman.timer" "$deadmanToo.timer"
}

# nobody_kept: why the change was not kept by the window's end, in words.
nobody_kept() {
	local text
	text="nobody kept the change before the window ended (last state: $STATE)"
	grep -q ' bad ' "$live/checks" 2>/dev/null && text="$text; $(grep ' bad ' "$live/checks" | tr '\n' ';')"
	echo "$text"
}

# arm_timer <seconds>: PID 1 rolls back then, with the copy that is whole. The new timer runs before the old one is stopped.
# The line for sh has no $ and no semicolon: PID 1 reads its own transient units again at any daemon-reload (apt, netplan
# apply), and systemd 252 writes these as \$ and \; there, and then passes them to sh like that.
arm_timer() {
	local new old sum
	new=$deadman old=$deadmanToo
	if systemctl is-active --quiet "$deadman.timer"; then new=$deadmanToo old=$deadman; fi
	systemctl reset-failed "$new.timer" "$new.service" 2>/dev/null
	sum=$(sha256sum <"$live/rollback" | cut -d ' ' -f 1)
	limit 10 systemd-run --quiet --collect --unit="$new" --on-active="$1" --timer-property=AccuracySec=100ms \
		--description='Meshdeck: the bridge goes back unless it is kept' \
		--property=OOMScoreAdjust=-900 --property=KillMode=process \
		/bin/sh -c "echo '$sum  $here/rollback' | sha256sum -c >/dev/null 2>&1 && exec /bin/sh $here/rollback deadman || exec /bin/sh $live/rollback deadman" || return 1
	systemctl is-active --quiet "$new.timer" || return 1
	echo $(($(uptime_ms) + $1 * 1000)) | put "$live/deadline"
	systemctl stop "$old.timer" 2>/dev/null
	return 0
}

# disarm: after the decision, whichever it was, under the lock. Running it twice does no harm. It removes `pending` before the
# guard, which removes itself when `pending` is gone: so a power cut in between does not block the next transaction.
disarm() {
	systemctl stop "$deadman.timer" "$deadmanToo.timer" meshdeck-bridge-restart.timer 2>/dev/null
	if [ "$(readlink "$base/pending")" = "$ID" ]; then rm -f "$base/pending"; fi
	limit 10 sync "$base"
	limit 20 systemctl --no-reload disable "$guard" 2>/dev/null
	rm -f "$guardFile" "$trialFile" "$base/trial.env"
	rmdir "$trialFolder" 2>/dev/null
	rm -f "$here/ballast"
	limit 30 systemctl daemon-reload
	rm -f "$live/deadline"
}
