// What a VNC client says (RFC 6143, with QEMU's additions), read as it passes: who may only look gets no key, pointer or clipboard
// through. Owns the lengths of all messages and which of them act on the guest; pictures, the other direction, pass unread.
//
// INVARIANTS
// - A message passes whole or not at all. One of which the length is not known ends the connection: behind it, keys could hide.
// - Lengths are those that QEMU reads (ui/vnc.c, 7.2). A client that speaks another protocol version than it names ends there as well.
// - Nothing is kept but the first bytes of one message, and which keys are held.
import { AppError } from '../../contract/errors.ts';
import { maxCutTextBytes } from '../../contract/limits.ts';

/** A message's first bytes, and how many follow them; null while more of it must be read to know. */
interface Head {
  readonly bytes: number;
  readonly more: number;
  /** It acts on the guest. */
  readonly isInput: boolean;
}

const maxHeadBytes = 20;
/** What is held at once: a person has ten fingers. Beyond it, keys are passed and forgotten. */
const maxHeldKeys = 64;
const maxFenceBytes = 64;

export interface RfbClientOptions {
  /** Whether input passes; asked at the beginning of each message. */
  readonly mayInput: () => boolean;
  /** Gets the beginning of each message that acts on the guest and passes. */
  readonly onInput?: (message: Uint8Array) => void;
}

type Phase = 'version' | 'security' | 'share' | 'messages';

/** The client's side of one VNC connection, from its first byte. */
export class RfbClient {
  private readonly options: RfbClientOptions;
  private phase: Phase = 'version';
  private readonly head = new Uint8Array(maxHeadBytes);
  private headBytes = 0;
  /** Of a message whose head is over: bytes to come, and whether they pass. */
  private more = 0;
  private isPassing = false;
  /** By key: the message that lets go of it. */
  private readonly held = new Map<string, Uint8Array>();
  private pointer: Uint8Array | null = null;
  private isReleaseDue = false;

  constructor(options: RfbClientOptions) {
    this.options = options;
  }

  /** What passes of these bytes. @throws AppError `invalid` for what is not a VNC client; nothing may be pushed after that */
  push(bytes: Uint8Array): Uint8Array {
    const passed: Uint8Array[] = [];
    let at = 0;
    while (at < bytes.length) {
      if (this.more > 0) {
        const taken = Math.min(this.more, bytes.length - at);
        if (this.isPassing) passed.push(bytes.subarray(at, at + taken));
        this.more -= taken;
        at += taken;
        if (this.more === 0 && this.isReleaseDue) passed.push(this.releases());
        continue;
      }
      this.head[this.headBytes] = bytes[at] ?? 0;
      this.headBytes += 1;
      at += 1;
      const read = this.head.subarray(0, this.headBytes);
      if (this.phase === 'messages') this.takeHead(read, passed);
      else this.takeHandshake(read, passed);
    }
    return join(passed);
  }

  /**
   * Lets go of the keys and buttons that this client holds; messages for the server. Within a message they come with the end of it, from
   * `push`. For when it may no longer input: nobody else would.
   */
  release(): Uint8Array {
    if (this.more === 0 || !this.isPassing) return this.releases();
    this.isReleaseDue = true;
    return new Uint8Array(0);
  }

  private releases(): Uint8Array {
    this.isReleaseDue = false;
    const messages = [...this.held.values(), ...(this.pointer ? [this.pointer] : [])];
    this.held.clear();
    this.pointer = null;
    return join(messages);
  }

  private takeHandshake(read: Uint8Array, passed: Uint8Array[]): void {
    if (this.phase === 'version') {
      if (read.length < 12) return;
      const version = /^RFB 003\.00([378])\n$/.exec(new TextDecoder('latin1').decode(read))?.[1];
      if (version === undefined) throw bad('it does not begin as a VNC client of version 3.3, 3.7 or 3.8');
      // Before 3.7 the server chose how clients prove who they are, and these say nothing about it.
      this.phase = version === '3' ? 'share' : 'security';
      passed.push(read.slice());
    } else if (this.phase === 'security') {
      if (read[0] !== 1) throw bad('screens of VMs have no password: the client must choose the security type None');
      this.phase = 'share';
      passed.push(read.slice());
    } else {
      // One that wants the screen for itself would end all others.
      this.phase = 'messages';
      passed.push(Uint8Array.of(1));
    }
    this.headBytes = 0;
  }

