// What a VM takes of its node while somebody looks: the stream service `vm-rates` of each node, with the arguments `{"vm": <its id>}`. It sends a
// line of JSON a second until the page closes the stream, or the VM is gone. No schema: pages load this.

export const vmRatesService = 'vm-rates';

export const rateEveryMs = 1_000;

/** One line. */
export interface VmSample {
  /** Milliseconds since 1970, by the clock of its node. */
  readonly At: number;
  /** Null while its QEMU does not run, as is all that follows. Processors that are busy for it: 1.5 of its 2. */
  readonly Cpu: number | null;
  /** MiB of the node's memory. */
  readonly Memory: number | null;
  /** Bytes a second that its NICs receive and send. */
  readonly Rx: number | null;
  readonly Tx: number | null;
}

/** A line, or null for one that is not a sample. */
export function parseSample(line: string): VmSample | null {
  try {
    const value = JSON.parse(line) as Record<string, unknown> | null;
    const { At, Cpu, Memory, Rx, Tx } = value ?? {};
    if (typeof At !== 'number' || !Number.isFinite(At)) return null;
    const rate = (field: unknown): number | null =>
      typeof field === 'number' && Number.isFinite(field) && field >= 0 ? field : null;
    return { At, Cpu: rate(Cpu), Memory: rate(Memory), Rx: rate(Rx), Tx: rate(Tx) };
  } catch {
    return null;
  }
}
