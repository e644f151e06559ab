# shellcheck shell=dash
# Configuration files: written at the commit, all or none, and put back by the rollback. The original stays beside the new
# file as a hidden name until the end: putting it back takes no space and keeps owner, mode and attributes.

# file_value <number> <name>: FILE_<number>_<name> of the plan.
file_value() {
	eval "printf '%s' \"\${FILE_$1_$2}\""
}

sum_of() {
	if [ -e "$1" ]; then sha256sum <"$1" | cut -d ' ' -f 1; else echo none; fi
}

hidden() {
	printf '%s/.%s.meshdeck-%s' "${1%/*}" "${1##*/}" "$2"
}

# files_are_as_planned: any content but the one that the plan was made for stops the transaction.
files_are_as_planned() {
	local at path
	at=0
	while [ "$at" -lt "$FILES" ]; do
		at=$((at + 1))
		path=$(file_value $at PATH)
		if [ "$(sum_of "$path")" != "$(file_value $at OLD)" ]; then
			echo "$path is not as it was when this was planned: plan again"
			return 1
		fi
	done
}

# write_files: all contents reach the disk before the first name changes.
write_files() {
	local at path new
	at=0
	while [ "$at" -lt "$FILES" ]; do
		at=$((at + 1))
		path=$(file_value $at PATH)
		[ "$(file_value $at NEW)" != none ] || continue
		new=$(hidden "$path" new)
		mkdir -p "${path%/*}" && chmod --quiet a+rX "${path%/*}" 2>/dev/null
		if [ "$(file_value $at SOURCE)" = original ]; then
			cp -a "$here/file-$at" "$new" || return 1
		else
			# An existing file lends its owner and attributes.
			if [ -e "$path" ]; then cp -a "$path" "$new" || return 1; fi
			cat "$here/file-$at" >"$new" && chmod "$(file_value $at MODE)" "$new" || return 1
		fi
		limit 10 sync "$new" || return 1
		[ "$(sum_of "$new")" = "$(file_value $at NEW)" ] || return 1
	done
	at=0
	while [ "$at" -lt "$FILES" ]; do
		at=$((at + 1))
		path=$(file_value $at PATH)
		if [ -e "$path" ]; then ln -f "$path" "$(hidden "$path" old)" || return 1; fi
		if [ "$(file_value $at NEW)" = none ]; then
			rm -f "$path" || return 1
		else
			mv -f "$(hidden "$path" new)" "$path" || return 1
		fi
		limit 10 sync "${path%/*}" || return 1
	done
}

# restore_files: removes what we wrote and brings back what was there. What someone else wrote since then stays, with a note.
restore_files() {
	local at path old now
	at=0
	while [ "$at" -lt "$FILES" ]; do
		at=$((at + 1))
		path=$(file_value $at PATH)
		old=$(hidden "$path" old)
		rm -f "$(hidden "$path" new)"
		now=$(sum_of "$path")
		if [ "$now" = "$(file_value $at OLD)" ]; then
			rm -f "$old"
		elif [ "$now" != "$(file_value $at NEW)" ]; then
			note "$path was changed by someone else and stays so"
		elif [ "$(file_value $at OLD)" = none ]; then
			rm -f "$path"
		elif [ -e "$old" ] && [ "$(sum_of "$old")" = "$(file_value $at OLD)" ]; then
			mv -f "$old" "$path"
		else
			restore_copy "$at" "$path"
		fi
	done
	units_back
}

restore_copy() {
	local copy
	for copy in "$here/snapshot/original-$1" "$live/snapshot/original-$1"; do
		[ "$(sum_of "$copy")" = "$(file_value "$1" OLD)" ] || continue
		cp -a "$copy" "$(hidden "$2" new)" && mv -f "$(hidden "$2" new)" "$2" && return 0
	done
	note "$2 could not be put back"
	return 1
}

forget_originals() {
	local at
	at=0
	while [ "$at" -lt "$FILES" ]; do
		at=$((at + 1))
		rm -f "$(hidden "$(file_value $at PATH)" old)"
	done
}

# Units as they were: SNAP_ENABLED holds those of the plan's that were enabled before.
units_back() {
	local unit
	for unit in $ENABLE; do
		case " $SNAP_ENABLED " in
		*" $unit "*) ;;
		*) limit 20 systemctl --no-reload disable "$unit" 2>/dev/null ;;
		esac
	done
	for unit in $DISABLE; do
		case " $SNAP_ENABLED " in
		*" $unit "*) limit 20 systemctl --no-reload enable "$unit" 2>/dev/null ;;
		esac
	done
}
