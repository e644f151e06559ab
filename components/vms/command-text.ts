// Lines on VMs as a shell takes them, for copying. Pure.
import { meshdCommand } from '../../core/plans/step.ts';
import type { VmCommand } from './vm-commands.ts';

export function commandText(commands: readonly Pick<VmCommand, 'line'>[]): string {
  return commands.map(({ line }) => meshdCommand(line)).join('\n');
}
