// A form as the settings of `vm launch … with`.
import { quoteWord } from '../../commands/tokens.ts';
import type { LaunchForm } from './form.ts';

type Fields = Pick<
  LaunchForm,
  | 'memory'
  | 'vcpus'
  | 'disks'
  | 'cdrom'
  | 'kernel'
  | 'initrd'
  | 'append'
  | 'writesImage'
  | 'networks'
  | 'nic'
  | 'serialPorts'
  | 'tags'
>;

/** What is as for any new VM is left out. Words of a line: quote each. */
export function settingsOf(form: Fields): string[] {
  const files = [
    ['cdrom', form.cdrom],
    ['kernel', form.kernel],
    ['initrd', form.initrd],
    ['append', form.append],
  ] as const;
  return [
    `memory=${form.memory}`,
    `vcpus=${form.vcpus}`,
    ...form.disks.map((disk) => `disks=${disk}`),
    ...files.filter(([, value]) => value !== '').map(([field, value]) => `${field}=${value}`),
    ...(form.writesImage ? ['snapshot=false'] : []),
    ...form.networks.map((vlan) => `networks=${vlan},${form.nic}`),
    ...(form.serialPorts > 0 ? [`serial-ports=${form.serialPorts}`] : []),
    ...Object.entries(form.tags).map(([key, value]) => `tags=${key}=${value}`),
  ];
}

/** A line of the command language from its words. */
export function lineOf(...words: readonly string[]): string {
  return words.map(quoteWord).join(' ');
}

/** The lines that do on a minimega what `launchLine` does on a meshd. What `vm config` holds in this namespace is lost. */
export function minimegaLaunchLines({
  namespace,
  names,
  settings,
  node,
}: {
  readonly namespace: string;
  readonly names: string;
  readonly settings: readonly string[];
  readonly node: string;
}): string[] {
  const words = [
    ['clear', 'vm', 'config'],
    ...configLines([...settings, `schedule=${node}`]).map((line) => ['vm', 'config', ...line]),
    ['vm', 'launch', 'kvm', names],
  ];
  return words.map((line) => lineOf('namespace', namespace, ...line));
}

/** Settings as words behind `vm config`, as minimega takes them; fields that may be there several times are set at once. */
export function configLines(settings: readonly string[]): string[][] {
  const lists = new Map<string, string[]>();
  const lines: string[][] = [];
  for (const setting of settings) {
    const [field = '', value = ''] = setting.split(/=(.*)/s);
    if (field === 'uuids') continue;
    if (field === 'disks' || field === 'networks') lists.set(field, [...(lists.get(field) ?? []), value]);
    else if (field === 'tags') lines.push(['tags', ...value.split(/=(.*)/s).slice(0, 2)]);
    else if (field === 'append') lines.push(['append', ...value.split(/\s+/)]);
    else lines.push([field, value]);
  }
  return [...lines, ...[...lists].map(([field, values]) => [field, ...values])];
}

/** `namespace lab vm launch kvm web[1-4] with memory=512 schedule=node1`. */
export function launchLine({
  namespace,
  names,
  settings,
  node,
  uuids,
}: {
  readonly namespace: string;
  readonly names: string;
  readonly settings: readonly string[];
  readonly node: string;
  readonly uuids?: string;
}): string {
  const own = [`schedule=${node}`, ...(uuids === undefined ? [] : [`uuids=${uuids}`])];
  return lineOf('namespace', namespace, 'vm', 'launch', 'kvm', names, 'with', ...settings, ...own);
}
