// `vm screenshot` of the double, in the form of the recordings: the picture is Data, in base64, and nothing else is said.
import { responseEntry, type ResponseEntry } from '../../contract/command-socket.ts';
import type { ParsedCommand } from '../../core/commands/types.ts';
import type { DoubleCall, DoubleCluster } from './double-node.ts';

/** A command for a single VM takes its name, its id or its UUID; the host that has it answers. */
export async function takePicture(
  double: DoubleCluster,
  words: ParsedCommand['words'],
  call: DoubleCall,
): Promise<ResponseEntry[]> {
  const [target = '', side] = [words['vm'], words['maximum']];
  const fail = (error: string) => responseEntry(call.node.name, { Error: error });
  if (side !== undefined && !/^\d+$/.test(side)) {
    return [fail(`strconv.Atoi: parsing ${JSON.stringify(side)}: invalid syntax`)];
  }
  const entries = await double.onHosts(call, (node) => {
    const vm = node.vms.find(
      ({ name, id, uuid, namespace }) =>
        namespace === call.namespace && [name, String(id), uuid].some((each) => each === target),
    );
    if (!vm) return null;
    if (vm.state !== 2 && vm.state !== 4) return responseEntry(node.name, { Error: `vm not running: ${vm.id}` });
    const picture = double.pictureOf(vm, side === undefined ? null : Number(side));
    return responseEntry(node.name, { Data: picture?.toString('base64') ?? null });
  });
  return entries.length > 0 ? entries : [fail(`vm not found: ${target}`)];
}
