// What the installed QEMU has: its version, CPU models, machine types and NIC models, as it prints them [QEMU 5 to 9: `-version`, `-cpu help`,
// `-M help`, `-device help`]. Owns reading these texts.
import { z } from 'zod';
import { AppError } from '../../contract/errors.ts';
import type { QemuCatalogue } from '../../core/vms/config-fields.ts';
import type { Runner } from '../runner.ts';
import { remembered } from './remembered.ts';

/** Starting QEMU for a list takes 50 ms; a busy machine takes longer. */
const listMs = 30_000;

/** Version as in `QEMU emulator version 7.2.22 (Debian …)`. @throws AppError `failed` where it prints something else */
export function parseVersion(text: string): string {
  const version = /version (\d+\.\d+[\w.]*)/.exec(text)?.[1];
  if (version === undefined) throw new AppError('failed', `no version of QEMU in \`${text.slice(0, 100)}\``);
  return version;
}

/** Lines `x86 qemu64  (alias …)`, up to the list of flags; also without `x86`, as before QEMU 2 and after 8. */
export function parseCpus(text: string): string[] {
  const names: string[] = [];
  for (const line of text.split('\n').slice(1)) {
    if (line.startsWith('Recognized')) break;
    const name = /^(?:x86\s+|\s+)?([\w.-]+)/.exec(line)?.[1];
    if (name !== undefined) names.push(name);
  }
  return names;
}

/** Lines `pc  Standard PC …` behind a heading. `none` has no processor. */
export function parseMachines(text: string): string[] {
  const lines = text.split('\n').slice(1);
  return lines.flatMap((line) => /^([\w.-]+)\s/.exec(line)?.[1] ?? []).filter((name) => name !== 'none');
}

/** Names in the section `Network devices:` that sit on PCI or ISA: those that a `-device` with `netdev` takes. */
export function parseNetDrivers(text: string): string[] {
  const from = text.indexOf('Network devices:');
  if (from < 0) return [];
  const section = text.slice(from).split('\n\n', 1)[0] ?? '';
  return [...section.matchAll(/^name "([\w.-]+)", bus PCI/gm)].map(([, name = '']) => name);
}

/** Asks `qemu`. @throws AppError `failed` or CommandError when it cannot be started */
export async function observeCatalogue(runner: Runner, qemu: string): Promise<QemuCatalogue> {
  const ask = async (...args: string[]) => (await runner.run([qemu, ...args], { timeoutMs: listMs })).stdout;
  const [cpus, machines, devices] = await Promise.all([
    ask('-cpu', 'help'),
    ask('-M', 'help'),
    ask('-M', 'none', '-device', 'help'),
  ]);
  const catalogue = {
    cpus: parseCpus(cpus),
    machines: parseMachines(machines),
    netDrivers: parseNetDrivers(devices),
  };
  for (const [what, names] of Object.entries(catalogue)) {
    if (names.length === 0) throw new AppError('failed', `${qemu} lists no ${what}`);
  }
  return catalogue;
}

const Names = z.array(z.string());

/** As `observeCatalogue`, remembered in `file` for this version of QEMU: its lists take three starts of it. */
export function rememberedCatalogue(
  file: string,
  version: string,
  { runner, qemu }: { runner: Runner; qemu: string },
): Promise<QemuCatalogue> {
  return remembered(
    file,
    { qemu: version },
    {
      answer: z.object({ cpus: Names, machines: Names, netDrivers: Names }),
      find: () => observeCatalogue(runner, qemu),
    },
  );
}
