# shellcheck shell=dash
# Answers a caller: the status, and the evidence.

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
