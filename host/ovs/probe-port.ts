// A node's uplink for the seconds of a probe, on a Linux machine with Open vSwitch: frames of the probe leave by it and are taken from it, and no
// port of any bridge here passes them on. What that needs of the bridges are flows with a time limit, so they end with the probe or without it.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, describeError } from '../../contract/errors.ts';
import { encodeCaptureFlow, encodeDeleteProbeFlows, encodeShieldFlow } from './openflow-probe.ts';
import { encodeFlowMod, probeCookie } from './openflow.ts';
import { ProbeConnection } from './probe-connection.ts';
import type { HostView, ProbeOptions, ProbePort } from './switch-host.ts';
import { findUplink } from './uplink.ts';

/** Each gets a connection of its seconds. */
const bridgesAtMost = 64;
/**
 * A switch says that it has a flow before all of it knows: what its datapath has kept from earlier frames of the same kind is looked through a few
 * milliseconds later (ovs-vswitchd(8), revalidator).
 */
const revalidatedMs = 100;
/** Of this process: a frame that comes by a flow of its probe before the last one is not lost. Two daemons of a test may be on one switch. */
const connectionId = 1 + Math.floor(Math.random() * 0xfffe);

interface ProbeSurroundings {
  readonly view: HostView;
  readonly runFolder: string;
}

/** @throws AppError when frames of a probe cannot be kept from VMs here */
export async function openProbePort(options: ProbeOptions, { view, runFolder }: ProbeSurroundings): Promise<ProbePort> {
  const { match, onFrame } = options;
  // Which bridges there are is not known then.
  if (view.databaseFailure !== '') throw new AppError('unreachable', view.databaseFailure);
  const found = onFrame === null ? ({ ok: false, why: '' } as const) : findUplink(view);
  const uplink = found.ok ? found.uplink : null;
  const timeoutS = Math.max(1, Math.ceil(options.holdMs / 1_000));
  const id = connectionId;
  const connections = new Map<string, ProbeConnection>();
  let taken = 0;
  const take = (inPort: number, frame: Uint8Array) => {
    if (!uplink?.hears.includes(inPort)) return;
    taken += 1;
    if (taken <= options.framesAtMost) onFrame?.(frame);
    // The flow below it drops what comes from now on.
    else if (taken === options.framesAtMost + 1)
      for (const port of uplink.hears)
        connections
          .get(uplink.bridge)
          ?.send((xid) =>
            encodeFlowMod(xid, { command: 'delete', match: { inPort: port }, actions: [], cookie: probeCookie }),
          );
  };
  const bridges = [...view.bridges.keys()];
  if (bridges.length > bridgesAtMost)
    throw new AppError('refused', `this node has more than ${bridgesAtMost} bridges, and a probe looks after so many`);
  const close = async () => {
    const open = [...connections.values()];
    connections.clear();
    const results = await Promise.allSettled(
      open.map(async (connection) => {
        connection.send((xid) => encodeDeleteProbeFlows(xid));
        await connection.settle().finally(() => connection.close());
      }),
    );
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  };
  try {
    const opened = await Promise.allSettled(
      bridges.map(async (bridge) => {
        const connection = await ProbeConnection.open({
          ...{ bridge, path: join(runFolder, `${bridge}.mgmt`), id },
          onFrame: bridge === uplink?.bridge ? take : () => undefined,
          onLost: options.onLost,
        });
        connections.set(bridge, connection);
        // Of a daemon that was killed a moment ago.
        connection.send((xid) => encodeDeleteProbeFlows(xid));
        connection.send((xid) => encodeShieldFlow(xid, match, timeoutS));
        if (bridge === uplink?.bridge)
          for (const inPort of uplink.hears)
            connection.send((xid) => encodeCaptureFlow(xid, { ...match, inPort }, { id, timeoutS }));
        await connection.settle();
      }),
    );
    const failed = opened.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    await sleep(revalidatedMs);
  } catch (error) {
    await close().catch(() => undefined);
    throw error instanceof AppError ? error : new AppError('failed', describeError(error));
  }
  return {
    uplink,
    whyNot: found.ok ? '' : found.why,
    send: (frames, { perSecond, signal }) => {
      const connection = uplink && connections.get(uplink.bridge);
      if (!connection) return Promise.reject(new AppError('refused', 'the probe is over, or this node has no uplink'));
      return connection.sendFrames(uplink.ofport, frames, { perSecond, signal });
    },
    close,
  };
}
