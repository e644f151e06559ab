// Runs lines on VMs, some at a time, and tells what became of each VM as soon as it is known.
import type { ResponseEntry } from '../../contract/command-socket.ts';
import { mapAtOnce } from '../../core/at-once.ts';
import type { VmCommand } from './vm-commands.ts';
import { outcomesOf, outcomesOfError, type VmOutcome } from './vm-outcomes.ts';

/** Lines under way at once: hosts work side by side, and the reader has other commands. */
const atOnce = 4;

export interface RunParts {
  /** Runs one line to its end. @throws AppError when it was not run, or its end is not known */
  readonly runLine: (command: VmCommand) => Promise<readonly ResponseEntry[]>;
  readonly onOutcomes: (outcomes: ReadonlyMap<string, VmOutcome>) => void;
}

/** Ends when all lines have; it does not throw. */
export async function runVmCommands(commands: readonly VmCommand[], { runLine, onOutcomes }: RunParts): Promise<void> {
  await mapAtOnce(commands, atOnce, async (command) => {
    try {
      onOutcomes(outcomesOf(command.vms, await runLine(command)));
    } catch (error) {
      onOutcomes(outcomesOfError(command.vms, error));
    }
  });
}
