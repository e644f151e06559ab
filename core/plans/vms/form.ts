// The form of a launch: what the wizard, the shell and the planner check alike. What only the cluster knows is checked by the planner.
import { z } from 'zod';
import { maxVmCpus, maxVmDisks, maxVmMemoryMb, maxVmNetworks, maxVmPorts } from '../../../contract/limits.ts';
import { parseFileName } from '../../files/file-name.ts';
import { defaultNamespace, isNamespaceName, namespaceNameRule } from '../../namespaces.ts';
import { parseRange } from '../../ranges/parse-range.ts';
import { invalidVlan, isVlan, parseVlanOrAlias } from '../../vlans/names.ts';
import { parseDiskSpec } from '../../vms/disk-spec.ts';
import { parseLaunchNames } from '../../vms/names.ts';
import { findTextIssue } from '../../vms/result.ts';
import { nameCounted, nicDrivers, placeRules, vlanNumberRule } from './rules.ts';

/** Tags that a form gives: people type a few. */
const maxTags = 32;

/** A text that says itself what is wrong with it. */
function checked(
  most: number,
  issueOf: (text: string) => string | null,
  { read = (text: string) => text }: { readonly read?: (text: string) => string } = {},
) {
  return z
    .string()
    .trim()
    .overwrite(read)
    .max(most)
    .superRefine((text, context) => {
      const issue = issueOf(text);
      if (issue !== null) context.addIssue({ code: 'custom', message: issue });
    });
}

const whole = (what: string, least: number, most: number) =>
  z.coerce
    .number(`${what}: a whole number`)
    .int(`${what}: a whole number`)
    .min(least, `${what}: ${least} at least`)
    .max(most, `${what}: ${most} at most`);

const fileName = checked(1_024, (text) => (text === '' ? null : findFileIssue(text)));

function findFileIssue(text: string): string | null {
  const name = parseFileName(text);
  if (!name.ok) return name.message;
  if (name.name === '') return 'the name of a file below -filepath';
  return findTextIssue(text);
}

function findDiskIssue(text: string): string | null {
  if (text === '') return 'choose an image, or take this disk out';
  const spec = parseDiskSpec(text, '/files');
  return spec.ok ? findFileIssue(text.split(',', 1)[0] ?? '') : spec.message;
}

function findNamesIssue(text: string): string | null {
  if (text === '') return 'names as a range, such as web[1-16], or how many VMs';
  const names = parseLaunchNames(text);
  if (!names.ok) return names.message;
  return 'names' in names.value ? null : 'names as a range, such as web[1-16], or how many VMs';
}

function findNamespaceIssue(text: string): string | null {
  if (text === '') return 'name a namespace: the run makes it if it is not there';
  if (text === defaultNamespace) return `${defaultNamespace} is each node's own namespace: choose or make another one`;
  return isNamespaceName(text) ? null : namespaceNameRule;
}

function findVlanIssue(text: string): string | null {
  if (text.includes(',')) return `\`${text.slice(0, 40)}\`: one VLAN, an alias or a number`;
  const name = parseVlanOrAlias(text, 'x');
  if (name.ok) return null;
  if (text === '') return 'an alias or a number of a VLAN';
  return name.message === invalidVlan ? vlanNumberRule : name.message;
}

function findNodesIssue(text: string): string | null {
  const range = parseRange(text);
  return range.ok ? null : range.message;
}

const Tag = checked(255, findTextIssue);

export const LaunchForm = z
  .object({
    /** Id of the cluster; empty for the only one. */
    cluster: z.string().max(253).default(''),
    namespace: checked(64, findNamespaceIssue),
    names: checked(20_000, findNamesIssue, { read: nameCounted }),
    memory: whole('memory', 1, maxVmMemoryMb).default(2_048),
    vcpus: whole('vCPUs', 1, maxVmCpus).default(1),
    /** Each `name[,interface][,cache]`. */
    disks: z.array(checked(1_100, findDiskIssue)).max(maxVmDisks).default([]),
    cdrom: fileName.default(''),
    kernel: fileName.default(''),
    initrd: fileName.default(''),
    append: checked(2_048, findTextIssue).default(''),
    /** VMs write to the image itself: for one VM alone. */
    writesImage: z.boolean().default(false),
    /** By NIC: alias or number. */
    networks: z.array(checked(253, findVlanIssue)).max(maxVmNetworks).default([]),
    /** Numbers of aliases that are new. */
    vlans: z.record(z.string().max(64), z.coerce.number(vlanNumberRule).refine(isVlan, vlanNumberRule)).default({}),
    nic: z.enum(nicDrivers).default('virtio-net-pci'),
    serialPorts: whole('serial ports', 0, maxVmPorts).default(1),
    tags: z
      .record(Tag, Tag)
      .refine((tags) => Object.keys(tags).length <= maxTags, `${maxTags} tags at most`)
      .default({}),
    /** A node range; empty for the hosts of the namespace. */
    nodes: checked(200_000, findNodesIssue).default(''),
    place: z.enum(placeRules).default('spread'),
    /** Nodes that launch at once, after the first one alone. */
    atOnce: whole('nodes at once', 1, 64).default(8),
    /** Leaves them as they are launched. */
    paused: z.boolean().default(false),
    /** A node that fails does not stop the others. */
    keepGoing: z.boolean().default(false),
  })
  .superRefine((form, context) => {
    const issue = (path: (string | number)[], message: string) => {
      context.addIssue({ code: 'custom', path, message });
    };
    if (form.disks.length === 0 && form.kernel === '' && form.cdrom === '') {
      issue(['disks'], 'choose what the VMs boot from: a disk image, a kernel or a CD');
    }
    if (form.kernel === '' && form.initrd !== '') issue(['initrd'], 'an initrd belongs to a kernel: choose one');
    if (form.kernel === '' && form.append !== '') issue(['append'], 'only a kernel has a command line: choose one');
    const count = namesOf(form.names).length;
    if (form.writesImage && count > 1) {
      issue(['writesImage'], `${count} VMs cannot write to one image: launch one, or let each have its own overlay`);
    }
    for (const alias of Object.keys(form.vlans)) {
      if (!form.networks.includes(alias)) issue(['vlans', alias], `no NIC is on the VLAN ${alias}`);
    }
    const taken = new Set<number>();
    for (const [alias, vlan] of Object.entries(form.vlans)) {
      if (taken.has(vlan)) issue(['vlans', alias], `two VLANs cannot have the number ${vlan}`);
      taken.add(vlan);
    }
  });
export type LaunchForm = z.infer<typeof LaunchForm>;

/** Names of a range; none of one that is not right. */
export function namesOf(text: string): readonly string[] {
  const range = parseRange(text);
  return range.ok ? range.names : [];
}
