// Who may run which command of minimega. A command of it that is not named here is an admin's, and so is a line that is not one of
// its commands.
//
// minimega takes any path of its host, as root: operators, who configure and start VMs, can read and write there what a VM can.
import type { Role } from '../../contract/roles.ts';
import { compilePattern, type CompiledPattern } from '../commands/pattern.ts';
import type { CommandPattern } from '../commands/types.ts';
import { minimegaPatterns } from './patterns.ts';

interface Rule {
  readonly begins: RegExp;
  readonly role: Role;
  /** When its optional value is given. */
  readonly given?: Role;
}

/** The first that fits a pattern counts. */
const rules: readonly Rule[] = [
  { begins: /^\.(annotate|columns|compress|csv|filter|headers|json|preprocess|record|sort)\b/, role: 'viewer' },
  { begins: /^\.alias$/, role: 'viewer' },
  { begins: /^\.env \[/, role: 'operator' },
  { begins: /^(args|version|help|echo|host)\b/, role: 'viewer', given: 'viewer' },
  // For all users of the daemon.
  { begins: /^status/, role: 'viewer', given: 'admin' },
  { begins: /^mesh (degree|timeout)/, role: 'viewer', given: 'admin' },
  { begins: /^mesh (list|send|status)/, role: 'viewer', given: 'viewer' },
  { begins: /^namespace <name> \(command\)/, role: 'viewer' },
  { begins: /^namespace \[/, role: 'viewer', given: 'viewer' },
  { begins: /^ns (<hosts,>|<load,>$|<queue,>|<schedule,> <(dump|status),>)/, role: 'viewer' },
  { begins: /^ns <queueing,>/, role: 'viewer', given: 'operator' },
  { begins: /^ns <run,>/, role: 'viewer' },
  { begins: /^ns <(add-hosts|del-hosts|load|flush|save|schedule|snapshot)/, role: 'operator' },
  // What these set runs programs of the host, or names them.
  { begins: /^vm config (qemu-override|volume) </, role: 'admin' },
  {
    begins: /^vm config ((qemu|qemu-append|preinit|tpm-socket|init|filesystem)( |$)|android-)/,
    role: 'viewer',
    given: 'admin',
  },
  { begins: /^vm config (<clone,>|<save,>|tags <)/, role: 'operator' },
  { begins: /^vm config/, role: 'viewer', given: 'operator' },
  { begins: /^vm (info|top)\b/, role: 'viewer', given: 'viewer' },
  { begins: /^vm tag .*\[/, role: 'viewer', given: 'viewer' },
  { begins: /^vm (hotplug|save|snapshot|migrate)$/, role: 'viewer' },
  { begins: /^vm screenshot <vm name> \[/, role: 'viewer', given: 'viewer' },
  { begins: /^vm (screenshot <vm name> file|qmp)/, role: 'admin' },
  { begins: /^vm /, role: 'operator' },
  { begins: /^clear vm /, role: 'operator' },
  { begins: /^vlans( <range,>)?$/, role: 'viewer' },
  { begins: /^vlans <blacklist,>/, role: 'viewer', given: 'operator' },
  { begins: /^vlans <add,>/, role: 'operator' },
  { begins: /^file (<list,>|<status,>)$/, role: 'viewer' },
  {
    begins: /^(file|disk|capture|clear capture|cc|clear cc|qos|clear qos|router|clear router|vnc|clear vnc)\b/,
    role: 'operator',
  },
  { begins: /^(tap|dnsmasq)$/, role: 'viewer' },
  { begins: /^(tap|clear tap|clear vlans|clear namespace)\b/, role: 'operator' },
  // The list makes a bridge that is missing.
  { begins: /^bridge$/, role: 'operator' },
  { begins: /^history$/, role: 'operator' },
  { begins: /^optimize$/, role: 'viewer' },
];

/** An abbreviation never runs these. */
const destructive =
  /^(nuke|quit|clear all|clear namespace|clear vlans|bridge <destroy,>|file <delete,>|tap <delete,>|ns <(del-hosts|flush),>)/;

function patternOf(pattern: string): CommandPattern {
  const rule = rules.find(({ begins }) => begins.test(pattern));
  const isForwarded = /^mesh send|^ns <run,>/.test(pattern);
  return {
    pattern,
    role: rule?.role ?? 'admin',
    reach: 'mesh',
    scope: 'local',
    help: '',
    ...(rule?.given ? { whenGiven: { role: rule.given } } : {}),
    ...(destructive.test(pattern) ? { destructive: true } : {}),
    ...(isForwarded ? { nestedRunsOn: 'mesh' as const } : {}),
  };
}

export const minimegaTable: readonly CompiledPattern[] = minimegaPatterns.map((pattern) =>
  compilePattern(patternOf(pattern)),
);
