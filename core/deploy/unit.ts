// The text of meshd's systemd unit.

export interface UnitOptions {
  /** Path of bin/meshd. */
  readonly command: string;
  /** Flags, one per element. */
  readonly flags: readonly string[];
  /** Path of a file that standard output or error is appended to; the journal without. */
  readonly stdoutPath?: string | undefined;
  readonly stderrPath?: string | undefined;
}

/** Exit code of a meshd that finds another one running on its base: starting it again would not help. */
export const exitCodeAlreadyRunning = 3;

/** meshd.service. systemd 219 and newer know all of it; `append:` wants 240. */
export function describeUnit(options: UnitOptions): string {
  const command = [options.command, ...options.flags].map(quoteUnitWord).join(' ');
  const output = (path: string | undefined) =>
    path === undefined ? 'journal' : `append:${path.replaceAll('%', '%%')}`;
  return `# Written by deploy launch; the next one replaces it.
[Unit]
Description=meshd, the node daemon of a VM cluster
Wants=network-online.target
After=network-online.target openvswitch-switch.service openvswitch.service
# A node that waits for its network, or for a port that another program holds, keeps trying.
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=${command}
Restart=always
RestartSec=1
# 0: it quit on request. ${exitCodeAlreadyRunning}: a meshd started by hand is running here; the next boot starts this one.
RestartPreventExitStatus=0 ${exitCodeAlreadyRunning}
# VMs and what serves them outlive their daemon, which adopts them again.
KillMode=process
TimeoutStopSec=10
RuntimeDirectory=meshd
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes
LimitNOFILE=65536
StandardOutput=${output(options.stdoutPath)}
StandardError=${output(options.stderrPath)}

[Install]
WantedBy=multi-user.target
`;
}

/** A word of ExecStart (systemd.service(5), "COMMAND LINES"): specifiers and variables are switched off by doubling. */
function quoteUnitWord(word: string): string {
  const literal = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  if (/^[A-Za-z0-9_@%$+:,./=-]+$/.test(literal)) return literal;
  const escaped = literal
    .replaceAll('\\', '\\\\')
    .replaceAll('"', String.raw`\"`)
    .replaceAll('\n', String.raw`\n`)
    .replaceAll('\t', String.raw`\t`);
  return `"${escaped}"`;
}
