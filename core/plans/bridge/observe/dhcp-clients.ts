// DHCP clients that run beside the owners: which run, for which NIC, and what to do about those whose lease cannot be handed
// over to the bridge. A dhcpcd that runs for all interfaces takes the bridge and every NIC that nobody denies it.
import type { BridgeFacts, DhcpcdForAll, NicFacts } from './facts.ts';
import type { Observed } from './observed.ts';

interface Client {
  readonly program: 'dhclient' | 'dhcpcd' | 'udhcpc';
  readonly words: readonly string[];
  /** A process that dhcpcd starts for itself; it may name a NIC too. */
  readonly isHelper: boolean;
}

function readClients(observed: Observed): Client[] {
  return observed.texts('client').map(({ text }) => {
    const [first = '', ...words] = text.trim().split(/\s+/);
    const name = first.split('/').at(-1) ?? '';
    const program = name === 'dhclient' || name === 'udhcpc' ? name : 'dhcpcd';
    // dhcpcd 7 and newer write their titles: `dhcpcd: [manager] [ip4] [ip6]` ([master] before 10), `dhcpcd: eth0 [ip4]`, and
    // `dhcpcd: [BPF ARP] eth0 10.0.0.5`, `dhcpcd: [privileged proxy]` for helpers.
    const isHelper = name === 'dhcpcd:' && /^\[/.test(words[0] ?? '') && !isManagerTitle(words[0]);
    return { program, words, isHelper };
  });
}

function isManagerTitle(word: string | undefined): boolean {
  return word === '[manager]' || word === '[master]';
}

/** Clients that run for this NIC. */
export function clientsOf(observed: Observed, nic: string): Client['program'][] {
  return readClients(observed)
    .filter(({ words, isHelper }) => !isHelper && words.includes(nic))
    .map(({ program }) => program);
}

/** The dhcpcd that was started without a NIC; null without one. `nics`: all that there are. */
export function readDhcpcdForAll(observed: Observed, nics: readonly string[]): DhcpcdForAll | null {
  const isThere = readClients(observed).some(
    ({ program, words, isHelper }) =>
      program === 'dhcpcd' && !isHelper && (isManagerTitle(words[0]) || !words.some((word) => nics.includes(word))),
  );
  if (!isThere) return null;
  const patterns = (option: string) =>
    observed
      .text('dhcpcd_conf')
      .split('\n')
      .map((line) => line.trim().split(/[\s,]+/))
      .filter(([name]) => name === option)
      .flatMap(([, ...words]) => words);
  return { allow: patterns('allowinterfaces'), deny: patterns('denyinterfaces') };
}

/** Whether it takes an interface of this name. */
export function isTaken({ allow, deny }: DhcpcdForAll, name: string): boolean {
  const isIn = (patterns: readonly string[]) => patterns.some((pattern) => matches(pattern, name));
  return (allow.length === 0 || isIn(allow)) && !isIn(deny);
}

/** fnmatch(3), without its brackets. */
function matches(pattern: string, name: string): boolean {
  const text = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${text}$`).test(name);
}

/** Why a client's lease cannot become the bridge's, and what to do; null when nothing stands in the way. */
export function findForeignClient(
  facts: BridgeFacts,
  uplink: NicFacts,
  bridge: string,
): { readonly text: string; readonly mend: string } | null {
  const { name } = uplink;
  const all = facts.dhcpcdForAll;
  const taken = all === null ? [] : [name, bridge].filter((each) => isTaken(all, each));
  const deny = `add "denyinterfaces ${name} ${bridge}" to /etc/dhcpcd.conf`;
  // Of ifupdown's clients, dhclient is the one whose lease is handed over. It takes it before all others where it is installed.
  const byIfupdown =
    `give ${name} to ifupdown (auto ${name} and iface ${name} inet dhcp, or static, in /etc/network/interfaces; ` +
    'apt-get install isc-dhcp-client)';
  const reboot = 'and reboot it with its own console at hand; then run this again';
  if (taken.length > 0) {
    const text = `dhcpcd runs there for all interfaces, ${taken.join(' and ')} too: ${name} and ${bridge} could both get an address`;
    // Let go of by dhcpcd, a NIC loses the address that dhcpcd gave it.
    return uplink.owner === 'none'
      ? { text: `${text}, and nothing else configures ${name}`, mend: `${byIfupdown}, ${deny}, ${reboot}` }
      : { text, mend: `${deny}, ${reboot}` };
  }
  if (uplink.dhcp !== 'dhcpcd' && uplink.dhcp !== 'udhcpc') return null;
  const text = `${uplink.dhcp} holds the lease of ${name}, and cannot hand it over to ${bridge}`;
  if (uplink.owner === 'ifupdown')
    return { text, mend: 'apt-get install isc-dhcp-client, restart networking, then run this again' };
  return {
    text: `${text}; no program that we know started it`,
    mend: `look what did (systemctl status $(pgrep -x ${uplink.dhcp})) and disable that, ${byIfupdown}, ${reboot}`,
  };
}
