// Bridge transactions for a lab node made by hand, and how an outage looks from outside: for tests of the node's side, which
// has to hold whatever a planner asks of it.
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../contract/errors.ts';
import { defaultBridgeTimes } from '../core/plans/bridge/plan/times.ts';
import type { TransactionState } from '../core/plans/bridge/observe/facts.ts';
import type { BridgeTimes } from '../core/plans/bridge/plan/times.ts';
import type { BridgeTransaction, FileChange, TransactionStatus } from '../core/plans/bridge/plan/transaction.ts';
import { placeTransaction, type NodeTransaction } from '../host/bridge/node-transaction.ts';
import { startChild } from '../host/child.ts';
import { sha256Hex } from '../host/hash.ts';
import { CommandError } from '../host/runner.ts';
import type { Lab } from './lab.ts';

export const bridgeName = 'mega_bridge';
const interfacesFile = '/etc/network/interfaces';

/** With the nonce that keeps it. */
export interface LabTransaction {
  readonly transaction: BridgeTransaction;
  readonly nonce: string;
}

export type TransactionOverrides = Partial<Omit<BridgeTransaction, 'times'>> & {
  readonly times?: Partial<BridgeTimes>;
  /** Written beside the owner's files. */
  readonly extraFiles?: readonly FileChange[];
};

/** eth0 of a node into mega_bridge, or out of it, by ifupdown as the lab's image has it. */
export async function describeLabTransaction(
  lab: Lab,
  node: string,
  { extraFiles = [], ...overrides }: TransactionOverrides = {},
): Promise<LabTransaction> {
  const nonce = randomBytes(16).toString('hex');
  const kind = overrides.kind ?? 'ensure';
  const from = kind === 'ensure' ? 'eth0' : bridgeName;
  const plan = (await lab.nodes()).find((each) => each.name === node);
  if (plan === undefined) throw new Error(`no node ${node}`);
  const { stdout } = await lab.exec(node, ['ip', '-o', '-4', 'address', 'show', 'dev', from]);
  const addresses = [...stdout.matchAll(/ inet (\S+)/g)].map((match) => match[1] ?? '');
  const files = kind !== 'remove' ? [await interfacesChange(lab, node, plan.mac)] : [];
  return {
    nonce,
    transaction: {
      id: `t${randomBytes(4).toString('hex')}-1`,
      kind,
      holder: 'test',
      bridge: bridgeName,
      uplink: 'eth0',
      mac: plan.mac,
      mtu: 1500,
      datapath: 'netdev',
      owner: 'ifupdown',
      method: 'ifupdown',
      dhcp: 'dhclient',
      dhcpClientId: '',
      files: [...files, ...extraFiles],
      enable: [],
      disable: [],
      addresses,
      leave: [],
      checks: ['carrier', 'addresses', 'routes', 'ovs', 'gateway', 'dns'],
      nonceSha256: sha256Hex(nonce),
      isHeld: false,
      ...overrides,
      times: { ...defaultBridgeTimes, settle: 1, inside: 15, window: 30, cap: 60, ...overrides.times },
    },
  };
}

/** The guide's file with both stanzas, and the userspace datapath with the kernel shut out of eth0. */
async function interfacesChange(lab: Lab, node: string, mac: string): Promise<FileChange> {
  const old = (await lab.exec(node, ['cat', interfacesFile])).stdout;
  const shutOut =
    `nft 'add table netdev meshdeck_bridge; add chain netdev meshdeck_bridge uplink ` +
    `{ type filter hook ingress device "eth0" priority -500; policy drop; }'`;
  const content = `${old.replace(/^# The primary[\s\S]*/m, '')}
auto ${bridgeName}
allow-ovs ${bridgeName}
iface ${bridgeName} inet dhcp
	ovs_type OVSBridge
	ovs_ports eth0
	ovs_extra set bridge ${bridgeName} datapath_type=netdev other_config:hwaddr=${mac} fail_mode=standalone

allow-${bridgeName} eth0
iface eth0 inet manual
	ovs_type OVSPort
	ovs_bridge ${bridgeName}
	up ${shutOut}
	down nft delete table netdev meshdeck_bridge || true
`;
  return { path: interfacesFile, content, mode: '644', oldSha256: sha256Hex(old) };
}

/** Removes the bridge permanently. */
export async function removeBridge(lab: Lab, node: string): Promise<TransactionStatus> {
  const { transaction, nonce } = await describeLabTransaction(lab, node, { kind: 'remove', times: patientTimes });
  const tx = await placeTransaction(lab.runner(node), transaction);
  await tx.begin();
  await waitForState(tx, 'inside-ok');
  await tx.reportSeen(nonce, 'console');
  const kept = await tx.keep(nonce);
  for (let tries = 0; tries < 100 && (await tx.readStatus()).dhcp === ''; tries++) await sleep(250);
  return kept;
}

