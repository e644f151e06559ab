// Which accelerator VMs of a node get. /dev/kvm that can be opened says little: under some hypervisors guests then hang on their first
// instruction. So a VM is booted, and its guest has to say something. Owns that boot and what is remembered of it.
import { access, chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError, describeError } from '../../contract/errors.ts';
import type { Accelerator } from '../../core/vms/record.ts';
import { CommandError, type Runner } from '../runner.ts';
import { remembered } from './remembered.ts';

export interface AcceleratorChoice {
  readonly accelerator: Accelerator;
  /** Why it is not KVM, and what to do; empty with KVM. */
  readonly warning: string;
}

/** KVM runs this in milliseconds. A machine that swaps may take seconds; a guest that hangs takes forever. */
const kvmBootMs = 15_000;
const tcgBootMs = 60_000;

/** The guest writes this to QEMU's debug exit device, which ends QEMU with twice the number and one (hw/misc/debugexit.c). */
const said = 0x2a;
const exitCode = said * 2 + 1;
const debugPort = 0xf4;

/**
 * A whole firmware: the processor starts 16 bytes before its end (Intel SDM 3A, 10.1.4).
 * `mov al, 0x2a; out 0xf4, al; hlt; jmp -3`
 */
export function firmware(): Buffer {
  const rom = Buffer.alloc(64 * 1024, 0xf4);
  rom.set([0xb0, said, 0xe6, debugPort, 0xf4, 0xeb, 0xfd], rom.length - 16);
  return rom;
}

/** QEMU's words for a boot of that firmware. */
export function testBootArgs(accelerator: Accelerator, rom: string): string[] {
  return [
    ...[
      '-accel',
      accelerator,
      '-M',
      'pc',
      '-m',
      '16',
      '-nodefaults',
      '-no-user-config',
      '-display',
      'none',
      '-no-reboot',
    ],
    ...['-bios', rom, '-device', `isa-debug-exit,iobase=${debugPort},iosize=1`],
  ];
}

/**
 * Boots with KVM where there is /dev/kvm, and with TCG otherwise. `prefix` goes in front of QEMU's argv: the boot has the rights
 * of a VM.
 * @throws AppError `failed` when TCG does not run guest code either: this QEMU runs no VM
 */
export async function chooseAccelerator(
  runner: Runner,
  qemu: string,
  { prefix, kvmDevice = '/dev/kvm' }: { prefix: (argv: readonly string[]) => string[]; kvmDevice?: string },
): Promise<AcceleratorChoice> {
  const folder = await mkdtemp(join(tmpdir(), 'meshd-boot-'));
  const rom = join(folder, 'rom');
  const boot = (accelerator: Accelerator, timeoutMs: number) =>
    bootSays(runner, prefix([qemu, ...testBootArgs(accelerator, rom)]), timeoutMs);
  try {
    await writeFile(rom, firmware(), { mode: 0o644 });
    // The user of a VM reads it.
    await chmod(folder, 0o755);
    const hasKvm = await access(kvmDevice).then(
      () => true,
      () => false,
    );
    const issue = hasKvm
      ? await boot('kvm', kvmBootMs)
      : 'there is no /dev/kvm: switch virtualization on in the firmware, and load kvm_intel or kvm_amd';
    if (issue === null) return { accelerator: 'kvm', warning: '' };
    const worse = await boot('tcg', tcgBootMs);
    if (worse !== null) throw new AppError('failed', `${qemu} runs no VM here: ${worse}`);
    return { accelerator: 'tcg', warning: `VMs run without KVM, many times slower: ${issue}` };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Null when the guest's code ran; otherwise what was seen instead. */
async function bootSays(runner: Runner, argv: readonly string[], timeoutMs: number): Promise<string | null> {
  try {
    await runner.run(argv, { timeoutMs });
    return 'a test VM ended without running its code';
  } catch (error) {
    if (error instanceof CommandError) {
      if (error.exitCode === exitCode) return null;
      return `a test VM did not start: ${error.stderr.trim().split('\n').slice(-2).join(' ').slice(0, 300) || `exit ${error.exitCode ?? 'by signal'}`}`;
    }
    if (error instanceof AppError && error.code === 'timeout') {
      return `a test VM did not run its first instruction within ${timeoutMs / 1000} s: KVM hangs here, as in some nested virtual machines`;
    }
    return describeError(error);
  }
}

const Choice = z.object({ accelerator: z.enum(['kvm', 'tcg']), warning: z.string() });

/** The choice, remembered in `file` for this version of QEMU, this kernel and whether there is /dev/kvm. */
export async function rememberedAccelerator(
  file: string,
  version: string,
  { choose, kvmDevice = '/dev/kvm' }: { choose: () => Promise<AcceleratorChoice>; kvmDevice?: string },
): Promise<AcceleratorChoice> {
  const hasKvm = await access(kvmDevice).then(
    () => true,
    () => false,
  );
  return remembered(file, { qemu: version, kernel: release(), hasKvm }, { answer: Choice, find: choose });
}
