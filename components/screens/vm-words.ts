// What a console says of its VM.
import type { FleetVm } from '../../contract/fleet.ts';
import { defaultNamespace } from '../../core/namespaces.ts';
import { quoteWord } from '../../core/commands/tokens.ts';

/** Whether it has a QEMU, and with it a screen. */
export function hasScreen({ State: state }: Pick<FleetVm, 'State'>): boolean {
  return state === 'BUILDING' || state === 'RUNNING' || state === 'PAUSED';
}

/** A line of the command language that means a VM of this namespace. */
export function lineFor({ Namespace: namespace }: Pick<FleetVm, 'Namespace'>, ...words: readonly string[]): string {
  const line = words.map(quoteWord).join(' ');
  return namespace === defaultNamespace ? line : `namespace ${quoteWord(namespace)} ${line}`;
}

/** The same from a shell on a node. */
export function shellLine(line: string): string {
  return `meshd -e ${line}`;
}

/** Where QEMU's sockets of a VM are, on its node. */
export function socketPath({ Id: id }: Pick<FleetVm, 'Id'>, name: string): string {
  return `/var/lib/meshd/instances/${id}/${name}`;
}
