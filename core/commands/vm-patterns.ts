// The commands about VMs, minimega's patterns [facts, appendix A] and ours: `vm show`, `vm shutdown`, `vm reboot`, and `dry-run` of a launch. Those of `vm config`
// follow from the fields (core/vms/config-fields.ts). Rows of the one table (table.ts).
//
// Reach: a configuration and a launch belong to the node where they are typed, which asks the other hosts itself; no member makes another
// one launch. Role: QEMU's own language (`vm qmp`) can do what qemu-append can, so it is an admin's too.
import { configFields, fieldAliases, type ConfigField } from '../vms/config-fields.ts';
import type { CommandPattern } from './types.ts';

const here = { role: 'operator', reach: 'socket', scope: 'local' } as const;
const hereToSee = { role: 'viewer', reach: 'socket', scope: 'local' } as const;
/** On the host that has the VM: a look, and what may take a while. */
const toSee = { role: 'viewer', reach: 'mesh', scope: 'vms' } as const;
const there = { role: 'operator', reach: 'mesh', scope: 'vms', patienceMs: 120_000 } as const;
const target = { values: { vm: 'vm-targets' } } as const;
const oneVm = { values: { vm: 'vms' } } as const;

/** A large memory takes as long as the disk of its node needs for it. */
const saves = { ...there, ...oneVm, patienceMs: 3_600_000 } as const;

/** The longest time that `vm shutdown` gives a guest: some install updates first. */
export const maxShutdownSeconds = 600;

/** Patterns of a field, of which the first prints it. */
export function fieldPatterns({ name, kind }: Pick<ConfigField, 'name' | 'kind'>): readonly string[] {
  switch (kind) {
    case 'text':
    case 'number':
    case 'path':
      return [`vm config ${name} [value]`];
    case 'switch':
      return [`vm config ${name} [true,false]`];
    case 'words':
      return [`vm config ${name} [value]...`];
    case 'nets':
      return [`vm config ${name} [netspec]...`];
    case 'bonds':
      return [`vm config ${name} [bondspec]...`];
    case 'disks':
      return [`vm config ${name} [diskspec]...`];
    case 'tags':
      return [`vm config ${name}`, `vm config ${name} <key> [value]`];
    case 'overrides':
      return [`vm config ${name}`, `vm config ${name} <match> <replacement>`];
  }
}

function patternsOf(field: ConfigField): CommandPattern[] {
  const { name, kind, role, help } = field;
  const old = Object.keys(fieldAliases).filter((alias) => fieldAliases[alias] === name);
  const set = [name, ...old].flatMap((word) =>
    fieldPatterns({ name: word, kind }).map((pattern): CommandPattern => {
      const isOptional = pattern.endsWith(']') || pattern.endsWith(']...');
      if (pattern.includes('<match>')) return { ...here, role, pattern, help };
      return { ...hereToSee, pattern, ...(isOptional ? { whenGiven: { role } } : {}), help };
    }),
  );
  const clear = [name, ...old].map((word) => ({
    ...here,
    role,
    pattern: `clear vm config ${word}`,
    destructive: true,
    help: `${word} as it is for a new VM`,
  }));
  return [...set, ...clear];
}

const bondModes = '<active-backup,balance-slb,balance-tcp>';
/** minimega's, the plain one first. */
export const bondPatterns = [
  '<active,passive,off> [qinq,]',
  '<active,passive,off> name <name> [qinq,]',
  '<active,passive> <no-lacp-fallback,> [qinq,]',
  '<active,passive> <no-lacp-fallback,> name <name> [qinq,]',
].map((end) => `vm net <bond,> <vm target> <interface indexes> ${bondModes} ${end}`);

