// The form of the launch wizard as its fields hold it, and as the planner's schema takes it.
import { LaunchForm } from '../../core/plans/vms/form.ts';
import { issuesOf } from '../wizard/form-values.ts';
import type { Issue } from '../wizard/wizard-state.ts';

export type Boot = 'disk' | 'kernel' | 'cdrom';

export type LaunchValues = {
  readonly cluster: string;
  readonly namespace: string;
  /** What the VMs boot from: files of the other ways stay in the form, and go nowhere. */
  readonly boot: Boot;
  readonly disks: readonly string[];
  readonly kernel: string;
  readonly initrd: string;
  readonly append: string;
  readonly cdrom: string;
  readonly writesImage: boolean;
  readonly memory: string;
  readonly vcpus: string;
  readonly serialPorts: string;
  /** `key=value` with commas between. */
  readonly tags: string;
  readonly networks: readonly string[];
  /** Numbers of new aliases as typed; empty for any. */
  readonly vlans: Readonly<Record<string, string>>;
  /** Name of a VLAN that is typed and not added yet. */
  readonly newLan: string;
  readonly nic: string;
  readonly names: string;
  readonly nodes: string;
  readonly place: string;
  readonly atOnce: string;
  readonly paused: boolean;
  readonly keepGoing: boolean;
};

export const noValues: LaunchValues = {
  cluster: '',
  namespace: '',
  boot: 'disk',
  disks: [],
  kernel: '',
  initrd: '',
  append: 'console=ttyS0',
  cdrom: '',
  writesImage: false,
  memory: '1024',
  vcpus: '1',
  serialPorts: '1',
  tags: '',
  networks: [],
  vlans: {},
  newLan: '',
  nic: 'virtio-net-pci',
  names: '',
  nodes: '',
  place: 'spread',
  atOnce: '8',
  paused: false,
  keepGoing: false,
};

/** What a template keeps: what the VMs are and how they are launched, not which ones and where. */
const ownFields = ['cluster', 'namespace', 'names', 'nodes', 'newLan'] as const;
export type Template = Omit<LaunchValues, (typeof ownFields)[number]>;

export function templateOf(values: LaunchValues): Template {
  const entries = Object.entries(values).filter(([field]) => !ownFields.some((own) => own === field));
  return Object.fromEntries(entries) as unknown as Template;
}

/** The planner's form. */
export function toForm(values: LaunchValues): Record<string, unknown> {
  const { boot, disks, kernel, initrd, append, cdrom, tags, vlans, newLan: _, ...rest } = values;
  const isKernel = boot === 'kernel';
  return {
    ...rest,
    disks: boot === 'disk' ? disks : [],
    kernel: isKernel ? kernel : '',
    initrd: isKernel ? initrd : '',
    // A command line without its kernel is left behind by a change of mind.
    append: isKernel && kernel !== '' ? append : '',
    cdrom: boot === 'cdrom' ? cdrom : '',
    tags: Object.fromEntries(tagsOf(tags)),
    vlans: Object.fromEntries(
      Object.entries(vlans).filter(([alias, vlan]) => vlan.trim() !== '' && values.networks.includes(alias)),
    ),
  };
}

/** `role=web, os=debian` as pairs. */
export function tagsOf(text: string): [string, string][] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
    .map((item) => {
      const at = item.indexOf('=');
      return at < 0 ? [item, ''] : [item.slice(0, at).trim(), item.slice(at + 1).trim()];
    });
}

export function issuesIn(values: LaunchValues): Issue[] {
  const issues = issuesOf(LaunchForm, toForm(values)).map(({ field, message }) => ({
    // What is missing is said where it would be chosen.
    field: field === 'disks' && values.boot !== 'disk' ? values.boot : field,
    message,
  }));
  // The next step would not know it: the VMs would have no network.
  if (values.newLan.trim() !== '') issues.push({ field: 'newLan', message: 'Add it, or empty this field' });
  const untold = tagsOf(values.tags).find(([key]) => key === '');
  return untold ? [...issues, { field: 'tags', message: 'a tag is key=value, such as role=web' }] : issues;
}
