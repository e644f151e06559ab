// From an event of QEMU on a node to the pixels of a cell in a browser:
//
//   QEMU on node1 -> QMP -> meshd on node1 -> mesh -> meshd on node2 -> console server -> browser: the VLAN map draws the cell
//
// One machine, one clock: QEMU's own stamp on its event, and the time in the page at the task after the animation frame that drew the
// change. The guest halts at once; a second monitor pauses it and lets it run on.
import { setTimeout as sleep } from 'node:timers/promises';
import { prepareHaltedVms } from '../../lab/halted-vms.ts';
import { openClient } from '../meshd-view.ts';
import { monitorPath, monitorWords, openMonitor } from '../qmp-monitor.ts';
import { median, type Report } from '../report.ts';
import { within } from '../rounds.ts';
import { ask, daemonSocket, node, other, withVmLab } from '../vm-lab.ts';
import { openPage, probe, type OpenPage } from './page.ts';
import { quantile } from './quantile.ts';
import { startConsole } from './running-console.ts';

const labName = 'pixel';
const vlan = 100;
const vm = 'watched';
const events = 100;
const waitMs = 60_000;
const goalMs = 250;

const steps = [
  { command: 'stop', event: 'STOP', word: 'paused' },
  { command: 'cont', event: 'RESUME', word: 'running' },
] as const;

export async function benchPixel(report: Report, { signal }: { readonly signal: AbortSignal }): Promise<void> {
  report.heading('From an event of QEMU to a cell of the VLAN map');
  if (process.getuid?.() !== 0) {
    report.missing('pixel', 'a lab needs root');
    return;
  }
  await withVmLab(labName, async (lab) => {
    const client = await openClient(await lab.livePath(node, daemonSocket));
    const console = await startConsole(await lab.livePath(other, daemonSocket));
    try {
      const lines = await prepareHaltedVms(lab, node, { vlan, append: monitorWords });
      for (const line of [...lines, `vm launch kvm ${vm}`, `vm start ${vm}`]) await ask(client, line);
      const open = await openPage(console.url, console.cookie, probe);
      const qemu = await openMonitor(await lab.livePath(node, monitorPath));
      try {
        await open.page.goto(`${console.url}/vlans`);
        await (
          await drawn(open, 'running')
        )();
        const delays: number[] = [];
        for (let index = 0; index < events; index += 1) {
          signal.throwIfAborted();
          const { command, event, word } = steps[index % steps.length] ?? steps[0];
          const seen = await drawn(open, word);
          const atMs = await qemu.cause(command, event);
          delays.push((await seen()) - atMs);
          // No two at the same phase of what is coalesced on the way.
          await sleep(150 + 97 * ((index * 0.618) % 1), undefined, { signal });
        }
        report.figure('pixel.p50', `until the frame with it is drawn, p50 of ${events}`, {
          unit: 'ms',
          samples: [median(delays)],
        });
        report.figure('pixel.p95', 'the same, p95', {
          unit: 'ms',
          samples: [quantile(delays, 0.95)],
          goal: { at: 'most', value: goalMs },
        });
        report.figure('pixel.most', 'the same, most', { unit: 'ms', samples: [quantile(delays, 1)] });
      } finally {
        qemu.close();
        await open.close();
      }
    } finally {
      client.close();
      await console.stop();
    }
  });
}

/** Looks out for the VM's cell in this state. What it returns gives when that was drawn, ms since 1970. */
async function drawn({ page }: OpenPage, word: string): Promise<() => Promise<number>> {
  const selector = `[role="gridcell"][title="VLAN ${vlan} on ${node}: 1 VM, ${word}"]`;
  await page.evaluate(`bench.lookOutFor(${JSON.stringify(selector)})`);
  return () => within(page.evaluate<number>('bench.seen'), waitMs, () => `the map does not show a VM ${word}`);
}
