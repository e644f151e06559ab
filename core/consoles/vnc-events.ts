// Keys and pointer of a VNC client as minimega writes them to files: `KeyEvent,true,a`, `PointerEvent,0,100,200`, each with the nanoseconds since the
// one before in front. And the same as messages of RFC 6143.
import { keyName, keysymOf } from './keysyms.ts';

export type VncEvent =
  | { readonly kind: 'key'; readonly isDown: boolean; readonly keysym: number }
  | { readonly kind: 'pointer'; readonly buttons: number; readonly x: number; readonly y: number };

export interface TimedEvent {
  /** Milliseconds after the one before. */
  readonly afterMs: number;
  readonly event: VncEvent;
}

export type ParsedEvent =
  { readonly ok: true; readonly event: VncEvent } | { readonly ok: false; readonly message: string };

export function describeEvent(event: VncEvent): string {
  if (event.kind === 'key') return `KeyEvent,${String(event.isDown)},${keyName(event.keysym)}`;
  return `PointerEvent,${event.buttons},${event.x},${event.y}`;
}

export function parseEvent(text: string): ParsedEvent {
  const [kind, ...fields] = text.trim().split(',');
  if (kind === 'KeyEvent' && fields.length === 2) {
    const [down, name = ''] = fields;
    const keysym = keysymOf(name);
    if (keysym === null) return { ok: false, message: `unknown key: \`${name.slice(0, 80)}\`` };
    if (down === 'true' || down === 'false')
      return { ok: true, event: { kind: 'key', isDown: down === 'true', keysym } };
  }
  if (kind === 'PointerEvent' && fields.length === 3 && fields.every((field) => /^\d{1,5}$/.test(field))) {
    const [buttons = 0, x = 0, y = 0] = fields.map(Number);
    if (buttons <= 255 && x <= 65_535 && y <= 65_535) return { ok: true, event: { kind: 'pointer', buttons, x, y } };
  }
  const forms = '`KeyEvent,<true,false>,<key>` or `PointerEvent,<buttons>,<x>,<y>`';
  return { ok: false, message: `invalid event \`${text.slice(0, 80)}\`: ${forms}` };
}

/** A line of a recording. */
export function recordingLine({ afterMs, event }: TimedEvent): string {
  return `${Math.max(0, Math.round(afterMs * 1e6))}:${describeEvent(event)}\n`;
}

export type ParsedRecording =
  { readonly ok: true; readonly events: readonly TimedEvent[] } | { readonly ok: false; readonly message: string };

/** A whole recording. Blank lines and comments say nothing. */
export function parseRecording(text: string, name: string): ParsedRecording {
  const events: TimedEvent[] = [];
  for (const [at, line] of text.split('\n').entries()) {
    if (/^\s*(#.*)?$/.test(line)) continue;
    const [, nanoseconds, rest = ''] = /^\s*(\d{1,15}):(.*)$/.exec(line) ?? [];
    if (nanoseconds === undefined)
      return { ok: false, message: `${name}:${at + 1} does not begin with nanoseconds and a colon` };
    const parsed = parseEvent(rest);
    if (!parsed.ok) return { ok: false, message: `${name}:${at + 1} ${parsed.message}` };
    events.push({ afterMs: Number(nanoseconds) / 1e6, event: parsed.event });
  }
  return { ok: true, events };
}

/** As a client sends it. */
export function messageOf(event: VncEvent): Uint8Array {
  if (event.kind === 'key') {
    const message = new Uint8Array(8);
    message.set([4, event.isDown ? 1 : 0]);
    new DataView(message.buffer).setUint32(4, event.keysym);
    return message;
  }
  const message = new Uint8Array(6);
  message.set([5, event.buttons]);
  const view = new DataView(message.buffer);
  view.setUint16(2, event.x);
  view.setUint16(4, event.y);
  return message;
}

/** What a client's message types or points at; null for other messages. */
export function eventOf(message: Uint8Array): VncEvent | null {
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  const [type, second = 0] = message;
  if (type === 4 && message.length === 8) return { kind: 'key', isDown: second !== 0, keysym: view.getUint32(4) };
  if (type === 5 && message.length >= 6)
    return { kind: 'pointer', buttons: second & 0x7f, x: view.getUint16(2), y: view.getUint16(4) };
  // QEMU's extended key event has the key's position behind its name.
  if (type === 255 && second === 0 && message.length === 12)
    return { kind: 'key', isDown: view.getUint16(2) !== 0, keysym: view.getUint32(4) };
  return null;
}
