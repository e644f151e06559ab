// A part of the daemon: what it answers on the command socket, which rows it has to tell, which streams it serves, and how it ends. VMs, VLANs and
// files are parts too; daemon.ts lists them, and no part knows another.
import type { Handlers } from '../commands/handler.ts';
import type { StreamHandler } from '../mesh/streams.ts';
import type { RowSource } from '../rows/source.ts';

export interface Part {
  readonly handlers: Handlers;
  /** Its rows about this node, by kind. */
  readonly kinds: readonly RowSource[];
  /** What other members may open streams to, by name. */
  readonly services?: Readonly<Record<string, StreamHandler>>;
  readonly stop: () => Promise<void> | void;
}
