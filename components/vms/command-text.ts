// Lines on VMs as a shell takes them, for copying. Pure.
import type { VmCommand } from './vm-commands.ts';

/** `asCommand`: a line as a shell of a node runs it. */
export function commandText(commands: readonly Pick<VmCommand, 'line'>[], asCommand: (line: string) => string): string {
  return commands.map(({ line }) => asCommand(line)).join('\n');
}
