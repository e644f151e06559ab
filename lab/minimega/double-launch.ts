// How the double launches VMs. As minimega does, it answers that all is well although a host could not: the VM is there then, in ERROR.
import { responseEntry, type ResponseEntry } from '../../contract/command-socket.ts';
import {
  namesOf,
  namespaceOf,
  resolveVlan,
  type DoubleCall,
  type DoubleCluster,
  type DoubleVm,
} from './double-node.ts';

/** A VM whose disk has this name does not start. */
export const brokenDisk = 'broken.qcow2';

export async function launchThere(
  double: DoubleCluster,
  words: Readonly<Record<string, string>>,
  call: DoubleCall,
): Promise<ResponseEntry[]> {
  const { node, namespace } = call;
  const fail = (error: string) => [responseEntry(node.name, { Error: error })];
  const own = namespaceOf(call);
  const asked = words['name'] ?? '';
  const names = /^\d+$/.test(asked)
    ? Array.from({ length: Number(asked) }, (_, at) => `vm-${node.nextId + at}`)
    : namesOf(asked);
  if (names.length === 0) return fail('no VMs to launch');
  const hosts = [...own.hosts].flatMap((name) => double.nodes.get(name) ?? []).filter(({ isAlive }) => isAlive);
  if (hosts.length === 0) return fail('namespace must contain at least one host to launch VMs');
  const taken = hosts.flatMap(({ vms }) => vms).filter((vm) => vm.namespace === namespace);
  const twice = names.find((name) => taken.some((vm) => vm.name === name));
  if (twice !== undefined) return fail(`vm already exists with name \`${twice}\``);
  const config = node.configs.get(namespace);
  const valueOf = (field: string, or: string) => config?.get(field)?.[0] ?? or;
  const isBroken = (config?.get('disks') ?? []).some((disk) => disk.startsWith(brokenDisk));
  const tags = (config?.get('tags') ?? []).map((tag) => tag.split('=') as [string, string]);
  for (const [at, name] of names.entries()) {
    const wanted = config?.get('schedule')?.[0];
    const host = hosts.find((each) => each.name === wanted) ?? hosts[at % hosts.length];
    if (!host) continue;
    const id = host.nextId++;
    const vm: DoubleVm = {
      ...{ id, name, namespace, state: isBroken ? 16 : 1, launched: new Date(1.79e12).toISOString() },
      uuid: valueOf('uuid', madeUuid(host.name, id)),
      memory: Number(valueOf('memory', '2048')),
      vcpus: Number(valueOf('vcpus', '1')),
      config: new Map(config),
      serialPorts: Number(valueOf('serial-ports', '0')),
      tags: new Map([...tags, ...(isBroken ? [['error', `${brokenDisk}: no such file`] as const] : [])]),
      nets: (config?.get('networks') ?? []).map((spec, nic) => {
        const [alias, vlan] = resolveVlan(own, spec.split(',')[0] ?? '');
        const mac = `00:00:5e:00:${String(id % 100).padStart(2, '0')}:${String(nic).padStart(2, '0')}`;
        return { alias, vlan, bridge: 'mega_bridge', tap: `mega_tap${id * 4 + nic}`, mac, ip4: '' };
      }),
    };
    await double.addConsoles(host.name, vm);
    host.vms.push(vm);
  }
  return [responseEntry(node.name)];
}

function madeUuid(host: string, id: number): string {
  const tail = host
    .slice(-4)
    .padStart(4, '0')
    .replace(/[^0-9a-f]/g, '0');
  return `00000000-0000-4000-8000-${String(id).padStart(8, '0')}${tail}`;
}
