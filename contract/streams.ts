// Streams of the console: a WebSocket at `/streams/<service>?cluster=…&node=…&args=…` with binary messages both ways. An upgrade
// that is refused gets an HttpError; what goes wrong after it is a close code with its reason. A WebSocket has no half-close: the
// end of one direction ends both, once what was sent has arrived.

/** Codes with which the console closes the WebSocket of a stream. */
export const streamClose = {
  /** The service sent all it had. */
  ended: 1000,
  /** The console stops. */
  goingAway: 1001,
  /** The page sent text to a service that takes none. */
  binaryOnly: 1003,
  /** The session ended, or its role is no longer enough. */
  sessionEnded: 4001,
  /** No stream was opened, or it broke; the reason says why. */
  failed: 4002,
} as const;

// Consoles of VMs: `/streams/vnc?node=…&args={"vm":3}` carries RFC 6143, `/streams/serial?…&args={"vm":3,"port":0}` the bytes of a port. Text
// messages beside that say who else is there. All who look see the same; one of them has the keyboard, and what others send is dropped.
//
//   page -> console  {"take":true}                      the keyboard, from who has it
//   console -> page  {"watchers":[…]}                   at the beginning, and after each change

/** One page that shows a console of the VM. */
export interface ConsoleWatcher {
  /** As in the audit log. */
  readonly name: string;
  /** `vnc`, or `serial0` and so on. */
  readonly console: string;
  readonly isYou: boolean;
  /** Its role lets it act. */
  readonly mayInput: boolean;
  /** What it sends reaches the guest. */
  readonly hasKeyboard: boolean;
}
/** A text message of the console. */
export interface ConsoleNews {
  readonly watchers: readonly ConsoleWatcher[];
}
/** The text message of a page. */
export const takeKeyboard = '{"take":true}';

// The wall: `/streams/wall` is of the console itself, which has pictures of all nodes. A page says in text which VMs it shows, and again when
// these change; each binary message is one picture:
//
//   bytes of the node's name 1, the name, the VM's id 4, a PNG

/** One picture of the wall, as it came. */
export interface WallPicture {
  readonly node: string;
  readonly vm: number;
  readonly png: Uint8Array<ArrayBuffer>;
}

export function readWallPicture(message: ArrayBuffer): WallPicture {
  const bytes = new Uint8Array(message);
  const at = 1 + (bytes[0] ?? 0);
  return {
    node: new TextDecoder().decode(bytes.subarray(1, at)),
    vm: new DataView(message).getUint32(at),
    png: bytes.subarray(at + 4),
  };
}
