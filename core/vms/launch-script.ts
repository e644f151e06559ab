// A VM's configuration as the lines that make it again: what `ns save` writes beside memory and disks, for `read`.
import { quoteWord } from '../commands/tokens.ts';
import { describeBondSpec } from './bond-spec.ts';
import { configFields, type ConfigField } from './config-fields.ts';
import { defaultConfig, type VmConfig } from './config.ts';
import { describeDiskSpec } from './disk-spec.ts';
import { describeNetSpec } from './net-spec.ts';

/** Lines that launch these VMs, each with its own configuration. Paths in them are as the configurations have them. */
export function launchScript(vms: readonly { readonly name: string; readonly config: VmConfig }[]): string {
  const lines = vms.flatMap(({ name, config }) => [
    'clear vm config',
    ...configFields.flatMap((field) =>
      wordsOf(config, field).map((words) => lineOf(['vm', 'config', field.name, ...words])),
    ),
    lineOf(['vm', 'launch', 'kvm', name]),
    '',
  ]);
  return lines.join('\n');
}

const lineOf = (words: readonly string[]) => words.map(quoteWord).join(' ');

/** What is typed behind the name of a field, once for each line; nothing for a field as it is for a new VM. */
function wordsOf(config: VmConfig, { key, kind }: ConfigField): (readonly string[])[] {
  if (JSON.stringify(config[key]) === JSON.stringify(defaultConfig[key])) return [];
  switch (kind) {
    case 'tags':
      return Object.entries(config.tags);
    case 'overrides':
      return config.qemuOverride.map(({ match, replacement }) => [match, replacement]);
    case 'nets':
      return [config.networks.map(describeNetSpec)];
    case 'bonds':
      return [config.bonds.map(describeBondSpec)];
    case 'disks':
      return [config.disks.map(describeDiskSpec)];
    case 'words':
      return [key === 'append' ? config.append : config.qemuAppend];
    default: {
      const value = config[key];
      return typeof value === 'object' ? [] : [[String(value)]];
    }
  }
}
