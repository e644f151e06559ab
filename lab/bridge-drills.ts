// What may go wrong while a node's NIC moves into the bridge, each as a drill on real nodes. Whatever happens, the node ends
// reachable at its old address without hands, or with its bridge kept. Which of them `npm test` runs is said by `isQuick`.
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { NodeTransaction } from '../host/bridge/node-transaction.ts';
import { placeTransaction } from '../host/bridge/node-transaction.ts';
import { startChild, type Child } from '../host/child.ts';
import { type FileChange, rescueCommand } from '../core/plans/bridge/plan/transaction.ts';
import { installTree, startMeshd } from './cluster.ts';
import {
  bridgeName,
  describeLabTransaction,
  patientTimes,
  removeBridge,
  shellIn,
  waitForState,
  type TransactionOverrides,
} from './bridge.ts';
import type { Lab } from './lab.ts';
import { nodePassword } from './node.ts';

export interface Drill {
  readonly name: string;
  readonly isQuick?: true;
  /** How it has to end; the caller checks that, and that the node is reachable. */
  readonly end: 'rolled-back' | 'committed';
  /** What it kept was the removal. */
  readonly isTakenAway?: true;
  readonly run: (stage: Stage) => Promise<Trial>;
  /** Takes away what the drill set up beside the transaction. */
  readonly mend?: (stage: Stage) => Promise<unknown>;
}

/** A transaction of a drill. */
export interface Trial {
  readonly tx: NodeTransaction;
  readonly nonce: string;
}

export interface Stage {
  readonly lab: Lab;
  readonly node: string;
  readonly address: string;
  /** Runs a shell line in the node, without its network. */
  readonly sh: (line: string) => Promise<string>;
  readonly place: (overrides?: TransactionOverrides) => Promise<Trial>;
  /** Placed, begun, and the inside checks passed. */
  readonly tryOut: (overrides?: TransactionOverrides) => Promise<Trial>;
}

export async function openStage(lab: Lab, node: string): Promise<Stage> {
  const stage: Stage = {
    lab,
    node,
    address: await lab.address(node),
    sh: (line) => shellIn(lab, node, line),
    async place(overrides) {
      const { transaction, nonce } = await describeLabTransaction(lab, node, overrides);
      return { tx: await placeTransaction(lab.runner(node), transaction), nonce };
    },
    async tryOut(overrides) {
      const trial = await stage.place(overrides);
      await trial.tx.begin();
      await waitForState(trial.tx, 'inside-ok');
      return trial;
    },
  };
  return stage;
}

const folderOf = ({ tx }: Trial) => `/var/lib/meshd/bridge/${tx.id}`;

/** Runs a line on the node over SSH, in a process of this machine that can be killed. */
async function startSsh(stage: Stage, line: string): Promise<Child> {
  const known = join(tmpdir(), `meshdeck-drill-${stage.lab.name}`);
  const [type, key] = (await stage.sh('cat /etc/ssh/ssh_host_ed25519_key.pub')).split(' ');
  await writeFile(known, `${stage.address} ${type} ${key}\n`);
  const argv = ['sshpass', '-e', 'ssh', '-o', `UserKnownHostsFile=${known}`, `root@${stage.address}`, line];
  return startChild(argv, { diesWithParent: true, env: { SSHPASS: nodePassword } });
}

async function cutPower(stage: Stage): Promise<void> {
  await stage.lab.fault.power(stage.node, 'off');
  await stage.lab.fault.power(stage.node, 'on');
  await stage.lab.ready(stage.node);
}

async function keep({ tx, nonce }: Trial): Promise<void> {
  await tx.reportSeen(nonce, 'console');
  await tx.keep(nonce);
}

/** Files that take the commit a second or two, so that something can happen in the middle of it. */
const manyFiles: FileChange[] = Array.from({ length: 60 }, (_, at) => ({
  path: `/etc/meshdeck-drill-${at}`,
  content: `${at}\n`.repeat(1_000),
  mode: '644',
  oldSha256: null,
}));

/** Begins to keep it, and returns once the node says that it is at it. */
async function beginCommit({ tx, nonce }: Trial): Promise<void> {
  await tx.reportSeen(nonce, 'console');
  void tx.keep(nonce).catch(() => undefined);
  await waitForState(tx, ['committing', 'committed']);
}

