// Network specs of `vm config networks`: `[bridge,]vlan[,mac][,driver][,qinq]` [facts 5.4]. Owns their reading and printing, and
// what a MAC address is. Which VLANs and bridges exist is not its business.
import { bad, clip, findTextIssue, good, type Result } from './result.ts';

/** One NIC as configured. Defaults are spelled out; `mac` is empty until a launch gives it one. */
export interface NetSpec {
  /** Alias or number, as typed; other code resolves it. */
  readonly vlan: string;
  readonly bridge: string;
  /** Lower case, with colons; empty for one to be generated. */
  readonly mac: string;
  readonly driver: string;
  readonly qinq: boolean;
}

export const defaultBridge = 'mega_bridge';
export const defaultDriver = 'e1000';

/** A tap's and a bridge's name: IFNAMSIZ of linux/if.h is 16 with its NUL. */
const bridgeName = /^(?!\.{1,2}$)[\w.-]{1,15}$/;

/**
 * Reads one spec. What a field is follows from their number and their look, by minimega's table [facts 5.4]. `drivers` are the NIC
 * drivers of the QEMU that will run it; null when they are not known: then e1000 and whatever begins with `virtio-net` is one.
 *
 * Where minimega differs: a second field that looks like a misspelt driver is an error here, since minimega takes `alpha,e100` for bridge
 * `alpha` with VLAN `e100`; so is one with a colon that is not a MAC address.
 */
export function parseNetSpec(text: string, drivers: readonly string[] | null): Result<NetSpec> {
  const issue = findTextIssue(text);
  if (issue !== null) return bad(issue);
  const fields = text.split(',');
  if (fields.length > 5) return bad('malformed netspec');
  const isDriver = (field: string) =>
    drivers ? drivers.includes(field) : field === defaultDriver || field.startsWith('virtio-net');
  const rest = [...fields];

  let qinq = false;
  if (rest.length > 1 && rest.at(-1)?.toLowerCase() === 'qinq') {
    qinq = true;
    rest.pop();
  }
  const driver = rest.length > 1 && isDriver(rest.at(-1) ?? '') ? rest.pop() : undefined;
  let mac = '';
  if (rest.length > 1) {
    const parsed = parseMac(rest.at(-1) ?? '');
    if (parsed.ok) {
      mac = parsed.value;
      rest.pop();
    } else if (rest.at(-1)?.includes(':')) return parsed;
  }
  const [first = '', second, third] = rest;
  if (third !== undefined) {
    // bridge,vlan and one field too many: what it was meant as decides the message.
    const odd = rest.at(-1) ?? '';
    return rest.length === 3 && odd !== '' ? bad(describeDriver(odd, text, drivers)) : bad('malformed netspec');
  }
  if (
    second !== undefined &&
    driver === undefined &&
    looksLikeDriver(second, drivers ?? [defaultDriver, 'virtio-net-pci'])
  ) {
    return bad(describeDriver(second, text, drivers));
  }
  const bridge = second === undefined ? defaultBridge : first;
  const vlan = second ?? first;
  if (vlan === '') return bad('VLAN must be non-empty string');
  if (/\s/.test(vlan)) return bad(`a space in the VLAN \`${clip(vlan)}\`: names of VLANs have none`);
  if (!bridgeName.test(bridge)) {
    return bad(
      `\`${clip(bridge)}\` is not the name of a bridge: at most 15 letters, digits, hyphens, dots and underscores`,
    );
  }
  return good({ vlan, bridge, mac, driver: driver ?? defaultDriver, qinq });
}

/** Text of one spec, without the default bridge and the default driver, as minimega prints it [facts 5.4, obs]. */
export function describeNetSpec(spec: NetSpec): string {
  const parts = [
    spec.bridge === defaultBridge ? '' : spec.bridge,
    spec.vlan,
    spec.mac,
    spec.driver === defaultDriver ? '' : spec.driver,
    spec.qinq ? 'qinq' : '',
  ];
  return parts.filter((part) => part !== '').join(',');
}

/**
 * A unicast MAC address of six bytes, in lower case with colons. Also reads `00-11-22-33-44-55` and `0011.2233.4455`, as Go's
 * net.ParseMAC does. An address with the group bit (IEEE 802) and the zero address belong to no NIC.
 */
export function parseMac(text: string): Result<string> {
  const form = /^(?:[0-9a-f]{2}(?::[0-9a-f]{2}){5}|[0-9a-f]{2}(?:-[0-9a-f]{2}){5}|[0-9a-f]{4}(?:\.[0-9a-f]{4}){2})$/i;
  if (!form.test(text))
    return bad(`\`${clip(text)}\` is not a MAC address: write six bytes, such as 02:00:00:00:00:01`);
  const digits = text.replace(/[^0-9a-f]/gi, '').toLowerCase();
  const mac = (digits.match(/../g) ?? []).join(':');
  if (Number.parseInt(digits.slice(0, 2), 16) % 2 === 1) {
    return bad(`${mac} is a multicast address: the first byte of a NIC's address is even`);
  }
  if (/^0+$/.test(digits)) return bad(`${mac} is the address of no NIC`);
  return good(mac);
}

/**
 * A MAC address that nobody has: locally administered (IEEE 802: second bit of the first byte), 40 random bits. minimega takes the prefix of
 * some vendor instead. `randomByte` gives 0 to 255.
 * @throws Error when 100 addresses in a row were taken: then `randomByte` is not random
 */
export function generateMac(randomByte: () => number, isTaken: (mac: string) => boolean): string {
  for (let tries = 0; tries < 100; tries += 1) {
    const bytes = Array.from({ length: 5 }, () => (randomByte() & 0xff).toString(16).padStart(2, '0'));
    const mac = `02:${bytes.join(':')}`;
    if (!isTaken(mac)) return mac;
  }
  throw new Error('100 random MAC addresses are all taken');
}

/** The MAC address that two of these specs name, or null. */
export function findSharedMac(specs: readonly NetSpec[]): string | null {
  const seen = new Set<string>();
  for (const { mac } of specs) {
    if (mac !== '' && seen.has(mac)) return mac;
    seen.add(mac);
  }
  return null;
}

function describeDriver(field: string, spec: string, drivers: readonly string[] | null): string {
  const known = drivers ? `; drivers: ${drivers.join(', ')}` : '';
  const asVlan =
    spec.split(',').length === 2 ? `; if it is a VLAN, name the driver too: \`${clip(`${spec},e1000`)}\`` : '';
  return `unknown driver \`${clip(field)}\` in netspec \`${clip(spec)}\`${asVlan}${known}`;
}

/** True for a near miss of a driver: at most two letters wrong, or of the family of one (virtio-…, e1000…). */
function looksLikeDriver(field: string, drivers: readonly string[]): boolean {
  const name = field.toLowerCase();
  // Longer than any driver: no near miss, and the distance stays cheap.
  if (name.length < 4 || name.length > 40) return false;
  return drivers.some((driver) => {
    const family = driver.split(/[-_]/)[0] ?? driver;
    if (family !== driver && family.length > 3 && name.startsWith(`${family}-`)) return true;
    return driver.length > 4 && Math.abs(driver.length - name.length) <= 2 && editDistance(driver, name) <= 2;
  });
}

/** Levenshtein's distance, with one row of memory. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
