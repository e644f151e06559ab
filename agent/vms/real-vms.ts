// For tests: the VMs of a folder, over QEMU on this machine and a switch in memory.
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../contract/errors.ts';
import { readProcessIdentity } from '../../host/detached.ts';
import { resolveChain } from '../../host/images/chain.ts';
import type { DiskBacking } from '../../host/images/disk-tool.ts';
import { createLinuxStore } from '../../host/images/linux-store.ts';
import { qcow2 } from '../../host/images/made-images.ts';
import { MemoryMachine } from '../../host/ovs/memory-host.ts';
import { VirtualSwitch } from '../../host/ovs/virtual-switch.ts';
import { createLinuxHypervisor } from '../../host/qemu/linux-hypervisor.ts';
import { localRunner } from '../../host/runner.ts';
import { createSystemClock } from '../mesh/clock.ts';
import { NodeVms } from './node-vms.ts';
import { VmFolder } from './vm-store.ts';

async function renameBacking(path: string, backing: DiskBacking | null): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const head = Buffer.alloc(20);
    await file.read(head, 0, 20, 0);
    const name = Buffer.from(backing?.file ?? '');
    if (name.length === 0 || name.length > head.readUInt32BE(16)) throw new Error('only a shorter name fits');
    await file.write(name, 0, name.length, Number(head.readBigUInt64BE(8)));
    head.writeUInt32BE(name.length, 16);
    await file.write(head, 16, 4, 16);
  } finally {
    await file.close();
  }
}

/** `folder` has `files`, and `idle`, a firmware that halts at once. */
export async function createRealVms(folder: string): Promise<NodeVms> {
  const filesPath = join(folder, 'files');
  const store = createLinuxStore(filesPath, { runner: localRunner });
  const clock = createSystemClock();
  const say = (text: string) => {
    process.stderr.write(`${text}\n`);
  };
  const log = { info: () => undefined, warn: say, error: say };
  return NodeVms.open(
    { host: 'node1', bootId: readProcessIdentity(process.pid)?.bootId ?? '' },
    {
      store: new VmFolder(join(folder, 'vms')),
      hypervisor: createLinuxHypervisor({
        base: join(folder, 'instances'),
        filesPath,
        runner: localRunner,
        // qemu-img is not on every machine that tests run on.
        makeOverlay: async (image, overlay) => {
          const { length } = await readFile(image.path);
          await writeFile(
            overlay,
            qcow2({ virtualBytes: length, backing: { file: image.path, format: image.format } }),
          );
        },
      }),
      ports: new VirtualSwitch('test', { host: new MemoryMachine().host(), clock, log: () => undefined }),
      files: {
        // As qemu-img does, where the new name is no longer than the old one.
        store: { ...store, disks: { ...store.disks, rebase: renameBacking } },
        ensure: (name) => Promise.resolve(`${filesPath}/${name}`),
        describe: (name) => resolveChain(store, name),
        missing: () => Promise.resolve([]),
      },
      vlans: { resolve: () => Promise.reject(new AppError('refused', 'no VLANs in this test')) },
      limits: () => Promise.resolve({ cpus: 2, memoryMb: 4_096 }),
      clock,
      randomByte: () => Math.floor(Math.random() * 256),
      log,
    },
  );
}
