// What the kernel does with interfaces of bridges: an address of the node on an internal port, and the rate, loss and delay of a tap (tc(8)).
import { writeFile } from 'node:fs/promises';
import { AppError, describeError } from '../../contract/errors.ts';
import { CommandError, localRunner } from '../runner.ts';
import type { Shaping } from './switch-host.ts';

const timeoutMs = 20_000;
/** Beside the rate: how long a frame may wait in the queue. minimega has the same. */
const rateLatency = '20ms';
/**
 * Bytes that may go at once. A tenth of a second's worth for slow links would let whole files through; less than two frames would drop frames
 * that are longer: minimega's burst does below 12 Mbit/s.
 */
const minBurstBytes = 4_096;
/** The kernel's ticks (CLK_TCK): minimega's burst is what passes in one. */
const ticksPerSecond = 100;

/** @throws AppError `failed` in ip's words */
export async function raiseInterface(name: string, address: string, within: readonly string[]): Promise<void> {
  // Guests are on it: what they announce as routers must not become a route of this machine.
  if (within.length === 0) await writeFile(`/proc/sys/net/ipv6/conf/${name}/accept_ra`, '0').catch(() => undefined);
  const lines = [`link set dev ${name} addrgenmode none up`];
  if (address !== '') lines.unshift(`address replace ${address} dev ${name}`);
  await localRunner.run([...within, 'ip', '-batch', '-'], { timeoutMs, stdin: `${lines.join('\n')}\n` });
}

/** argv for tc(8), behind `tc`. */
export function shapingWords(tap: string, shaping: Shaping | null): string[] {
  if (shaping === null) return ['qdisc', 'del', 'dev', tap, 'root'];
  const replace = ['qdisc', 'replace', 'dev', tap, 'root'];
  if (shaping.kind === 'rate') {
    const { bitsPerSecond } = shaping;
    const burst = Math.max(minBurstBytes, Math.ceil(bitsPerSecond / 8 / ticksPerSecond));
    return [...replace, 'tbf', 'rate', `${bitsPerSecond}bit`, 'burst', `${burst}b`, 'latency', rateLatency];
  }
  const { lossPercent, delayUs } = shaping;
  return [
    ...replace,
    'netem',
    ...(delayUs === null ? [] : ['delay', `${delayUs}us`]),
    ...(lossPercent === '' ? [] : ['loss', `${lossPercent}%`]),
  ];
}

/** @throws AppError `refused` when this kernel has no such queue, `failed` in tc's words */
export async function shapeTap(tap: string, shaping: Shaping | null, within: readonly string[]): Promise<void> {
  try {
    await localRunner.run([...within, 'tc', ...shapingWords(tap, shaping)], { timeoutMs });
  } catch (error) {
    const said = error instanceof CommandError ? error.stderr.trim() : describeError(error);
    // Nothing to take away: "Cannot delete qdisc with handle of zero", or no such device.
    if (shaping === null && error instanceof CommandError) return;
    if (/qdisc kind is unknown/.test(said)) throw new AppError('refused', lacking(shaping), { cause: error });
    throw new AppError('failed', `${tap}: ${said}`, { cause: error });
  }
}

function lacking(shaping: Shaping | null): string {
  const kind = shaping?.kind === 'netem' ? 'netem' : 'tbf';
  const what = kind === 'netem' ? 'loss and delay' : 'rates';
  return `the kernel of this node cannot do ${what}: it has no sch_${kind} (\`modprobe sch_${kind}\`)`;
}
