// The sockets of the double's VMs below its base folder, `<id>/vnc` and `<id>/serial<n>`: screens and echoing serial ports in memory.
import { mkdir } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { pipeline, type Duplex } from 'node:stream';
import { MemoryScreen } from '../../host/qemu/memory-screen.ts';
import { MemorySerial } from '../../host/qemu/memory-serial.ts';
import { encodePng, shrink } from '../../host/qemu/screen-picture.ts';
import type { DoubleVm } from './double-node.ts';

export class DoubleConsoles {
  private readonly servers = new Set<Server>();
  private readonly open = new Set<Duplex>();
  private readonly screens = new WeakMap<DoubleVm, MemoryScreen>();

  /** Listens for one VM. */
  async add(base: string, vm: DoubleVm): Promise<void> {
    const folder = join(base, String(vm.id));
    await mkdir(folder, { recursive: true });
    const screen = new MemoryScreen({ number: vm.id, name: vm.name }, { isRunning: () => vm.state === 2 });
    this.screens.set(vm, screen);
    await this.listen(join(folder, 'vnc'), () => screen.connect());
    for (let port = 0; port < vm.serialPorts; port += 1) {
      const serial = new MemorySerial();
      await this.listen(join(folder, `serial${port}`), () => serial.connect());
    }
  }

  /** PNG of the screen, no side above `maxSide` pixels; null when the VM has none. */
  picture(vm: DoubleVm, maxSide: number | null): Buffer | null {
    const picture = this.screens.get(vm)?.picture();
    if (!picture) return null;
    return Buffer.from(encodePng(maxSide === null ? picture : shrink(picture, maxSide)));
  }

  async stop(): Promise<void> {
    for (const stream of this.open) stream.destroy();
    await Promise.all([...this.servers].map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
  }

  private async listen(path: string, connect: () => Duplex): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      this.open.add(socket);
      socket.on('error', () => undefined).on('close', () => this.open.delete(socket));
      try {
        const console = connect();
        pipeline(socket, console, () => undefined);
        pipeline(console, socket, () => undefined);
      } catch {
        socket.destroy();
      }
    });
    this.servers.add(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(path, resolve);
    });
  }
}
