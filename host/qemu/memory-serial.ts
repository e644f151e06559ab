// A serial port of a VM in memory: what is typed comes back as it is, and after each line the guest repeats it. One connection at a time, as QEMU has it.
import { duplexPair, type Duplex } from 'node:stream';
import { AppError } from '../../contract/errors.ts';

const [lineEnd, longestLine] = [0x0d, 4_096];

export class MemorySerial {
  private near: Duplex | null = null;
  private far: Duplex | null = null;

  /** @throws AppError `conflict` */
  connect(): Duplex {
    if (this.near?.destroyed === false)
      throw new AppError('conflict', 'another program has this serial port: end it first');
    const [near, far] = duplexPair({ allowHalfOpen: true });
    this.near = near;
    this.far = far;
    let line: number[] = [];
    far.on('data', (chunk: Buffer) => {
      for (const byte of chunk) {
        if (byte !== lineEnd) {
          far.write(Buffer.of(byte));
          line = [...line, byte].slice(-longestLine);
        } else {
          far.write(Buffer.concat([Buffer.from('\r\n'), Buffer.from(line), Buffer.from('\r\n$ ')]));
          line = [];
        }
      }
    });
    for (const end of [near, far]) end.on('error', () => undefined);
    near.on('close', () => far.destroy());
    far.on('end', () => far.destroy());
    far.on('close', () => {
      near.destroy();
    });
    return near;
  }

  /** The guest writes; nobody hears it while nobody is connected. */
  print(text: string | Uint8Array): void {
    this.far?.write(text);
  }

  /** The VM has ended: what it wrote before still arrives. */
  close(): void {
    this.far?.end();
  }
}
