// NICs of VMs that run: adding one, moving one to another VLAN, taking one off, and who uses which VLAN. The record changes first: what it says
// is what the switch is to have, also after a crash in between.
import { AppError, describeError } from '../../contract/errors.ts';
import { maxVmNetworks } from '../../contract/limits.ts';
import { describeBondSpec, type BondSpec } from '../../core/vms/bond-spec.ts';
import { describeAlias, parseAlias, sameAlias, type AliasName } from '../../core/vlans/names.ts';
import { describeNetSpec, generateMac, parseNetSpec } from '../../core/vms/net-spec.ts';
import type { VmNet, VmRecord } from '../../core/vms/record.ts';
import { describeRefusal, outcomeOf, type VmAction } from '../../core/vms/states.ts';
import type { VlanUser, VlanUsers } from '../vlans/users.ts';
import type { Vlans } from '../vlans/vlans.ts';
import { bondNameOf, notFound, placeOf, type VmParts } from './parts.ts';
import { ensurePorts } from './ports.ts';
import { assertLives } from './starting.ts';

export interface NetParts extends VmParts {
  readonly vlans: Pick<Vlans, 'resolve'>;
  readonly randomByte: () => number;
}

interface Signal {
  readonly signal: AbortSignal;
}

/** The record of a VM to which this may be done now. @throws AppError with the reason */
export function assertMay(id: number, action: VmAction, { book }: Pick<VmParts, 'book'>): VmRecord {
  const record = book.get(id)?.record;
  if (!record) throw notFound(id);
  const outcome = outcomeOf(action, record.state);
  if (outcome.is === 'skip' || outcome.is === 'refuse') throw new AppError('refused', describeRefusal(outcome, record));
  return record;
}

/** `vm net add`. */
export async function addNet(id: number, spec: string, { signal }: Signal, parts: NetParts): Promise<void> {
  const { book, hypervisor, ports, running } = parts;
  const { catalogue } = await hypervisor.facts();
  const parsed = parseNetSpec(spec, catalogue.netDrivers);
  if (!parsed.ok) throw new AppError('invalid', parsed.message);
  const record = assertMay(id, 'net add', parts);
  const index = record.nets.length;
  if (index >= maxVmNetworks)
    throw new AppError('refused', `${record.name} has ${index} networks: it can have no more`);
  const { vlan, alias } = await resolveVlan(parsed.value.vlan, record.namespace, { signal, parts });
  const macs = new Set(book.records().flatMap(({ nets }) => nets.map(({ mac }) => mac)));
  if (macs.has(parsed.value.mac))
    throw new AppError('conflict', `MAC address ${parsed.value.mac} is in use on this node`);
  const mac = parsed.value.mac === '' ? generateMac(parts.randomByte, (each) => macs.has(each)) : parsed.value.mac;
  const { bridge, driver, qinq } = parsed.value;
  const raw = describeNetSpec(parsed.value);
  const net: VmNet = { alias, vlan, bridge, tap: '', mac, driver, qinq, ip4: '', ip6: '', qos: '', raw };
  await book.updateRecord(id, (before) => ({ ...before, nets: [...before.nets, net] }));
  try {
    const wrong = (await ensurePorts([id], parts)).get(id);
    if (wrong !== undefined) throw new AppError('failed', wrong);
    const tap = book.get(id)?.record.nets[index]?.tap ?? '';
    await assertLives(running.get(id), id).addNic({ tap, mac, driver, hasOffload: !ports.needsWholeFrames }, index);
  } catch (error) {
    const tap = book.get(id)?.record.nets[index]?.tap ?? '';
    await book.updateRecord(id, (before) => ({ ...before, nets: before.nets.slice(0, index) }));
    if (tap !== '') await ports.removePorts([tap]);
    throw error;
  }
}

/** `vm net connect`: also while the NIC is on another VLAN. */
export async function connectNet(
  id: number,
  { index, vlan: text, bridge }: { readonly index: number; readonly vlan: string; readonly bridge: string },
  { signal }: Signal,
  parts: NetParts,
): Promise<void> {
  const record = assertMay(id, 'net connect', parts);
  assertNet(record, index);
  const { vlan, alias } = await resolveVlan(text, record.namespace, { signal, parts });
  await parts.ports.ensureBridge(bridge);
  await place([{ id, index, change: { vlan, alias, bridge } }], parts);
  await assertLives(parts.running.get(id), id).setLink(index, true);
}

