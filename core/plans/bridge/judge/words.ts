// Words for what a verdict is about.
import type { NicFacts } from '../observe/facts.ts';

/** `eth0 (ethernet, 10.0.0.5/24)`. */
export function describeNic(nic: NicFacts): string {
  const address = nic.addresses.find(({ scope }) => scope === 'global')?.address;
  return `${nic.name} (${[nic.kind, address ?? (nic.hasCarrier ? 'no address' : 'no carrier')].join(', ')})`;
}

/** `netplan (renderer networkd, /etc/netplan/50.yaml)`, `NetworkManager`. */
export function describeOwner(nic: NicFacts): string {
  const names = {
    ifupdown: 'ifupdown',
    ifupdown2: 'ifupdown2',
    networkmanager: 'NetworkManager',
    networkd: 'systemd-networkd',
    ifcfg: 'network-scripts',
    none: 'nobody that we know',
  } as const;
  return nic.netplan ? `netplan (renderer ${nic.netplan.renderer}, ${nic.netplan.file})` : names[nic.owner];
}

/** `45 s`, `12 min`, `3 h`. */
export function describeSeconds(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