const powerCuts: Drill[] = [
  {
    name: 'power cut while it is planned',
    end: 'rolled-back',
    async run(stage) {
      const trial = await stage.place();
      void trial.tx.begin().catch(() => undefined);
      await waitForState(trial.tx, 'planned');
      await cutPower(stage);
      // Nothing may be armed yet; the next transaction finds what is left over and takes the node.
      const next = await stage.tryOut();
      await next.tx.undo();
      return next;
    },
  },
  {
    name: 'power cut while it is planned, and the command that the error names then',
    end: 'rolled-back',
    async run(stage) {
      const trial = await stage.place();
      void trial.tx.begin().catch(() => undefined);
      await waitForState(trial.tx, 'planned');
      await cutPower(stage);
      await stage.sh(rescueCommand);
      return trial;
    },
  },
  ...(['armed', 'applied', 'inside-ok'] as const).map((state): Drill => ({
    name: `power cut in state ${state}`,
    end: 'rolled-back',
    ...(state === 'applied' ? { isQuick: true } : {}),
    async run(stage) {
      const trial = await stage.place();
      await trial.tx.begin();
      await waitForState(
        trial.tx,
        state === 'armed' ? ['armed', 'applied'] : state === 'applied' ? ['applied', 'inside-ok'] : state,
      );
      await cutPower(stage);
      return trial;
    },
  })),
  {
    name: 'power cut in state outside-ok',
    end: 'rolled-back',
    async run(stage) {
      const trial = await stage.tryOut();
      await trial.tx.reportSeen(trial.nonce, 'console');
      await cutPower(stage);
      return trial;
    },
  },
  {
    name: 'power cut in the middle of the commit',
    end: 'rolled-back',
    async run(stage) {
      const trial = await stage.tryOut({ extraFiles: manyFiles, times: patientTimes });
      await beginCommit(trial);
      await sleep(300);
      await cutPower(stage);
      return trial;
    },
  },
  {
    name: 'power cut once it is committed',
    end: 'committed',
    async run(stage) {
      const trial = await stage.tryOut({ times: patientTimes });
      await keep(trial);
      await cutPower(stage);
      return trial;
    },
  },
  {
    name: 'power cut while it rolls back',
    end: 'rolled-back',
    async run(stage) {
      const trial = await stage.tryOut();
      void trial.tx.undo().catch(() => undefined);
      await waitForState(trial.tx, ['rolling-back', 'rolled-back']);
      await cutPower(stage);
      return trial;
    },
  },
];

