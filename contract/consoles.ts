// Screens and serial ports of VMs as streams: what nodes' services `vnc` and `serial` are asked for. Pages ask the console for the same
// without `input`, which follows from their role (streams.ts has what else goes over such a stream).
import { z } from 'zod';
import { maxRangeNameLength, maxVmsPerNode, maxWallVms } from './limits.ts';

/** An id of the node, or a name or UUID in a namespace; the default one unless given. */
const vm = {
  vm: z.union([z.int().min(0), z.string().max(maxRangeNameLength)]),
  namespace: z.optional(z.string().max(255)),
};
/** What the opener sends acts on the guest; otherwise it is dropped on the node. */
const input = { input: z.boolean() };
const port = { port: z.int().min(0).max(255) };

/** RFC 6143 both ways, from the server's version on. */
export const ScreenArgs = z.object({ ...vm, ...input });
/** Bytes both ways. First comes what the port wrote last, up to 64 KiB, if somebody looked at it then. */
export const SerialArgs = z.object({ ...vm, ...port, ...input });

/**
 * What the opener of the service `pictures` sends, a line each time: ids of the node's VMs of which it wants small pictures from now on. It gets, for each
 * picture that is new to it, the VM's id and the number of bytes, 4 bytes each, and a PNG.
 */
export const PicturesWanted = z.object({ vms: z.array(z.int().min(0)).max(maxVmsPerNode) });

/** What a page sends on `/streams/wall`: names of nodes and ids of their VMs. It gets those pictures, each behind its VM (streams.ts). */
export const WallWanted = z.object({
  vms: z.array(z.tuple([z.string().max(maxRangeNameLength), z.int().min(0)])).max(maxWallVms),
});
