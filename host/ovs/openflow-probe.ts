// What a probe says to a bridge in OpenFlow 1.3, with two extensions of Open vSwitch (nicira-ext.h): an id for this connection, and an action that
// sends frames to the connections with that id alone. Encoding only; probe-connection.ts has the socket.
import {
  controllerPort,
  encodeFlowMod,
  encodeMessage,
  encodeOutput,
  messageTypes,
  noBuffer,
  probeCookie,
} from './openflow.ts';
import type { ProbeMatch } from './switch-host.ts';

const nicira = 0x0000_2320;
const setControllerId = 20;
const controllerAction = 20;
const reasonAction = 1;
/** Above all that others have: these flows are for frames of a probe alone, and stay for seconds. */
const capturePriority = 0xffff;
const shieldPriority = 0xfffe;
/** Whole frames: how big they are is part of what a probe asks. */
const allBytes = 0xffff;

/** This connection alone gets what is sent to this id, and nothing that is sent to others. */
export function encodeControllerId(xid: number, id: number): Buffer {
  const body = Buffer.alloc(16);
  body.writeUInt32BE(nicira, 0);
  body.writeUInt32BE(setControllerId, 4);
  body.writeUInt16BE(id, 14);
  return encodeMessage(messageTypes.experimenter, xid, body);
}

/** Frames of a probe from this port come to the connections with this id, and go nowhere else. */
export function encodeCaptureFlow(
  xid: number,
  match: ProbeMatch & { readonly inPort: number },
  { id, timeoutS }: { readonly id: number; readonly timeoutS: number },
): Buffer {
  const action = Buffer.alloc(16);
  action.writeUInt16BE(0xffff, 0);
  action.writeUInt16BE(16, 2);
  action.writeUInt32BE(nicira, 4);
  action.writeUInt16BE(controllerAction, 8);
  action.writeUInt16BE(allBytes, 10);
  action.writeUInt16BE(id, 12);
  action.writeUInt8(reasonAction, 14);
  const flow = { cookie: probeCookie, priority: capturePriority, timeoutS };
  return encodeFlowMod(xid, { command: 'add', match, actions: [action], ...flow });
}

/** Frames of a probe from any other port go nowhere. */
export const encodeShieldFlow = (xid: number, match: ProbeMatch, timeoutS: number): Buffer =>
  encodeFlowMod(xid, {
    ...{ command: 'add', match, actions: [] },
    ...{ cookie: probeCookie, priority: shieldPriority, timeoutS },
  });

export const encodeDeleteProbeFlows = (xid: number): Buffer =>
  encodeFlowMod(xid, { command: 'delete', match: {}, actions: [], cookie: probeCookie });

/** A frame out of one port, as it is. */
export function encodePacketOut(xid: number, port: number, frame: Uint8Array): Buffer {
  const head = Buffer.alloc(16);
  const action = encodeOutput(port);
  head.writeUInt32BE(noBuffer, 0);
  head.writeUInt32BE(controllerPort, 4);
  head.writeUInt16BE(action.length, 8);
  return encodeMessage(messageTypes.packetOut, xid, Buffer.concat([head, action, frame]));
}
