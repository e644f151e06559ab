// Heartbeats, and what happens when a neighbour's heartbeats stop: suspicion, probes through others, the end of the link.
// The rules and their times are in core/mesh/suspicion.ts.
import { confirmed, heard, heartbeatMs, LocalHealth, stepSuspicion } from '../../core/mesh/suspicion.ts';
import { bareFrame, frameType, numberFrame, readNumber, type Message } from './frames.ts';
import type { Link } from './link.ts';
import type { LinkTable } from './link-table.ts';
import { describeNode, type MeshParts } from './parts.ts';
import type { Unicast } from './unicast.ts';

/** Probes under way for others: when a neighbour goes silent, all nodes that have links with it probe it. */
const maxPings = 1_024;
const helperCount = 3;
const pingsKeptMs = 5_000;

export class FailureDetector {
  private readonly parts: MeshParts;
  private readonly links: LinkTable;
  private readonly unicast: Unicast;
  private readonly health: LocalHealth;
  /** Pings under way for others: by number, the node that gets the answer. */
  private readonly pings = new Map<number, { asker: string; messageId: number; target: string; at: number }>();
  private lastPing = 0;
  private readonly heartbeat = bareFrame(frameType.heartbeat);

  constructor(options: { tickMs: number }, components: { parts: MeshParts; links: LinkTable; unicast: Unicast }) {
    this.parts = components.parts;
    this.links = components.links;
    this.unicast = components.unicast;
    this.health = new LocalHealth(this.parts.clock.now(), options.tickMs);
  }

  tick(): void {
    const now = this.parts.clock.now();
    const lateMs = this.health.tick(now);
    for (const link of this.links.up()) {
      const { suspicion } = link;
      if (lateMs > 0) {
        // This process was held up for that long: it reads what came meanwhile after this.
        suspicion.heardAt = Math.min(now, suspicion.heardAt + lateMs);
        if (suspicion.suspectedAt !== null) suspicion.suspectedAt = Math.min(now, suspicion.suspectedAt + lateMs);
      }
      if (now - link.sentAt >= heartbeatMs) link.send(this.heartbeat, now);
      switch (stepSuspicion(suspicion, now, this.health)) {
        case 'wait':
          break;
        case 'probe':
          this.probe(link);
          break;
        case 'drop':
          this.links.close(link, `silent for ${Math.round(now - suspicion.heardAt)} ms`);
          break;
      }
    }
    for (const [number, ping] of this.pings) if (now - ping.at > pingsKeptMs) this.pings.delete(number);
  }

  /** Any frame is a sign of life. */
  heard(link: Link): void {
    heard(link.suspicion, this.parts.clock.now());
  }

  /** Handles heartbeat, ping and pong; false if malformed. */
  onFrame(link: Link, frame: Uint8Array): boolean {
    if (frame[0] === frameType.heartbeat) return frame.length === 1;
    const number = readNumber(frame);
    if (number === null) return false;
    if (frame[0] === frameType.ping) link.send(numberFrame(frameType.pong, number), this.parts.clock.now());
    else {
      const ping = this.pings.get(number);
      if (ping?.target !== link.peerId) return true;
      this.pings.delete(number);
      this.unicast.sendMessage(ping.asker, ping.messageId, { t: 'reached', target: ping.target });
    }
    return true;
  }

  onMessage(from: string, id: number, message: Message): void {
    if (message.t === 'probe') {
      const link = this.links.get(message.target);
      if (!link || this.pings.size >= maxPings) return;
      this.lastPing = (this.lastPing + 1) >>> 0;
      this.pings.set(this.lastPing, { asker: from, messageId: id, target: message.target, at: this.parts.clock.now() });
      link.send(numberFrame(frameType.ping, this.lastPing), this.parts.clock.now());
    } else if (message.t === 'reached') {
      const link = this.links.get(message.target);
      if (link) confirmed(link.suspicion, this.parts.clock.now());
    }
  }

  /** Asks up to three other nodes that link to the neighbour, and are not reached through it, to ping it. */
  private probe(link: Link): void {
    const { topology, map } = this.parts;
    this.parts.log.debug(`mesh: ${describeNode(this.parts, link.peerId)} is silent; asking others`);
    // Its own list says which nodes are its neighbours; each of them may reach it.
    const helpers = map
      .neighboursOf(link.entry)
      .filter((entry) => entry !== map.self && topology.isReachable(entry) && topology.nextHop(entry) !== link.entry);
    for (let i = 0; i < helperCount && helpers.length > 0; i += 1) {
      const [helper] = helpers.splice(Math.floor(this.parts.random() * helpers.length), 1);
      if (helper) this.unicast.sendMessage(helper.id, 0, { t: 'probe', target: link.peerId });
    }
  }
}
