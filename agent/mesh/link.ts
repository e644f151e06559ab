// One link: a connection with a member, from its hello to its end. It counts what it sends, bounds what it queues, and
// remembers which states its neighbour has.
import { maxLinkQueueBytes, maxUnreadLinkBytes } from '../../contract/limits.ts';
import type { LinkStateEntry } from '../../core/mesh/link-states.ts';
import { freshSuspicion, type Suspicion } from '../../core/mesh/suspicion.ts';
import type { Connection } from './transport.ts';

/** Link states wait for this much room: they are coalesced while they wait, other frames are not. Stream data is at most half of it. */
const congestedBytes = 2 * maxUnreadLinkBytes;

export interface LinkCounters {
  frames: number;
  bytes: number;
  /** Link states sent, the bulk of a mesh's messages. */
  states: number;
}

export class Link {
  readonly peerId: string;
  readonly connection: Connection;
  /** We dialled it. */
  readonly isOurDial: boolean;
  readonly entry: LinkStateEntry;
  /** 0-29: its bit in the map's knownBySlots; -1 where all bits are taken. */
  slot = -1;
  /** `calling`: its hello is awaited. `greeting`: ours is sent, the answer is awaited. */
  state: 'calling' | 'greeting' | 'up' | 'closed';
  /** The highest protocol version that both ends speak; set when the link comes up. */
  protocol = 0;
  upAt = 0;
  peerIncarnation = 0;
  peerRosterVersion = 0;
  rosterAskedAt = -Infinity;
  suspicion: Suspicion;
  sentAt: number;
  /** Places of states that this neighbour lacks beyond what is flooded to all. */
  readonly backlog = new Set<number>();
  digestSentAt = -Infinity;
  private readonly counters: LinkCounters;

  constructor(
    facts: { connection: Connection; isOurDial: boolean; entry: LinkStateEntry; now: number },
    components: { counters: LinkCounters },
  ) {
    this.connection = facts.connection;
    this.peerId = facts.connection.peer.nodeId;
    this.isOurDial = facts.isOurDial;
    this.entry = facts.entry;
    this.state = facts.isOurDial ? 'greeting' : 'calling';
    this.suspicion = freshSuspicion(facts.now);
    this.sentAt = facts.now;
    this.counters = components.counters;
  }

  get bit(): number {
    return this.slot < 0 ? 0 : 1 << this.slot;
  }

  get isCongested(): boolean {
    return this.connection.queuedBytes > congestedBytes;
  }

  send(frame: Uint8Array, now: number): void {
    this.sentAt = now;
    this.sendData(frame);
  }

  /** Without counting as a sign of life: heartbeats go out beside stream data (SPEC B6). */
  sendData(frame: Uint8Array): void {
    if (this.state === 'closed') return;
    if (this.connection.queuedBytes + frame.length > maxLinkQueueBytes) {
      this.connection.close('it did not take what we sent');
      return;
    }
    this.counters.frames += 1;
    this.counters.bytes += frame.length;
    this.connection.send(frame);
  }

  countStates(count: number): void {
    this.counters.states += count;
  }
}