/** For a change that the test keeps: nobody waits for the window's end, and a busy node takes long to get to the keep. */
export const patientTimes = { inside: 60, window: 120, cap: 180 } as const;

/** Asks 4 times a second until it is in one of these states. @throws Error with the last status after `timeoutMs` */
export async function waitForState(
  tx: NodeTransaction,
  states: TransactionState | readonly TransactionState[],
  timeoutMs = 90_000,
): Promise<TransactionStatus> {
  const wanted: readonly string[] = typeof states === 'string' ? [states] : states;
  const endAt = performance.now() + timeoutMs;
  for (;;) {
    // The status is missing before the transaction begins, and while the node is off.
    const status = await tx.readStatus().catch(describeError);
    if (typeof status !== 'string' && wanted.includes(status.state)) return status;
    if (performance.now() > endAt) throw new Error(`not ${wanted.join(' or ')}: ${JSON.stringify(status)}`);
    await sleep(250);
  }
}

/** Until the images of a file's owners are built, on a machine that has none of them. */
export const imagesDeadlineMs = 3_600_000;

/** How a node looked from outside while its bridge was made or taken away. A figure to print: docs/bridge.md has the table. */
export interface Outage {
  readonly sent: number;
  readonly lost: number;
  /** Answers beside the first to the same request. */
  readonly duplicates: number;
  /** The longest run of requests without an answer, in ms. */
  readonly longestMs: number;
}

/** Pings an address 20 times a second until `stop`. */
export async function startPing(address: string): Promise<{ stop(): Promise<Outage> }> {
  const answered = new Set<number>();
  let duplicates = 0;
  let sent = 0;
  const child = await startChild(['ping', '-n', '-O', '-i', '0.05', address], {
    diesWithParent: true,
    onLine: (line) => {
      const sequence = Number(/icmp_seq=(\d+)/.exec(line)?.[1] ?? 0);
      sent = Math.max(sent, sequence);
      if (!/ bytes from /.test(line)) return;
      if (answered.has(sequence) || line.includes('DUP!')) duplicates += 1;
      answered.add(sequence);
    },
  });
  return {
    async stop() {
      child.kill('SIGINT');
      await child.ended;
      let lost = 0;
      let run = 0;
      let longest = 0;
      // The last one may still be on its way.
      for (let sequence = 1; sequence < sent; sequence++) {
        run = answered.has(sequence) ? 0 : run + 1;
        if (run > 0) lost += 1;
        longest = Math.max(longest, run);
      }
      return { sent, lost, duplicates, longestMs: longest * 50 };
    },
  };
}

/** True when a new TCP connection to the node's sshd gets its greeting. */
export function isReachable(address: string, timeoutMs = 3_000): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port: 22 });
    const done = (isThere: boolean) => {
      socket.destroy();
      resolve(isThere);
    };
    socket.setTimeout(timeoutMs, () => done(false));
    socket.on('error', () => done(false));
    socket.on('data', (data) => done(data.toString().startsWith('SSH-')));
  });
}

/** What a transaction may change on a node, as text: equal before and after means that nothing is left of it. */
export async function observeNetwork(lab: Lab, node: string): Promise<string> {
  const script = `
    cd /etc && find . -type f ! -path './openvswitch/*' ! -name resolv.conf -exec sha256sum {} + | sort -k 2
    find . -type l -printf '%p -> %l\\n' | sort
    ip -o address | sed 's/valid_lft.*//'
    ip route show table all; ip -6 route show table all; ip rule
    # Rows come in the order of their numbers, which a port that is made again does not keep.
    ovs-vsctl -f csv --no-headings --columns=name,ports,datapath_type,fail_mode,external_ids,other_config list bridge | sort
    ovs-vsctl -f csv --no-headings --columns=name,external_ids,other_config list port | sort
    nft list ruleset
    sort /run/network/ifstate
    systemctl list-units --all --plain --no-legend 'meshdeck-bridge*'`;
  return (await lab.exec(node, ['sh', '-c', script], patience)).stdout;
}

/** For what takes a node some dozens of programs: a busy machine may need a minute. */
export const patience = { timeoutMs: 120_000 };

/** Runs a shell line in a node. @returns its standard output, trimmed; what it printed before it failed */
export async function shellIn(lab: Lab, node: string, line: string): Promise<string> {
  try {
    return (await lab.exec(node, ['sh', '-c', line], patience)).stdout.trim();
  } catch (error) {
    if (error instanceof CommandError) return `${error.stdout}${error.stderr}`.trim();
    throw error;
  }
}