export async function disconnectNet(id: number, index: number, parts: NetParts): Promise<void> {
  const record = assertMay(id, 'net disconnect', parts);
  assertNet(record, index);
  await place([{ id, index, change: { vlan: -1, alias: '', bridge: '' } }], parts);
  await assertLives(parts.running.get(id), id).setLink(index, false);
}

interface Move {
  readonly id: number;
  readonly index: number;
  readonly change: Pick<VmNet, 'vlan' | 'alias' | 'bridge'>;
}

/** Puts NICs elsewhere, all of them or none. */
async function place(moves: readonly Move[], { book, ports }: Pick<VmParts, 'book' | 'ports'>): Promise<void> {
  const set = (id: number, index: number, change: Partial<VmNet>) =>
    book.updateRecord(id, (record) => ({
      ...record,
      nets: record.nets.map((net, at) => (at === index ? { ...net, ...change } : net)),
    }));
  const before = moves.map(({ id, index }) => book.get(id)?.record.nets[index]);
  try {
    await Promise.all(moves.map(({ id, index, change }) => set(id, index, { ...change, ip4: '', ip6: '' })));
    const taps = moves.flatMap(({ id, index }) => {
      const record = book.get(id)?.record;
      const tap = record?.nets[index]?.tap ?? '';
      return record && tap !== '' ? [{ tap, place: placeOf(record, index) }] : [];
    });
    if (taps.length > 0) await ports.movePorts(taps);
  } catch (error) {
    await Promise.allSettled(
      moves.flatMap(({ id, index }, at) => {
        const was = before[at];
        return was ? [set(id, index, was)] : [];
      }),
    );
    throw error;
  }
}

/** `vm net bond`: also while the guest uses them. What the guest has to do is the bond's other end. */
export async function bondNets(id: number, bond: BondSpec, parts: NetParts): Promise<void> {
  const { nets, config, name } = assertMay(id, 'net bond', parts);
  const text = `bond ${describeBondSpec(bond)}`;
  const [first] = bond.interfaces.map((index) => nets[index]);
  for (const index of bond.interfaces) {
    const net = nets[index];
    if (!net || !first) throw new AppError('invalid', `no network ${index}, VM only has ${nets.length} networks`);
    if (config.bonds.some(({ interfaces }) => interfaces.includes(index)))
      throw new AppError('refused', `${text}: network ${index} is in another bond already`);
    if (net.vlan < 0)
      throw new AppError('refused', `${text}: network ${index} of ${name} is on no VLAN: \`vm net connect\` it first`);
    if (net.bridge !== first.bridge) throw new AppError('refused', `${text}: its networks are on different bridges`);
    if (net.vlan !== first.vlan || net.qinq !== first.qinq)
      throw new AppError('refused', `${text}: its networks are on different VLANs`);
  }
  if (config.bonds.some((other) => bondNameOf(other, nets) === bondNameOf(bond, nets)))
    throw new AppError('conflict', `${name} has a bond ${bondNameOf(bond, nets)} already`);
  await setBonds(id, [...config.bonds, bond], bond.interfaces, parts);
}

/** `clear vm net bond`. */
export async function unbondNets(id: number, bond: string | null, parts: NetParts): Promise<void> {
  const { nets, config, name } = assertMay(id, 'net bond', parts);
  const gone = config.bonds.filter((each) => bond === null || bondNameOf(each, nets) === bond);
  if (gone.length === 0 && bond !== null) throw new AppError('not-found', `${name} has no bond ${bond.slice(0, 60)}`);
  const left = config.bonds.filter((each) => !gone.includes(each));
  await setBonds(
    id,
    left,
    gone.flatMap(({ interfaces }) => interfaces),
    parts,
  );
}

/** The record first, as with other moves; after an error all is as it was. */
async function setBonds(id: number, bonds: readonly BondSpec[], moved: readonly number[], { book, ports }: NetParts) {
  const set = (to: readonly BondSpec[]) =>
    book.updateRecord(id, (record) => ({ ...record, config: { ...record.config, bonds: to } }));
  const before = book.get(id)?.record.config.bonds ?? [];
  await set(bonds);
  try {
    const record = book.get(id)?.record;
    const moves = moved.flatMap((index) => {
      const tap = record?.nets[index]?.tap ?? '';
      return record && tap !== '' ? [{ tap, place: placeOf(record, index) }] : [];
    });
    if (moves.length > 0) await ports.movePorts(moves);
  } catch (error) {
    await set(before);
    throw error;
  }
}

