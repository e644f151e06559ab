// The bridges of this node: the `bridge` commands, and this host's row of the kind `bridges`, about the one with the uplink.
import { describeError } from '../../contract/errors.ts';
import { BridgeLook, observeOwnBridge, stampBridge } from '../bridge-look.ts';
import { createBridgeHandlers, type BridgeComponents } from '../commands/bridge.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../mesh/clock.ts';
import { bridgeSource } from '../rows/host-rows.ts';
import type { Part } from './part.ts';

/** `isOfMachine`: of several daemons on one machine (tests, benches) the one at the usual place speaks for its bridge. */
export function createBridgePart(
  self: { readonly nodeId: string; readonly isOfMachine: boolean },
  { clock, log, ports, aliasOf }: { clock: Clock; log: Log } & Pick<BridgeComponents, 'ports' | 'aliasOf'>,
): Part {
  const onError = (error: unknown) => {
    log.warn(`the bridge of this host cannot be looked at: ${describeError(error)}`);
  };
  const look = new BridgeLook({
    observe: observeOwnBridge,
    stamp: stampBridge,
    now: () => clock.now(),
    onError,
  });
  return {
    handlers: createBridgeHandlers({ observe: observeOwnBridge, ports, aliasOf }),
    kinds: self.isOfMachine ? [bridgeSource(self, { clock, onError, look: () => look.latest() })] : [],
    stop: () => undefined,
  };
}
