// Screens and serial ports of this node's VMs, as streams (SPEC.md, section Q). Owns which VM is meant, and the words for what it has not.
import type { Duplex } from 'node:stream';
import type { z } from 'zod';
import { ScreenArgs, SerialArgs } from '../../contract/consoles.ts';
import { AppError } from '../../contract/errors.ts';
import { defaultNamespace } from '../../core/namespaces.ts';
import { matchVm } from '../../core/vms/names.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import type { Clock } from '../mesh/clock.ts';
import type { StreamCall, StreamHandler } from '../mesh/streams.ts';
import type { NodeVms } from '../vms/node-vms.ts';
import { carryScreen } from './screen.ts';
import { SerialLine } from './serial-line.ts';

export interface ConsolesComponents {
  readonly vms: Pick<NodeVms, 'name' | 'get' | 'list' | 'onChange' | 'openScreen' | 'openSerial'>;
  readonly clock: Pick<Clock, 'after'>;
  /** What viewers type and point at on the screen of a VM, by its id. */
  readonly onInput?: (vm: number, message: Uint8Array) => void;
}

/** A connection of a QEMU that dies ends before its process is seen to: so long it may take. */
const settleMs = 2_000;

export class Consoles {
  readonly services: Readonly<Record<'vnc' | 'serial', StreamHandler>>;
  private readonly components: ConsolesComponents;
  /** By VM and port. Those that are being opened are there too. */
  private readonly lines = new Map<string, Promise<SerialLine>>();

  constructor(components: ConsolesComponents) {
    this.components = components;
    this.services = {
      vnc: (call) => this.serveScreen(call),
      serial: (call) => this.serveSerial(call),
    };
  }

  stop(): void {
    const stopped = (line: SerialLine) => line.close();
    for (const line of this.lines.values()) line.then(stopped, () => undefined);
  }

  private async serveScreen({ args, accept }: StreamCall): Promise<void> {
    const { vm, namespace, input } = parse(ScreenArgs, args);
    const record = this.find(vm, namespace);
    assertRuns(record, 'screen');
    const qemu = await this.components.vms.openScreen(record.id);
    const stream = acceptOr(accept, qemu);
    await carryScreen(stream, qemu, {
      input,
      onInput: (message) => this.components.onInput?.(record.id, message),
      whyEnded: async () => new AppError('refused', await this.whyEnded(record, 'the screen')),
    });
  }

  private async serveSerial({ args, accept }: StreamCall): Promise<void> {
    const { vm, namespace, port, input } = parse(SerialArgs, args);
    const record = this.find(vm, namespace);
    const { name, config } = record;
    if (config.serialPorts === 0) {
      throw new AppError(
        'not-found',
        `${name} has no serial port: vm config serial-ports 1, before its launch, makes one`,
      );
    }
    if (port >= config.serialPorts) {
      throw new AppError('not-found', `serial port ${port}: ${name} has ${config.serialPorts}, counted from 0`);
    }
    assertRuns(record, 'serial port');
    const line = await this.line(record, port);
    line.join(accept, { input });
  }

  private line(record: VmRecord, port: number): Promise<SerialLine> {
    const key = `${record.id} ${port}`;
    const known = this.lines.get(key);
    if (known) return known;
    const { vms, clock } = this.components;
    const forget = () => {
      if (this.lines.get(key) === opened) this.lines.delete(key);
    };
    const opened = vms.openSerial(record.id, port).then((qemu) => {
      const name = `serial port ${port} of ${record.name}`;
      const whyEnded = () => this.whyEnded(record, `serial port ${port}`);
      return new SerialLine({ name }, { qemu, clock, whyEnded, onOver: forget });
    });
    this.lines.set(key, opened);
    opened.catch(forget);
    return opened;
  }

  private find(vm: number | string, namespace = defaultNamespace): VmRecord {
    const { vms } = this.components;
    const found = typeof vm === 'number' ? vms.get(vm) : matchVm(vm, vms.list(namespace));
    if (found) return found;
    const where = typeof vm === 'number' ? '' : ` in the namespace ${namespace}`;
    throw new AppError('not-found', `${vms.name} has no VM ${vm}${where}: it was flushed, or is on another node`);
  }

  /** Waits until the record says so. */
  private async whyEnded({ id, name }: VmRecord, what: string): Promise<string> {
    const { vms, clock } = this.components;
    const look = () => describeEnd(name, vms.get(id));
    const settled = Promise.withResolvers<undefined>();
    const stop = vms.onChange(() => {
      if (look() !== null) settled.resolve(undefined);
    });
    const timer = clock.after(settleMs, () => settled.resolve(undefined));
    if (look() === null) await settled.promise;
    stop();
    timer.cancel();
    return look() ?? `QEMU ended the connection to ${what} of ${name}: open it again`;
  }
}

function parse<T>(schema: z.ZodType<T>, args: unknown): T {
  const parsed = schema.safeParse(args);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new AppError(
    'invalid',
    `the console asks for something else: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
  );
}

function acceptOr(accept: () => Duplex, qemu: Duplex): Duplex {
  try {
    return accept();
  } catch (error) {
    qemu.destroy();
    throw error;
  }
}

/** @throws AppError `refused` for a VM without a QEMU */
function assertRuns({ name, state, reason }: VmRecord, what: string): void {
  if (state !== 'QUIT' && state !== 'ERROR' && state !== 'LOST') return;
  const why = reason === '' ? '' : ` (${reason})`;
  throw new AppError('refused', `${name} is ${state}${why}: it has no ${what} until it is started`);
}

/** Null while it has a QEMU. */
function describeEnd(name: string, record: VmRecord | undefined): string | null {
  if (!record) return `${name} is gone: it was flushed`;
  const { state, reason } = record;
  if (state !== 'QUIT' && state !== 'ERROR') return null;
  return `${name} is ${state}: ${reason || 'somebody ended it'}`;
}
