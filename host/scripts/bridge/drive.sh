# shellcheck shell=dash
# What the service runs, and how it turns back.

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
