// Messages from one node to another along shortest paths. Relays forward without looking inside; they could (SPEC T2):
// all members are root on their hosts and equally trusted. A relay without a route sends the message's id back.
import { NodeId } from '../../contract/roster.ts';
import { maxFrameBytes } from '../../contract/limits.ts';
import {
  bounceBody,
  encodeMessage,
  envelopeBytes,
  envelopeFrame,
  frameType,
  readBounce,
  readEnvelope,
  readMessage,
  takeHop,
  type Message,
} from './frames.ts';
import type { Link } from './link.ts';
import type { LinkTable } from './link-table.ts';
import type { MeshParts } from './parts.ts';

export interface UnicastEvents {
  /** `bytes`: length of the frame that brought it. */
  onMessage(from: string, id: number, message: Message, bytes: number): void;
  /** Our message `id` to `target` was not delivered: it met a node without a route, or came back. */
  onBounce(target: string, id: number): void;
}

/** The largest body of a message. */
export const maxMessageBytes = maxFrameBytes - envelopeBytes;

export class Unicast {
  private readonly parts: MeshParts;
  private readonly links: LinkTable;
  private readonly events: UnicastEvents;

  constructor(components: { parts: MeshParts; links: LinkTable; events: UnicastEvents }) {
    this.parts = components.parts;
    this.links = components.links;
    this.events = components.events;
  }

  /** Sends a message; false if there is no route now. `body` is from encodeMessage, at most maxMessageBytes. */
  send(to: string, id: number, body: Uint8Array): boolean {
    const link = this.nextLink(to);
    if (!link) return false;
    link.send(envelopeFrame(frameType.unicast, { to, from: this.parts.selfId, id }, body), this.parts.clock.now());
    return true;
  }

  sendMessage(to: string, id: number, message: Message): boolean {
    return this.send(to, id, encodeMessage(message));
  }

  /** Handles unicast and bounce frames; false if malformed. */
  onFrame(link: Link, frame: Uint8Array): boolean {
    const envelope = readEnvelope(frame);
    if (!envelope) return false;
    // Our own message came back: a loop while routes change. It ends here, and was not delivered.
    if (envelope.from === this.parts.selfId) {
      if (frame[0] === frameType.unicast) this.events.onBounce(envelope.to, envelope.id);
      return true;
    }
    if (envelope.to === this.parts.selfId) return this.deliver(frame, envelope.from, envelope.id);
    const next = takeHop(frame) ? this.nextLink(envelope.to) : null;
    if (next && next !== link) next.send(frame, this.parts.clock.now());
    else if (frame[0] === frameType.unicast) {
      this.nextLink(envelope.from)?.send(
        envelopeFrame(
          frameType.bounce,
          { to: envelope.from, from: this.parts.selfId, id: envelope.id },
          bounceBody(envelope.to),
        ),
        this.parts.clock.now(),
      );
    }
    return true;
  }

  private deliver(frame: Uint8Array, from: string, id: number): boolean {
    // A revoked node's message may still come through a member that does not know yet.
    if (this.parts.roster.node(from)?.state !== 'member') return true;
    if (frame[0] === frameType.bounce) {
      const target = NodeId.safeParse(readBounce(frame));
      if (!target.success) return false;
      this.events.onBounce(target.data, id);
      return true;
    }
    const message = readMessage(frame);
    // Another member may be at fault, not the neighbour that forwarded it: the message is dropped, and the link stays.
    if (message) this.events.onMessage(from, id, message, frame.length);
    else this.parts.log.warn(`mesh: a message from ${from.slice(0, 8)} has no known shape; dropped`);
    return true;
  }

  private nextLink(to: string): Link | null {
    const entry = this.parts.map.get(to);
    const hop = entry ? this.parts.topology.nextHop(entry) : null;
    return hop ? (this.links.get(hop.id) ?? null) : null;
  }
}
