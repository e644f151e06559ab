// One look at the network of a machine where argv run as root: over SSH for the console, on itself for meshd.
import { setTimeout } from 'node:timers/promises';
import { scriptArgv } from '../scripts/script-argv.ts';
import { lookTwice } from '../../core/plans/bridge/judge/alarms.ts';
import type { BridgeFacts } from '../../core/plans/bridge/observe/facts.ts';
import { observeBridgeScript, parseBridgeFacts } from '../../core/plans/bridge/observe/observe.ts';
import type { RootHost } from './node-transaction.ts';

/** Each program of the script has its own three seconds; a node under load takes some in all. */
const observeTimeoutMs = 45_000;

/** From a look that found an alarm to the one that confirms it: what was about to move on has done so. */
const confirmMs = 3_000;

/** `bridge`: the one whose next boot is judged. An alarm in the answer was seen twice. @throws AppError */
export async function observeBridge(host: RootHost, bridge: string, signal?: AbortSignal): Promise<BridgeFacts> {
  const look = async () => {
    const { stdout } = await host.run(scriptArgv(observeBridgeScript, [bridge]), {
      timeoutMs: observeTimeoutMs,
      ...(signal ? { signal } : {}),
    });
    return parseBridgeFacts(stdout);
  };
  return lookTwice(look, () => setTimeout(confirmMs, undefined, signal ? { signal } : {}));
}
