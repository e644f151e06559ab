// What happens to frames on their way to NICs (`qos`). The record says it; a tap that was made again, and one whose switch was started again, gets it again.
import { AppError, describeError } from '../../contract/errors.ts';
import { describeQos, readQos, type Qos } from '../../core/net/qos.ts';
import type { Shaping } from '../../host/ovs/switch-host.ts';
import { notFound, type VmParts } from './parts.ts';

type ShapingParts = Pick<VmParts, 'book' | 'ports' | 'log'>;

/** Null: frames go as they come. */
export function shapingOf({ bitsPerSecond, lossPercent, delayUs }: Qos): Shaping | null {
  if (bitsPerSecond !== null) return { kind: 'rate', bitsPerSecond };
  return lossPercent === '' && delayUs === null ? null : { kind: 'netem', lossPercent, delayUs };
}

/** @throws AppError in minimega's words, and as `SwitchHost.shape` */
export async function shapeNet(
  id: number,
  index: number,
  change: (before: Qos) => Qos,
  { book, ports }: ShapingParts,
): Promise<void> {
  const record = book.get(id)?.record;
  if (!record) throw notFound(id);
  const net = record.nets[index];
  if (!net) throw new AppError('invalid', `invalid tap index specified: ${index}`);
  const next = change(readQos(net.qos));
  const set = (qos: string) =>
    book.updateRecord(id, (before) => ({
      ...before,
      nets: before.nets.map((each, at) => (at === index ? { ...each, qos } : each)),
    }));
  await set(describeQos(next));
  try {
    if (net.tap !== '') await ports.shapeTap(net.tap, shapingOf(next));
  } catch (error) {
    await set(net.qos);
    throw error;
  }
}

export class Reshaping {
  private readonly parts: ShapingParts;
  /** Index of the interface that has what its record says, by tap. */
  private readonly shaped = new Map<string, number>();

  constructor(parts: ShapingParts) {
    this.parts = parts;
  }

  /** The switch has changed. */
  look(): void {
    const { book, ports, log } = this.parts;
    const wanted = new Map(
      book
        .records()
        .flatMap(({ nets }) => nets.flatMap(({ tap, qos }) => (tap === '' || qos === '' ? [] : [[tap, qos]]))),
    );
    if (wanted.size === 0) {
      this.shaped.clear();
      return;
    }
    const connected = new Set(ports.state().ports.flatMap(({ tap, isConnected }) => (isConnected ? [tap] : [])));
    const { links } = ports.view();
    for (const tap of this.shaped.keys()) if (!wanted.has(tap) || !connected.has(tap)) this.shaped.delete(tap);
    for (const [tap, qos] of wanted) {
      const link = links.get(tap);
      if (!link || !connected.has(tap) || this.shaped.get(tap) === link.index) continue;
      this.shaped.set(tap, link.index);
      ports.shapeTap(tap, shapingOf(readQos(qos))).catch((error: unknown) => {
        log.warn(`vms: ${tap} has no ${qos}: ${describeError(error)}`);
      });
    }
  }
}