export const drills: readonly Drill[] = [
  {
    name: 'ssh dropped in the middle of the change',
    isQuick: true,
    end: 'committed',
    async run(stage) {
      const trial = await stage.place({ times: patientTimes });
      const ssh = await startSsh(stage, `/bin/sh ${folderOf(trial)}/tx begin`);
      await waitForState(trial.tx, ['planned', 'armed', 'applied']);
      ssh.kill('SIGKILL');
      await waitForState(trial.tx, 'inside-ok');
      await keep(trial);
      return trial;
    },
  },
  {
    name: 'the service that watches is killed after it armed',
    end: 'rolled-back',
    async run(stage) {
      const trial = await stage.tryOut();
      await stage.sh('systemctl kill --signal=KILL meshdeck-bridge.service');
      return trial;
    },
  },
  {
    name: 'meshd killed after it armed',
    end: 'rolled-back',
    async run(stage) {
      await startMeshdOf(stage);
      const trial = await stage.tryOut();
      await stage.lab.fault.signal(stage.node, 'meshd', 'SIGKILL');
      return trial;
    },
    mend: forgetMeshd,
  },
  {
    name: 'vswitchd stopped before it begins',
    end: 'rolled-back',
    async run(stage) {
      await stage.sh('systemctl stop ovs-vswitchd');
      const trial = await stage.place();
      await trial.tx.begin().catch(() => undefined);
      return trial;
    },
    mend: (stage) => stage.sh('systemctl start openvswitch-switch'),
  },
  {
    name: 'vswitchd hangs before it begins: a time-out, and the bridge in the database all the same',
    end: 'rolled-back',
    async run(stage) {
      await stage.lab.fault.signal(stage.node, 'ovs-vswitchd', 'SIGSTOP');
      const trial = await stage.place({ times: { ovsApply: 3 } });
      await trial.tx.begin().catch(() => undefined);
      return trial;
    },
    mend: (stage) => stage.lab.fault.signal(stage.node, 'ovs-vswitchd', 'SIGCONT'),
  },
  {
    name: 'vswitchd stopped after the change',
    isQuick: true,
    end: 'rolled-back',
    async run(stage) {
      const trial = await stage.tryOut();
      await stage.sh('systemctl stop ovs-vswitchd');
      return trial;
    },
    mend: (stage) => stage.sh('systemctl start openvswitch-switch'),
  },
  {
    name: 'ovsdb-server restarted in the trial',
    end: 'rolled-back',
    async run(stage) {
      const trial = await stage.tryOut();
      await stage.sh('systemctl restart ovsdb-server');
      return trial;
    },
    mend: (stage) => stage.sh('systemctl start openvswitch-switch'),
  },
  {
    name: 'all of Open vSwitch stopped in the trial',
    end: 'rolled-back',
    async run(stage) {
      const trial = await stage.tryOut();
      await stage.sh('systemctl stop ovs-vswitchd ovsdb-server');
      return trial;
    },
    mend: (stage) => stage.sh('systemctl start openvswitch-switch'),
  },
  ...powerCuts,
  {
    name: 'a commit that hangs when the window ends',
    end: 'rolled-back',
    async run(stage) {
      const trial = await stage.tryOut({ extraFiles: manyFiles });
      await beginCommit(trial);
      await stage.sh('systemctl kill --signal=STOP meshdeck-bridge-keep.service');
      return trial;
    },
  },
  {
    name: 'DHCP silent from the change on',
    isQuick: true,
    end: 'committed',
    async run(stage) {
      const trial = await stage.tryOut({ times: { ...patientTimes, dhcp: 8 } });
      await stage.lab.fault.dhcp('off');
      await keep(trial);
      await waitForDhcp(trial, 'silent');
      return trial;
    },
    mend: (stage) => stage.lab.fault.dhcp('on'),
  },
  {
    name: 'DHCP offers another address',
    end: 'committed',
    async run(stage) {
      const trial = await stage.tryOut({ times: patientTimes });
      await stage.lab.fault.dhcp('other-range');
      await keep(trial);
      await waitForDhcp(trial, /^other:/);
      return trial;
    },
    mend: (stage) => stage.lab.fault.dhcp('on'),
  },
  {
    name: 'the gateway falls silent, peers see the node',
    end: 'committed',
    async run(stage) {
      const trial = await stage.tryOut({ times: patientTimes });
      await stage.lab.fault.gateway('silent');
      await sleep(4_000);
      await keep(trial);
      return trial;
    },
    mend: (stage) => stage.lab.fault.gateway('on'),
  },
  {
    name: 'the gateway does not answer after the change',
    end: 'rolled-back',
    async run(stage) {
      const trial = await stage.place();
      await trial.tx.begin();
      await stage.lab.fault.gateway('silent');
      return trial;
    },
    mend: (stage) => stage.lab.fault.gateway('on'),
  },
  {
    name: 'the switch port listens for 30 s (spanning tree), longer than the window',
    end: 'rolled-back',
    async run(stage) {
      const trial = await stage.place({ times: { inside: 6, window: 15 } });
      await trial.tx.begin();
      await stage.lab.fault.dropVlans(stage.node, [0]);
      await sleep(30_000);
      await stage.lab.fault.dropVlans(stage.node, []);
      return trial;
    },
  },
  {
    name: 'the switch port listens for 30 s (spanning tree), and the times are set for that',
    end: 'committed',
    async run(stage) {
      const trial = await stage.place({ times: patientTimes });
      await trial.tx.begin();
      await stage.lab.fault.dropVlans(stage.node, [0]);
      await sleep(30_000);
      await stage.lab.fault.dropVlans(stage.node, []);
      await waitForState(trial.tx, 'inside-ok');
      await keep(trial);
      return trial;
    },
  },
  {
    // As every installation of a package with a service does.
    name: 'systemd reads its units again in the trial',
    isQuick: true,
    end: 'rolled-back',
    async run(stage) {
      const trial = await stage.tryOut({ times: { window: 40 } });
      await expect.poll(async () => (await trial.tx.readStatus()).leftMs ?? 0, { interval: 500 }).toBeLessThan(10_000);
      await stage.sh('systemctl daemon-reload');
      const { leftMs, state } = await trial.tx.readStatus();
      if (state !== 'inside-ok') throw new Error(`too late for a reload in the trial: ${state}`);
      // PID 1's timer begins its 40 s again; the deadline that people saw comes long before.
      const { reason } = await waitForState(trial.tx, 'rolled-back', (leftMs ?? 0) + 25_000);
      if (!reason.startsWith('nobody kept the change')) throw new Error(`it went back, but: ${reason}`);
      return trial;
    },
  },
  {
    name: 'the watching service is killed, and systemd reads its units again',
    end: 'rolled-back',
    async run(stage) {
      const trial = await stage.tryOut();
      await stage.sh('systemctl kill --signal=KILL meshdeck-bridge.service; systemctl daemon-reload');
      return trial;
    },
  },
  {
    // Open vSwitch's tools are gone until the next start: nothing that the rollback tries can heal it.
    name: 'the rollback fails, and the machine restarts as the plan asks',
    end: 'rolled-back',
    async run(stage) {
      const trial = await stage.tryOut({ times: { reboot: 5 } });
      const boot = await stage.sh('cat /proc/sys/kernel/random/boot_id');
      await stage.sh('mount --bind /bin/false /usr/bin/ovs-vsctl');
      const failed = await waitForState(trial.tx, 'rollback-failed', 150_000);
      if (!failed.reason.includes('restarts in 5 s')) throw new Error(`it does not say so: ${failed.reason}`);
      await waitForState(trial.tx, 'rolled-back', 120_000);
      await stage.lab.ready(stage.node);
      if ((await stage.sh('cat /proc/sys/kernel/random/boot_id')) === boot) throw new Error('it was not restarted');
      return trial;
    },
  },
  {
    name: 'networking restarted by hand in the trial',
    end: 'rolled-back',
    async run(stage) {
      const trial = await stage.tryOut();
      await stage.sh('systemctl restart networking');
      return trial;
    },
  },
  {
    name: 'the disk of the state is full',
    isQuick: true,
    end: 'rolled-back',
    async run(stage) {
      await stage.sh('mount -t tmpfs -o size=1m tmpfs /var/lib/meshd');
      const trial = await stage.tryOut();
      await stage.sh('cat /dev/zero >/var/lib/meshd/full');
      // Too late to be kept, too: the state cannot be written.
      await keep(trial).catch(() => undefined);
      return trial;
    },
    mend: (stage) => stage.sh('umount /var/lib/meshd; rm -rf /run/meshdeck/bridge/t*'),
  },
  {
    name: 'no room in /run',
    isQuick: true,
    end: 'rolled-back',
    async run(stage) {
      await stage.sh('mkdir -p /run/meshdeck && mount -t tmpfs -o size=1m tmpfs /run/meshdeck');
      const trial = await stage.tryOut();
      await stage.sh('cat /dev/zero >/run/meshdeck/full');
      return trial;
    },
    mend: (stage) => stage.sh('rm -f /run/meshdeck/full; umount --lazy /run/meshdeck'),
  },
  {
    name: 'the disk of /etc is full at the commit',
    end: 'rolled-back',
    async run(stage) {
      await stage.sh(
        'mkdir -p /run/full && mount -t tmpfs -o size=256k tmpfs /run/full && cp -a /etc/network/. /run/full && mount --bind /run/full /etc/network',
      );
      const trial = await stage.tryOut({ times: patientTimes });
      await stage.sh('cat /dev/zero >/etc/network/full');
      await keep(trial).catch(() => undefined);
      return trial;
    },
    mend: (stage) => stage.sh('umount /etc/network /run/full && rmdir /run/full'),
  },
  {
    name: 'names do not resolve',
    end: 'committed',
    async run(stage) {
      await stage.sh('cp /etc/resolv.conf /run/resolv.kept && echo nameserver 192.0.2.1 >/etc/resolv.conf');
      const trial = await stage.tryOut({ times: patientTimes });
      await keep(trial);
      return trial;
    },
    mend: (stage) => stage.sh('cat /run/resolv.kept >/etc/resolv.conf'),
  },
  {
    name: 'two default routes, a rule and a separate table',
    end: 'rolled-back',
    async run(stage) {
      const gateway = stage.address.replace(/\d+$/, '2');
      await stage.sh(`ip route add default via ${gateway} dev eth0 metric 500
        ip route add 192.0.2.0/24 via ${gateway} dev eth0 table 100 src ${stage.address} mtu 1400
        ip rule add pref 1000 iif eth0 lookup 100`);
      const trial = await stage.tryOut();
      const seen = await stage.sh('ip route show table all; ip rule');
      for (const wanted of [
        `default via ${gateway} dev ${bridgeName} metric 500`,
        `192.0.2.0/24 via ${gateway} dev ${bridgeName} table 100 src ${stage.address} mtu 1400`,
        `from all iif ${bridgeName} lookup 100`,
      ]) {
        if (!seen.includes(wanted)) throw new Error(`not carried: ${wanted}\n${seen}`);
      }
      return trial;
    },
    mend: async (stage) => {
      const seen = await stage.sh('ip route show table all; ip rule');
      await stage.sh('ip route flush table 100; ip route del default metric 500; ip rule del pref 1000');
      for (const wanted of ['dev eth0 metric 500', 'dev eth0 table 100', 'iif eth0 lookup 100']) {
        if (!seen.includes(wanted)) throw new Error(`not back: ${wanted}\n${seen}`);
      }
    },
  },
  {
    name: 'IPv6 only',
    end: 'rolled-back',
    async run(stage) {
      const subnet = stage.address.split('.')[2] ?? '';
      await stage.sh(`ip -6 address add fd4d:44:${subnet}::11/64 dev eth0 nodad`);
      const client = await stage.sh('cat /run/dhclient.eth0.pid');
      await stage.sh(`kill -STOP ${client}; ip -4 address flush dev eth0`);
      const trial = await stage.tryOut({
        dhcp: 'none',
        addresses: [`fd4d:44:${subnet}::11/64`],
        checks: ['carrier', 'addresses', 'ovs'],
      });
      const there = await stage.sh(`ip -o -6 address show dev ${bridgeName}`);
      if (!there.includes(`fd4d:44:${subnet}::11/64`) || there.includes('tentative'))
        throw new Error(`not carried: ${there}`);
      await waitForState(trial.tx, 'rolled-back');
      const back = await stage.sh('ip -o -6 address show dev eth0');
      if (!back.includes(`fd4d:44:${subnet}::11/64`)) throw new Error(`not back: ${back}`);
      await stage.sh(
        `ip -6 address del fd4d:44:${subnet}::11/64 dev eth0; kill -CONT ${client}; ifdown --force eth0; ifup eth0`,
      );
      return trial;
    },
  },
  {
    name: 'the rollback runs twice at once, and a third time',
    isQuick: true,
    end: 'rolled-back',
    async run(stage) {
      const trial = await stage.tryOut();
      const script = `/bin/sh ${folderOf(trial)}/rollback undo`;
      await Promise.all([stage.sh(script), stage.sh(script)]);
      await stage.sh(script);
      return trial;
    },
  },
  {
    name: 'the bridge is already gone when it rolls back',
    end: 'rolled-back',
    async run(stage) {
      const trial = await stage.tryOut();
      await stage.sh(`ovs-vsctl del-br ${bridgeName}`);
      return trial;
    },
  },
  {
    name: 'taps of VMs are on the bridge when it rolls back',
    end: 'rolled-back',
    async run(stage) {
      const trial = await stage.tryOut();
      await stage.sh(
        `ip tuntap add mode tap mega_tap0 && ip link set mega_tap0 up && ovs-vsctl add-port ${bridgeName} mega_tap0`,
      );
      await waitForState(trial.tx, 'rolled-back');
      const ports = await stage.sh(`ovs-vsctl list-ports ${bridgeName}`);
      if (ports !== 'mega_tap0') throw new Error(`ports after the rollback: ${ports}`);
      return trial;
    },
    mend: (stage) => stage.sh(`ovs-vsctl del-br ${bridgeName}; ip link del mega_tap0`),
  },
  {
    name: 'the snapshot on disk is damaged',
    end: 'rolled-back',
    async run(stage) {
      const trial = await stage.tryOut();
      await stage.sh(`echo damaged >${folderOf(trial)}/rollback; echo damaged >${folderOf(trial)}/snapshot/original-1`);
      return trial;
    },
  },
  {
    name: 'everything cut at once: meshd and its service killed, ssh dropped, the cable cut',
    isQuick: true,
    end: 'rolled-back',
    async run(stage) {
      await startMeshdOf(stage);
      const trial = await stage.place();
      const ssh = await startSsh(stage, `/bin/sh ${folderOf(trial)}/tx begin; sleep 60`);
      await waitForState(trial.tx, 'inside-ok');
      ssh.kill('SIGKILL');
      await Promise.all([
        stage.lab.fault.signal(stage.node, 'meshd', 'SIGKILL'),
        stage.sh('systemctl kill --signal=KILL meshdeck-bridge.service'),
        stage.lab.fault.link(stage.node, 'down'),
      ]);
      await waitForState(trial.tx, 'rolled-back');
      await stage.lab.fault.link(stage.node, 'up');
      return trial;
    },
    mend: async (stage) => {
      await stage.lab.fault.link(stage.node, 'up');
      await forgetMeshd(stage);
    },
  },
  {
    name: 'VMs are on the bridge when it is taken away: the NIC leaves it, and it stays with them',
    end: 'committed',
    async run(stage) {
      await keepBridge(stage);
      await stage.sh(
        `ip tuntap add mode tap mega_tap0 && ip link set mega_tap0 up && ovs-vsctl add-port ${bridgeName} mega_tap0`,
      );
      const trial = await stage.tryOut({ kind: 'remove', times: patientTimes });
      await keep(trial);
      await waitForDhcp(trial, 'same');
      const ports = await stage.sh(`ovs-vsctl list-ports ${bridgeName}`);
      if (ports !== 'mega_tap0') throw new Error(`ports after the removal: ${ports}`);
      return trial;
    },
    isTakenAway: true,
    mend: (stage) => stage.sh(`ovs-vsctl del-br ${bridgeName}; ip link del mega_tap0`),
  },
  {
    name: 'nobody keeps the removal',
    end: 'rolled-back',
    async run(stage) {
      await keepBridge(stage);
      return stage.tryOut({ kind: 'remove' });
    },
    mend: (stage) => removeBridge(stage.lab, stage.node),
  },
  {
    name: 'power cut in the removal',
    isQuick: true,
    end: 'rolled-back',
    async run(stage) {
      await keepBridge(stage);
      const trial = await stage.tryOut({ kind: 'remove' });
      await cutPower(stage);
      return trial;
    },
    mend: (stage) => removeBridge(stage.lab, stage.node),
  },
];

/** The node with its bridge, kept. */
async function keepBridge(stage: Stage): Promise<void> {
  const trial = await stage.tryOut({ times: patientTimes });
  await keep(trial);
  await waitForDhcp(trial, 'same');
}

async function startMeshdOf(stage: Stage): Promise<void> {
  await installTree(stage.lab, stage.node);
  await startMeshd(stage.lab, stage.node, ['-degree', '1', '-context', 'drill', '-nostdin']);
}

/** Its own files go too; those of the transactions stay. */
async function forgetMeshd({ lab, node, sh }: Stage): Promise<void> {
  await lab.fault.signal(node, 'meshd', 'SIGKILL').catch(() => undefined);
  await sh('rm -rf /opt/meshd /var/log/meshd.log');
}

async function waitForDhcp({ tx }: Trial, wanted: string | RegExp): Promise<void> {
  const endAt = performance.now() + 60_000;
  for (;;) {
    const { dhcp } = await tx.readStatus();
    if (typeof wanted === 'string' ? dhcp === wanted : wanted.test(dhcp)) return;
    if (performance.now() > endAt) throw new Error(`DHCP: ${dhcp}`);
    await sleep(500);
  }
}
