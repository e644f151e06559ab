// Words that the form of a launch chooses from, without its schema: pages load them at once.

/** How VMs are put on nodes: on the least loaded ones; on one node until it is full, then on the next; or one on each node. */
export const placeRules = ['spread', 'fill', 'one-each'] as const;
export type PlaceRule = (typeof placeRules)[number];

/** NICs that guests are given. */
export const nicDrivers = ['virtio-net-pci', 'e1000'] as const;

/** Of a field, which shows minimega's `0 < vlan < 4095` in words. */
export const vlanNumberRule = 'a VLAN has a number from 1 to 4094';

/** Names for a number of VMs, so that `16` is `vm[1-16]`; other texts stay as they are. A plan needs names: it makes UUIDs of them. */
export function nameCounted(text: string): string {
  const count = text.trim();
  if (!/^[1-9]\d*$/.test(count)) return text;
  return count === '1' ? 'vm1' : `vm[1-${count}]`;
}
