// Interfaces of this node on VLANs, and mirrors: the `tap` commands. They end with their namespace.
import type { AliasName } from '../../core/vlans/names.ts';
import { createTapHandlers } from '../commands/tap.ts';
import type { NamespaceContent } from '../namespaces/content.ts';
import { NodeTaps, type NodeTapsComponents } from '../taps/node-taps.ts';
import type { Vlans } from '../vlans/vlans.ts';
import type { LocalVms } from '../vms/local-vms.ts';
import type { Part } from './part.ts';

export interface TapsPart extends Part {
  readonly taps: NodeTaps;
  readonly content: NamespaceContent;
}

export function createTapsPart(
  components: NodeTapsComponents & {
    readonly vlans: Vlans;
    readonly vms: Pick<LocalVms, 'list'>;
    readonly aliasOf: (vlan: number) => AliasName | null;
  },
): TapsPart {
  const taps = new NodeTaps(components);
  components.vlans.useBy(taps.users);
  taps.start();
  return {
    taps,
    handlers: createTapHandlers({ ...components, taps }),
    kinds: [],
    content: {
      async end(namespace) {
        await taps.removeMirrors(null, namespace);
        await taps.removeAll(namespace);
        return [];
      },
    },
    stop: () => taps.stop(),
  };
}
