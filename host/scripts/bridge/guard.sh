# shellcheck shell=dash
# The timer that rolls back unless somebody has seen the node, and the script that it runs.

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
