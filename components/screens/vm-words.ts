// What a console says of its VM.
import type { FleetVm } from '../../contract/fleet.ts';
import { inNamespace } from '../../core/commands/in-namespace.ts';
import { quoteWord } from '../../core/commands/tokens.ts';

/** Whether it has a QEMU, and with it a screen. */
export function hasScreen({ State: state }: Pick<FleetVm, 'State'>): boolean {
  return state === 'BUILDING' || state === 'RUNNING' || state === 'PAUSED';
}

/** A line of the command language that means a VM of this namespace. */
export function lineFor({ Namespace: namespace }: Pick<FleetVm, 'Namespace'>, ...words: readonly string[]): string {
  return inNamespace(namespace, words.map(quoteWord).join(' '));
}

/** Where QEMU's sockets of a VM are, on its node. */
export function socketPath({ Id: id }: Pick<FleetVm, 'Id'>, name: string): string {
  return `/var/lib/meshd/instances/${id}/${name}`;
}