  private takeHead(read: Uint8Array, passed: Uint8Array[]): void {
    const head = headOf(read);
    if (!head || read.length < head.bytes) return;
    this.headBytes = 0;
    this.more = head.more;
    this.isPassing = !head.isInput || this.options.mayInput();
    if (!this.isPassing) return;
    passed.push(read.slice());
    if (!head.isInput) return;
    this.remember(read);
    this.options.onInput?.(read);
  }

  private remember(message: Uint8Array): void {
    const [type, second = 0] = message;
    if (type === 5) {
      const hasButtons = (second & 0x7f) !== 0 || (message[6] ?? 0) !== 0;
      const release = message.slice();
      release[1] = second & 0x80;
      if (release.length > 6) release[6] = 0;
      this.pointer = hasButtons ? release : null;
    } else if (type === 4 || (type === 255 && second === 0)) {
      const isDown = type === 4 ? second !== 0 : (message[2] ?? 0) !== 0 || (message[3] ?? 0) !== 0;
      const key = `${type} ${message.subarray(4).join(' ')}`;
      if (!isDown) this.held.delete(key);
      else if (this.held.size < maxHeldKeys) {
        const release = message.slice();
        release.fill(0, type === 4 ? 1 : 2, type === 4 ? 2 : 4);
        this.held.set(key, release);
      }
    }
  }
}

/** The message that begins so; null while it takes more bytes to know. @throws AppError */
function headOf(read: Uint8Array): Head | null {
  const look = (bytes: number, more = 0): Head => ({ bytes, more, isInput: false });
  const input = (bytes: number, more = 0): Head => ({ bytes, more, isInput: true });
  const [type, second = 0] = read;
  const view = new DataView(read.buffer, read.byteOffset, read.length);
  const hasRead = (bytes: number) => read.length >= bytes;
  switch (type) {
    case 0: // SetPixelFormat
      return look(20);
    case 2: // SetEncodings
      return hasRead(4) ? look(4, 4 * view.getUint16(2)) : null;
    case 3: // FramebufferUpdateRequest
    case 150: // EnableContinuousUpdates
      return look(10);
    case 248: {
      // ClientFence
      if (!hasRead(9)) return null;
      if ((read[8] ?? 0) > maxFenceBytes) throw bad('a fence of its is too long');
      return look(9, read[8]);
    }
    case 4: // KeyEvent
      return input(8);
    case 5: // PointerEvent; with the first bit, that of extended mouse buttons
      return hasRead(2) ? input((second & 0x80) === 0 ? 6 : 7) : null;
    case 6: {
      // ClientCutText; a negative length is that of the extended clipboard
      if (!hasRead(8)) return null;
      const bytes = Math.abs(view.getInt32(4));
      if (bytes > maxCutTextBytes) throw bad(`its clipboard has ${bytes} bytes, and at most ${maxCutTextBytes} pass`);
      return input(8, bytes);
    }
    case 250: // xvp: power
      return input(4);
    case 251: // SetDesktopSize
      return hasRead(8) ? input(8, 16 * (read[6] ?? 0)) : null;
    case 255:
      if (!hasRead(2)) return null;
      if (second === 0) return input(12); // QEMU extended key event
      if (second === 1) return hasRead(4) ? input(view.getUint16(2) === 2 ? 10 : 4) : null; // QEMU audio
      throw bad(`it sent the message 255-${second}, which meshd does not know`);
    default:
      throw bad(`it sent the message ${type ?? ''}, which meshd does not know`);
  }
}

function bad(why: string): AppError {
  return new AppError('invalid', `this VNC client cannot be connected: ${why}`);
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1 && parts[0]) return parts[0];
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
