// One simulated node as a process: a real meshd over a machine in memory. Started by simulated.ts, and ends with it: its
// standard input ends with the process that holds it, on every system. `kill` makes it leave, `kill -9` is a power cut.
//   node scripts/simulated-node.ts node3 3 -base /tmp/x -port 9103 …
import { AppError, describeError } from '../contract/errors.ts';
import { parseFlags } from '../core/flags.ts';
import { kernel, qcow2, rawDisk } from '../host/images/made-images.ts';
import { MemoryStore } from '../host/images/memory-image-store.ts';
import { createMemoryMachine } from '../host/memory-machine.ts';
import { MemoryMachine } from '../host/ovs/memory-host.ts';
import { createMemoryHypervisor } from '../host/qemu/memory-hypervisor.ts';
import { startDaemon } from '../agent/daemon.ts';
import { createLog, type LogLevel } from '../agent/log.ts';
import { echo } from './echo-service.ts';
import { loopbackNetwork } from './loopback-network.ts';

/** Beside the ports of meshds. */
const networkPorts = 20_000;
const [name = '', number = '', ...argv] = process.argv.slice(2);

async function main(): Promise<void> {
  const parsed = parseFlags(argv);
  if (!parsed.ok) throw new AppError('invalid', parsed.message);
  const { flags } = parsed;
  process.title = `meshd ${name} (simulated)`;
  const ended = Promise.withResolvers<undefined>();
  const end = () => ended.resolve(undefined);
  // Ctrl-C goes to all of a terminal's processes: the console ends first, and then we do.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', end);
  process.stdin.on('end', end).resume();
  const network = new MemoryMachine();
  // The ports of one set of nodes are in a row: the first one's tells this set from others on the machine.
  network.plug(loopbackNetwork(flags.port - Number(number) + networkPorts), name);
  const daemon = await startDaemon(
    { flags, programPath: new URL('../agent/main.ts', import.meta.url).pathname },
    {
      log: createLog({ level: flags.level as LogLevel, file: '' }),
      machine: createMemoryMachine({ name, number: Number(number) }),
      ...(flags.filepath === '' ? { files: memoryFiles(Number(number)) } : {}),
      // Its VMs hold the taps of its switch.
      hypervisor: createMemoryHypervisor({
        base: flags.base,
        onHold: (tap, isHeld) => network.changeLink(tap, { hasCarrier: isHeld }),
      }),
      switchHost: network.host(),
      onQuit: (delayMs) => {
        setTimeout(end, delayMs);
      },
      parts: () => [{ handlers: {}, kinds: [], services: { echo }, stop: () => undefined }],
    },
  );
  await ended.promise;
  await daemon.stop();
}

/** The first node has images that the others can fetch; each has one that the others lack. */
function memoryFiles(of: number): MemoryStore {
  const store = new MemoryStore({ now: () => Date.now() });
  store.put(`scratch-${of}.raw`, rawDisk());
  if (of !== 1) return store;
  store.put('vmlinuz', kernel());
  store.put('images/base.qcow2', qcow2());
  store.put('web.qcow2', qcow2({ backing: { file: 'images/base.qcow2', format: 'qcow2' } }));
  return store;
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(`${name}: ${describeError(error)}`);
    process.exit(1);
  },
);
