// The runbook on real nodes, as a person uses it: its lines pasted into a root shell at the node's own console, as they are
// printed. One node has a lease, the other fixed addresses; both go through it side by side.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeError } from '../contract/errors.ts';
import { persistBridge } from '../core/plans/bridge/persist/persist.ts';
import { bridgeName, shellIn } from './bridge.ts';
import { cyclePower, expectBridged, observeBridge, readEtc } from './bridge-owners.ts';
import { expectAddresses, writeCase } from './bridge-stanzas.ts';
import { openLab } from './lab.ts';
import { Meshdeck } from './meshdeck.ts';

const lab = openLab({ name: 'runbook' });
/** By node, beside its own address. */
const fixed: Record<string, string[]> = { node1: [], node2: [] };
let deck: Meshdeck;

beforeAll(async () => {
  await lab.down();
  const results = await lab.up({ nodes: 2, router: true });
  expect(results.filter(({ error }) => error !== null)).toEqual([]);
  const second = `${(await lab.address('node2')).replace(/\d+$/, '212')}/24`;
  fixed.node2 = [second, 'fd00::5/64'];
  await writeCase(lab, 'node2', {
    name: 'two addresses in one subnet, a further route, and IPv6',
    files: {
      '/etc/network/interfaces': `auto lo
iface lo inet loopback
auto eth0
iface eth0 inet static
\taddress A/24
\tgateway G
\tup ip route add 10.99.0.0/16 dev eth0
iface eth0 inet static
        address ${second}
iface eth0 inet6 static
\taddress fd00::5/64
`,
    },
    fixed: fixed.node2,
    untouched: [],
  });
  deck = await Meshdeck.create();
  await deck.addNodes(lab, ['node1', 'node2']);
});
afterAll(async () => {
  await deck.remove();
  await lab.down();
});

/** What the runbook may change. A lease's lifetime comes back with its next renewal. */
async function observe(node: string): Promise<string> {
  const network = `ip -o address | sed 's/ dynamic / /; s/valid_lft.*//'; ip route; ip -6 route
    ovs-vsctl list-br; nft list ruleset; cat /etc/resolv.conf; pgrep -xc dhclient`;
  await expect.poll(() => shellIn(lab, node, 'ip -o address')).not.toContain('tentative');
  return `${await readEtc(lab, node)}\n${await shellIn(lab, node, network)}`;
}

/** As a terminal sends it to bash, which completes words at a tab. @returns the lines that failed, with what they printed */
async function paste(node: string, lines: string): Promise<string[]> {
  const prompt = "PROMPT_COMMAND=printf '\\n[ended with %s]\\n' $?";
  const { stdout } = await lab.exec(
    node,
    ['env', 'TERM=linux', 'HOME=/root', prompt, 'script', '-qec', 'bash --norc -i', '/dev/null'],
    { stdin: `${lines}\nexit\n`, timeoutMs: 120_000 },
  );
  const ends = stdout.split(/\[ended with (\d+)\]/).slice(1);
  return ends.flatMap((code, at) => (at % 2 === 0 && code !== '0' ? [`${ends[at - 1] ?? ''} ended with ${code}`] : []));
}

function partsOf(runbook: string, node: string): { change: string; rollback: string } {
  const part = runbook.split(/^# ---- /m).find((each) => each.startsWith(node)) ?? '';
  const [change = '', rollback = ''] = part.replace(/^.*\n/, '').split('# the rollback:\n');
  return { change, rollback: rollback.replaceAll(/^# {3}/gm, '') };
}

async function expectRight(node: string): Promise<void> {
  await expectAddresses(lab, node, bridgeName, fixed[node] ?? []);
  await expectBridged(lab, node);
  await expect.poll(() => shellIn(lab, node, 'getent hosts switch')).toContain('switch');
  // Nothing is left to write: its files are what a plan makes of them, tab by tab.
  const facts = await observeBridge(lab, node);
  const uplink = facts.nics.find(({ name }) => name === 'eth0');
  if (!uplink) throw new Error(`${node} has no eth0`);
  const plan = { kind: 'ensure', bridge: bridgeName, uplink, method: 'ifupdown', datapath: 'netdev' } as const;
  expect(persistBridge(facts, plan).files).toEqual([]);
}

async function goThrough(node: string, { change, rollback }: ReturnType<typeof partsOf>): Promise<void> {
  const before = await observe(node);
  expect(await paste(node, change)).toEqual([]);
  await expectRight(node);
  expect(await paste(node, rollback)).toEqual([]);
  await expect.poll(() => observe(node)).toBe(before);
  // A second time without harm: what it saved are the files as they were.
  expect(await paste(node, change)).toEqual([]);
  await cyclePower(lab, node);
  await expectRight(node);
  expect(await paste(node, rollback)).toEqual([]);
  await expect.poll(() => observe(node)).toBe(before);
}

test('pasted as printed it makes the bridge, which survives a power cut, and its rollback restores all', async () => {
  const { stdout } = await deck.run(['bridge', 'node[1-2]', '--runbook']);
  const ends = await Promise.allSettled(['node1', 'node2'].map((node) => goThrough(node, partsOf(stdout, node))));
  expect(ends.flatMap((end) => (end.status === 'rejected' ? [describeError(end.reason)] : []))).toEqual([]);
});
