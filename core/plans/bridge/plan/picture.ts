// What a node's network looks like before and after, in words and as a picture: addresses and routes of the NIC are carried
// to the bridge as they are.
import type { BridgeFacts, NicFacts } from '../observe/facts.ts';
import { managedFlag } from '../observe/namers.ts';
import type { BridgePicture, PlannedTransaction } from './step-args.ts';

/** As it is now. `carrier`: the interface that has the addresses. */
export function pictureBefore(facts: BridgeFacts, uplink: NicFacts, bridge: string): BridgePicture {
  const there = facts.ovs.bridges.find(({ name }) => name === bridge);
  const carrier = carrierOf(facts, uplink, bridge);
  return {
    carrier: carrier.name,
    addresses: addressesOf(carrier),
    routes: routesOf(facts, carrier.name),
    dns: [...facts.dnsServers],
    ports: there ? portsFirst(there.ports, uplink.name) : [],
    bridge: there ? bridge : '',
  };
}

export function pictureAfter(
  facts: BridgeFacts,
  uplink: NicFacts,
  { kind, bridge }: PlannedTransaction,
): BridgePicture {
  const before = pictureBefore(facts, uplink, bridge);
  const carrier = kind === 'remove' ? uplink.name : bridge;
  const ports = facts.ovs.bridges.find(({ name }) => name === bridge)?.ports ?? [];
  return {
    ...before,
    carrier,
    routes: before.routes.map((route) => renameDevice(route, before.carrier, carrier)),
    ports: kind === 'remove' ? [] : portsFirst(ports, uplink.name),
    bridge: kind === 'remove' ? '' : bridge,
  };
}

/** The interface that has the addresses now: the NIC, or the bridge that it is in. */
export function carrierOf(facts: BridgeFacts, uplink: NicFacts, bridge: string): NicFacts {
  const own = facts.nics.find(({ name }) => name === bridge);
  return uplink.ovsBridge === bridge && own && addressesOf(uplink).length === 0 ? own : uplink;
}

/** Its own that others reach it at. Link-local ones are made by the kernel, and those of other programs stay with them. */
export function addressesOf(nic: NicFacts): string[] {
  return nic.addresses
    .filter(({ scope, flags }) => scope === 'global' && !flags.includes('temporary') && !flags.includes(managedFlag))
    .map(({ address }) => address);
}

function routesOf(facts: BridgeFacts, device: string): string[] {
  const nic = facts.nics.find(({ name }) => name === device);
  return (nic?.routes ?? []).map(({ text }) => (/\bdev\b/.test(text) ? text : `${text} dev ${device}`));
}

export function renameDevice(route: string, from: string, to: string): string {
  return route
    .split(' ')
    .map((word, at, words) => (words[at - 1] === 'dev' && word === from ? to : word))
    .join(' ');
}

function portsFirst(ports: readonly string[], uplink: string): string[] {
  return [uplink, ...ports.filter((port) => port !== uplink)];
}