/** @throws AppError `invalid` in minimega's words; `refused` for a part of a bond */
function assertNet({ name, nets, config }: VmRecord, index: number): void {
  if (!nets[index]) throw new AppError('invalid', `no network ${index}, VM only has ${nets.length} networks`);
  const bond = config.bonds.find(({ interfaces }) => interfaces.includes(index));
  if (bond)
    throw new AppError(
      'refused',
      `network ${index} of ${name} is in the bond ${bondNameOf(bond, nets)}, whose NICs stay together: \`clear vm net bond\` first`,
    );
}

async function resolveVlan(
  text: string,
  namespace: string,
  { signal, parts }: Signal & { readonly parts: NetParts },
): Promise<{ vlan: number; alias: string }> {
  const { vlan, name } = await parts.vlans.resolve(text, namespace, { signal });
  return { vlan, alias: name === null ? '' : describeAlias(name, namespace) };
}

/**
 * Plugs NICs in again whose tap somebody removed: the switch has made the tap again, and the VM holds the one that is gone. Each once, until the
 * switch has seen it held.
 */
export class Replugging {
  private readonly parts: VmParts;
  private readonly tried = new Set<string>();

  constructor(parts: VmParts) {
    this.parts = parts;
  }

  /** The switch has changed. */
  look(): void {
    const { ports, book, turns, log } = this.parts;
    const unheld = new Set(
      ports
        .state()
        .faults.filter(({ reason }) => reason === 'tap-unheld')
        .map(({ subject }) => subject),
    );
    for (const tap of this.tried) if (!unheld.has(tap)) this.tried.delete(tap);
    for (const tap of unheld) {
      if (this.tried.has(tap)) continue;
      this.tried.add(tap);
      const record = book.onTap(tap);
      if (!record) continue;
      turns
        .run(record.id, () => this.replug(record.id, tap))
        .then(
          () => log.info(`vms: plugged ${tap} into ${record.name} (${record.id}) again`),
          (error: unknown) => log.warn(`vms: ${tap} of ${record.name} (${record.id}): ${describeError(error)}`),
        );
    }
  }

  private async replug(id: number, tap: string): Promise<void> {
    const { book, running, ports } = this.parts;
    const nets = book.get(id)?.record.nets ?? [];
    const index = nets.findIndex((net) => net.tap === tap);
    const net = nets[index];
    const vm = running.get(id);
    if (!net || !vm) return;
    await vm.replugNic({ tap, mac: net.mac, driver: net.driver, hasOffload: !ports.needsWholeFrames }, index);
    if (net.vlan < 0) await vm.setLink(index, false);
  }
}

/** Which VMs of this node use VLANs: those that have ended too, since they may be started again. */
export function vlanUsers(parts: Pick<VmParts, 'book' | 'ports' | 'log'>): VlanUsers {
  const users = (fits: (net: VmNet, record: VmRecord) => boolean) =>
    parts.book
      .records()
      .flatMap((record) => record.nets.flatMap((net, index) => (fits(net, record) ? [{ record, net, index }] : [])));
  const asUser = ({ record, net }: { record: VmRecord; net: VmNet }): VlanUser => ({
    vm: record.name,
    namespace: record.namespace,
    vlan: net.vlan,
    alias: net.alias,
  });
  return {
    using(vlans) {
      const wanted = new Set(vlans);
      return users(({ vlan }) => wanted.has(vlan)).map(asUser);
    },
    async move({ name, from, to }) {
      const wanted = new Set(from);
      const moving = users((net, { namespace }) => wanted.has(net.vlan) && isBy(net, name, namespace));
      try {
        await place(
          moving.map(({ record, net, index }) => ({
            id: record.id,
            index,
            change: { vlan: to, alias: net.alias, bridge: net.bridge },
          })),
          parts,
        );
      } catch (cause) {
        throw new AppError('failed', `VMs stay on the VLANs that they are on: ${describeError(cause)}`, { cause });
      }
      return moving.map(asUser);
    },
  };
}

function isBy(net: VmNet, name: AliasName, namespace: string): boolean {
  if (net.alias === '') return false;
  const parsed = parseAlias(net.alias, namespace);
  return parsed.ok && sameAlias(parsed.value, name);
}