export const vmPatterns: readonly CommandPattern[] = [
  { ...hereToSee, pattern: 'vm config', help: 'what the next VM that is launched will have' },
  ...configFields.flatMap(patternsOf),
  { ...here, pattern: 'vm config <save,> <name>', help: 'keep the configuration under a name' },
  {
    ...hereToSee,
    pattern: 'vm config <restore,> [name]',
    whenGiven: { role: 'operator' },
    help: 'list the configurations that are kept, or take one of them',
  },
  {
    ...here,
    // Other members answer with the configuration of their VM; the node where it is typed takes it.
    reach: 'mesh',
    pattern: 'vm config <clone,> <vm name>',
    ...oneVm,
    help: 'take the configuration of a VM, without its UUID and MAC addresses',
  },
  { ...here, pattern: 'clear vm config', destructive: true, help: 'all fields as they are for a new VM' },
  { ...here, pattern: 'clear vm config tag <key>', destructive: true, help: 'take one tag out of the configuration' },

  { ...here, pattern: 'vm launch', help: 'launch the VMs that are queued (`ns queueing`)' },
  {
    ...here,
    pattern: 'vm launch <kvm,> <name or count> [config]',
    help: 'launch VMs, paused, on the hosts of the namespace; dry-run in the place of the config changes nothing',
  },
  {
    ...here,
    pattern: 'vm launch <kvm,> <name or count> <config> <dry-run,>',
    help: 'show where VMs with a kept config would go, what would be fetched and which VLANs would be made',
  },
  {
    ...here,
    pattern: 'vm launch <kvm,> <name or count> <with,> <setting>...',
    help: 'launch VMs with these settings, such as memory=512 networks=lan, whatever `vm config` holds; each VM is in Data',
  },
  {
    ...here,
    pattern: 'vm launch <kvm,> <name or count> <dry-run,> <with,> <setting>...',
    help: 'show where VMs with these settings would go, what would be fetched and which VLANs would be made',
  },
  {
    ...hereToSee,
    pattern: 'vm survey <hostname or range or all> <name or count> [setting]...',
    values: { hostname: 'nodes' },
    help: 'what hosts have for VMs with these settings: room, names that are taken, files they lack, why they cannot run them',
  },
  {
    ...toSee,
    pattern: 'vm state <vm target>',
    ...target,
    help: 'name, UUID and state of VMs that are named, and why they are in it',
  },
  // It asks the hosts itself, since it knows what is lost with one that does not answer.
  {
    ...hereToSee,
    reach: 'mesh',
    pattern: 'vm info [summary,]',
    help: 'the VMs of each host of the namespace, with their state',
  },
  {
    ...toSee,
    pattern: 'vm show <vm name>',
    ...oneVm,
    help: 'what `vm info` says of one VM, which only its host answers',
  },

  { ...there, pattern: 'vm <start,> <vm target>', ...target, help: 'run VMs; those that have quit boot again' },
  { ...there, pattern: 'vm <stop,> <vm target>', ...target, help: 'pause VMs' },
  {
    ...there,
    pattern: 'vm <kill,> <vm target>',
    ...target,
    destructive: true,
    help: 'end VMs at once, as pulling the plug does; their disks stay until `vm flush`',
  },
  {
    ...there,
    pattern: 'vm <flush,>',
    destructive: true,
    help: 'forget all VMs that have quit or failed, with what they wrote to their disks',
  },
  { ...there, pattern: 'vm <flush,> <vm target>', ...target, destructive: true, help: 'the same for some of them' },
  {
    ...there,
    pattern: 'vm <shutdown,> <vm target> [seconds]',
    ...target,
    patienceMs: (maxShutdownSeconds + 60) * 1000,
    help: 'press the power button, and say which guests did not follow; they have 60 seconds',
  },
  { ...there, pattern: 'vm <reboot,> <vm target>', ...target, help: 'reset VMs; the guest is not asked' },

  { ...toSee, pattern: 'vm tag <vm target> [key or all]', ...target, help: 'show tags' },
  { ...there, pattern: 'vm tag <vm target> <key> <value>', ...target, help: 'set a tag' },
  {
    ...there,
    pattern: 'clear vm tag',
    destructive: true,
    help: 'remove all tags of all VMs',
  },
  { ...there, pattern: 'clear vm tag <vm target> [tag]', ...target, destructive: true, help: 'remove tags' },

  { ...there, pattern: 'vm net <add,> <vm target> [netspec]...', ...target, help: 'add NICs to VMs that run' },
  {
    ...there,
    pattern: 'vm net <connect,> <vm target> <tap position> <vlan> [bridge]',
    ...target,
    help: 'put a NIC on a VLAN; the first NIC is 0',
  },
  {
    ...there,
    pattern: 'vm net <disconnect,> <vm target> <tap position>',
    ...target,
    help: 'take a NIC off its VLAN',
  },

  // A look that takes some seconds.
  {
    ...toSee,
    patienceMs: 90_000,
    pattern: 'vm top [duration]',
    help: 'memory, processor time and traffic of VMs, over one second or as many as are given',
  },
  { ...toSee, pattern: 'vm save', help: 'saves that run, with how far they are, and the last one of each VM' },
  {
    ...saves,
    pattern: 'vm save <vm name>',
    help: 'write memory and disks of a VM to files in the folder saved; it is paused then, and `vm config state` launches from them',
  },
  { ...saves, pattern: 'vm save <vm name> <filename>', help: 'the same, under another name than that of the VM' },
  { ...toSee, pattern: 'vm migrate', help: 'as vm save' },
  {
    ...saves,
    pattern: 'vm migrate <vm name> <filename>',
    help: 'write the memory of a VM alone to a new file below -filepath',
  },
  { ...toSee, pattern: 'vm snapshot', help: 'as vm save' },
  {
    ...saves,
    pattern: 'vm snapshot <vm name> <state filename> <disk filename>',
    help: 'write memory and disks of a VM to new files below -filepath',
  },

  ...bondPatterns.map((pattern) => ({
    ...there,
    pattern,
    ...target,
    help: 'make NICs on one VLAN, such as 0,1, one port of their bridge; LACP as `active`, `passive` or `off`',
  })),
  {
    ...there,
    pattern: 'clear vm net bond <vm target> [name]',
    ...target,
    destructive: true,
    help: 'make each NIC of a bond, or of all bonds, a port again',
  },

  { ...toSee, pattern: 'vm hotplug', help: 'the USB disks that were added' },
  {
    ...there,
    pattern: 'vm hotplug <add,> <vm target> <filename> [version]',
    ...target,
    help: 'add a file below -filepath as a USB disk, of USB 1.1 or 2.0',
  },
  {
    ...there,
    pattern: 'vm hotplug <remove,> <vm target> <disk id or all>',
    ...target,
    help: 'pull out USB disks that were added',
  },
  {
    ...there,
    pattern: 'vm cdrom <change,> <vm target> <path> [force,]',
    ...target,
    help: 'put an ISO image into the CD drive; force: also if the guest locked it',
  },
  { ...there, pattern: 'vm cdrom <eject,> <vm target> [force,]', ...target, help: 'empty the CD drive' },
  {
    ...toSee,
    pattern: 'vm screenshot <vm name> [maximum dimension]',
    ...oneVm,
    help: 'the screen of a VM as PNG, in Data; neither side longer than the maximum',
  },
  {
    ...here,
    pattern: 'vm screenshot <vm name> file <filename> [maximum dimension]',
    ...oneVm,
    help: 'the same, also as a .png file below -filepath of this node',
  },
  {
    ...there,
    role: 'admin',
    pattern: 'vm qmp <vm name> <qmp command>',
    ...oneVm,
    help: "a command to QEMU's monitor, as JSON",
  },
];
