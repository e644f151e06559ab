// The links of this node: calls in and out, hellos, which of two links to the same node stays, and refusals.
//
//   dialler                                acceptor
//     --- TLS: both check chain, cluster id, then roster: no member, no byte ---
//     hello {min,max,context,incarnation,roster,insist}  -->
//                                          <--  hello {…}                    both: link up
//                                          <--  refuse {code, message, members}, then closed
//
// INVARIANTS: at most one link to a node is up; a link is up on both sides or is being closed by one of them; nothing is
// sent to a peer that is not a member of the roster in force.
import type { ErrorCode } from '../../contract/errors.ts';
import { handshakeTimeoutMs } from '../../contract/limits.ts';
import { mustRefuse } from '../../core/mesh/dialing.ts';
import { judgeCaller } from '../../core/mesh/hello.ts';
import { deadline } from './clock.ts';
import { frameType, Hello, jsonFrame, protocolMin, readJson, Refuse } from './frames.ts';
import { Link } from './link.ts';
import { describeNode, type MeshParts } from './parts.ts';
import type { Connection, DialTarget, Transport } from './transport.ts';

/** A member on a LAN answers in milliseconds, on a loaded machine in a second. */
const dialTimeoutMs = 3_000;
/** Slots are bits of one number (LinkStateMap.knownBySlots). */
const slotCount = 30;

export interface LinkEvents {
  onUp(link: Link): void;
  /** Only for links that were up. */
  onDown(link: Link, reason: string): void;
  /** A frame of a link that is up. False: it was malformed. */
  onFrame(link: Link, frame: Uint8Array): boolean;
}

export type DialResult =
  | { readonly ok: true; readonly link: Link }
  | {
      readonly ok: false;
      readonly code: ErrorCode;
      readonly message: string;
      readonly refusal: Refuse | null;
      /** It accepted the call and closed it without an answer, as it does with callers that are not members (SPEC T4). */
      readonly isShut?: true;
    };

export interface Dial {
  /** A node id, or what a person typed. */
  readonly target: string;
  readonly startedAt: number;
  stage: 'connecting' | 'greeting';
  cancel(message: string): void;
}

export class LinkTable {
  private readonly parts: MeshParts;
  private readonly transport: Transport;
  private readonly events: LinkEvents;
  private readonly upById = new Map<string, Link>();
  private readonly waiting = new Set<Link>();
  private readonly dials = new Map<string, Dial>();
  /** Dials whose hello is on the way, by the peer they reached. */
  private readonly greetings = new Map<string, Dial>();
  private freeSlots = Array.from({ length: slotCount }, (_, i) => slotCount - 1 - i);
  private upNow: readonly Link[] = [];
  private isStopped = false;

  constructor(components: { parts: MeshParts; transport: Transport; events: LinkEvents }) {
    this.parts = components.parts;
    this.transport = components.transport;
    this.events = components.events;
  }

  /** Links that are up, oldest first. */
  up(): readonly Link[] {
    return this.upNow;
  }

  get(nodeId: string): Link | undefined {
    return this.upById.get(nodeId);
  }

  /** Dials under way: those younger than `ageMs`, and the others. */
  diallingCounts(ageMs: number): { young: number; old: number } {
    const since = this.parts.clock.now() - ageMs;
    let young = 0;
    for (const dial of this.dials.values()) if (dial.startedAt > since) young += 1;
    return { young, old: this.dials.size - young };
  }

  isDialling(target: string): boolean {
    return this.dials.has(target) || this.greetings.has(target);
  }

  /** A connection that another node opened. */
  accept(connection: Connection): void {
    const refusal = this.isStopped ? 'stopping' : this.standingRefusal(connection);
    const entry = refusal === null ? this.parts.map.ensure(connection.peer.nodeId) : undefined;
    if (refusal !== null || !entry) {
      connection.close(refusal ?? 'the map is full');
      return;
    }
    const link = new Link(
      { connection, isOurDial: false, entry, now: this.parts.clock.now() },
      { counters: this.parts.counters },
    );
    this.listen(link, (frame) => {
      this.onCallerHello(link, frame);
    });
  }

  /** Tries addresses one after the other. `done` is called once, not before this returns. */
  dial(
    target: { key: string; addresses: readonly DialTarget[] },
    options: { insist: boolean },
    done: (result: DialResult) => void,
  ): Dial {
    const now = this.parts.clock.now();
    let attempt: { cancel(): void } = { cancel: () => undefined };
    let isDone = false;
    const dial: Dial = {
      target: target.key,
      startedAt: now,
      stage: 'connecting',
      cancel: (message) => {
        attempt.cancel();
        finish({ ok: false, code: 'cancelled', message, refusal: null });
      },
    };
    const finish = (result: DialResult) => {
      if (isDone) return;
      isDone = true;
      this.dials.delete(target.key);
      for (const [id, other] of this.greetings) if (other === dial) this.greetings.delete(id);
      done(result);
    };
    this.dials.set(target.key, dial);
    const tryNext = (at: number, lastError: string) => {
      const address = target.addresses[at];
      if (!address) {
        finish({ ok: false, code: 'unreachable', message: lastError, refusal: null });
        return;
      }
      attempt = this.transport.dial(address, dialTimeoutMs, {
        onError: (message) => {
          if (!isDone) tryNext(at + 1, `${address.host}:${address.port}: ${message}`);
        },
        onOpen: (connection) => {
          if (isDone || this.isStopped) {
            connection.close('no longer wanted');
            return;
          }
          const link = this.greet(connection, dial, options, finish);
          if (link) {
            attempt = {
              cancel: () => {
                this.close(link, 'no longer wanted');
              },
            };
          }
        },
      });
    };
    if (target.addresses.length > 0) tryNext(0, '');
    else {
      this.parts.clock.after(0, () => {
        finish({ ok: false, code: 'unreachable', message: 'it has no address', refusal: null });
      });
    }
    return dial;
  }

  close(link: Link, reason: string, options: { flush: boolean } = { flush: false }): void {
    link.connection.close(reason, options);
    // A flushing connection closes later; the link is gone for us now.
    this.ended(link, reason);
  }

  /** Closes every link whose node the roster in force no longer admits. */
  closeShutOut(): void {
    for (const link of [...this.upNow, ...this.waiting]) {
      const refusal = this.standingRefusal(link.connection);
      if (refusal !== null) this.close(link, refusal);
    }
  }

  stop(reason: string): void {
    this.isStopped = true;
    for (const dial of [...this.dials.values(), ...this.greetings.values()]) dial.cancel(reason);
    for (const link of [...this.upNow, ...this.waiting]) this.close(link, reason);
  }

  private greet(
    connection: Connection,
    dial: Dial,
    options: { insist: boolean },
    finish: (result: DialResult) => void,
  ): Link | null {
    const { nodeId } = connection.peer;
    const isSelf = nodeId === this.parts.selfId;
    const refusal = isSelf ? 'it is this node itself' : this.standingRefusal(connection);
    const entry = refusal === null ? this.parts.map.ensure(nodeId) : undefined;
    if (refusal !== null || !entry) {
      connection.close(refusal ?? 'the map is full');
      finish({ ok: false, code: isSelf ? 'invalid' : 'refused', message: refusal ?? 'the map is full', refusal: null });
      return null;
    }
    if (this.upById.has(nodeId)) {
      connection.close('already connected');
      finish({
        ok: false,
        code: 'conflict',
        message: `already connected to ${describeNode(this.parts, nodeId)}`,
        refusal: null,
      });
      return null;
    }
    const link = new Link(
      { connection, isOurDial: true, entry, now: this.parts.clock.now() },
      { counters: this.parts.counters },
    );
    dial.stage = 'greeting';
    this.greetings.set(nodeId, dial);
    this.listen(
      link,
      (frame) => {
        this.onAnswer(link, frame, finish);
      },
      (reason, isByPeer) => {
        if (!isByPeer) finish({ ok: false, code: 'unreachable', message: reason, refusal: null });
        else {
          const message = `${reason} without a hello: perhaps it admits this node no more (revoked, removed, or another key)`;
          finish({ ok: false, code: 'refused', message, refusal: null, isShut: true });
        }
      },
    );
    link.send(this.helloFrame(options.insist), this.parts.clock.now());
    return link;
  }

  private listen(
    link: Link,
    onFirst: (frame: Uint8Array) => void,
    onEndBeforeUp: (reason: string, isByPeer: boolean) => void = () => undefined,
  ): void {
    this.waiting.add(link);
    const timer = deadline(this.parts.clock, handshakeTimeoutMs, () => {
      if (link.state === 'calling' || link.state === 'greeting') this.close(link, 'no hello in time');
    });
    link.connection.handle({
      onFrame: (frame) => {
        if (link.state === 'up') {
          if (!this.events.onFrame(link, frame))
            this.close(link, `it sent a malformed frame of type ${frame[0] ?? -1}`);
        } else if (link.state !== 'closed') {
          timer.cancel();
          onFirst(frame);
        }
      },
      onClose: (reason) => {
        timer.cancel();
        const wasUp = link.state === 'up';
        const isByPeer = link.state !== 'closed';
        this.ended(link, reason);
        if (!wasUp) onEndBeforeUp(reason, isByPeer);
      },
    });
  }

  private onCallerHello(link: Link, frame: Uint8Array): void {
    const hello = frame[0] === frameType.hello ? Hello.safeParse(readJson(frame, 1)) : null;
    if (!hello?.success) {
      this.close(link, 'it said no hello');
      return;
    }
    const refusal = this.judgeHello(link, hello.data);
    if (refusal) {
      this.parts.log.debug(`mesh: refused ${describeNode(this.parts, link.peerId)}: ${refusal.message}`);
      link.send(jsonFrame(frameType.refuse, refusal), this.parts.clock.now());
      this.close(link, refusal.message, { flush: true });
      return;
    }
    this.greetings.get(link.peerId)?.cancel('it called us at the same time');
    this.dials.get(link.peerId)?.cancel('it called us at the same time');
    const existing = this.upById.get(link.peerId);
    if (existing) this.close(existing, 'replaced by a new link of the same node');
    link.send(this.helloFrame(false), this.parts.clock.now());
    this.comeUp(link, hello.data);
  }

  private judgeHello(link: Link, hello: Hello): Refuse | null {
    const spoken = this.speakableRefusal(hello);
    if (spoken) return spoken;
    const existing = this.upById.get(link.peerId);
    const now = this.parts.clock.now();
    const verdict = judgeCaller({
      selfId: this.parts.selfId,
      callerId: link.peerId,
      callerIncarnation: hello.incarnation,
      existing: existing
        ? { isOurDial: existing.isOurDial, ageMs: now - existing.upAt, peerIncarnation: existing.peerIncarnation }
        : null,
      ownDial: this.greetings.has(link.peerId) ? 'greeting' : this.dials.has(link.peerId) ? 'connecting' : 'none',
    });
    if (verdict === 'duplicate') return { code: 'duplicate', message: 'our own call to you is on the way' };
    const isFull = mustRefuse({
      degree: this.parts.degree(),
      links: this.upNow.length - (existing ? 1 : 0),
      callerIsInMap: () => this.parts.topology.isReachable(link.entry),
      callerInsists: hello.insist === true,
    });
    if (!isFull) return null;
    const members = this.parts.topology
      .reached()
      .filter((entry) => entry !== this.parts.map.self && entry !== link.entry)
      .map((entry) => ({
        id: entry.id,
        room: this.parts.map.degreeOf(entry) * 2 - this.parts.map.neighboursOf(entry).length,
      }))
      .filter(({ room }) => room > 0)
      .sort((a, b) => b.room - a.room)
      .slice(0, 8)
      .map(({ id }) => id);
    return { code: 'full', message: `it has twice its degree in links (${this.upNow.length})`, members };
  }

  private onAnswer(link: Link, frame: Uint8Array, finish: (result: DialResult) => void): void {
    const fail = (message: string, refusal: Refuse | null = null) => {
      this.close(link, message);
      finish({ ok: false, code: 'refused', message, refusal });
    };
    if (frame[0] === frameType.refuse) {
      const refuse = Refuse.safeParse(readJson(frame, 1));
      fail(refuse.success ? refuse.data.message : 'it refused without a reason', refuse.success ? refuse.data : null);
      return;
    }
    const hello = frame[0] === frameType.hello ? Hello.safeParse(readJson(frame, 1)) : null;
    if (!hello?.success) {
      fail('it said no hello');
      return;
    }
    const spoken = this.speakableRefusal(hello.data);
    if (spoken) {
      fail(spoken.message, spoken);
      return;
    }
    if (this.upById.has(link.peerId)) {
      fail('already connected');
      return;
    }
    this.comeUp(link, hello.data);
    finish({ ok: true, link });
  }

  private comeUp(link: Link, hello: Hello): void {
    const now = this.parts.clock.now();
    this.waiting.delete(link);
    link.state = 'up';
    link.upAt = now;
    link.protocol = Math.min(this.parts.protocolMax, hello.max);
    link.suspicion.heardAt = now;
    link.peerIncarnation = hello.incarnation;
    link.peerRosterVersion = hello.roster;
    link.slot = this.freeSlots.pop() ?? -1;
    // The slot's former neighbour knew other states than this one.
    if (link.slot >= 0) this.parts.map.forgetSlot(link.bit);
    this.upById.set(link.peerId, link);
    this.upNow = [...this.upById.values()];
    this.events.onUp(link);
  }

  /** Marks a link's end once, no matter which side ended it. */
  private ended(link: Link, reason: string): void {
    if (link.state === 'closed') return;
    const wasUp = link.state === 'up';
    link.state = 'closed';
    this.waiting.delete(link);
    if (!wasUp) return;
    if (this.upById.get(link.peerId) === link) this.upById.delete(link.peerId);
    this.upNow = [...this.upById.values()];
    if (link.slot >= 0) this.freeSlots.push(link.slot);
    this.events.onDown(link, reason);
  }

  /** Why the roster does not admit this peer, or null if it does. */
  private standingRefusal(connection: Connection): string | null {
    const { nodeId, keyHash } = connection.peer;
    switch (this.parts.roster.standing(nodeId, keyHash)) {
      case 'member':
        return null;
      case 'revoked':
        return 'its certificate was revoked';
      case 'unknown':
        return 'it is not in the roster';
      case 'wrong-key':
        return 'its key is not the one in the roster';
    }
  }

  private helloFrame(insist: boolean): Uint8Array {
    const hello: Hello = {
      min: protocolMin,
      max: this.parts.protocolMax,
      context: this.parts.roster.roster.context,
      incarnation: this.parts.map.incarnationOf(this.parts.map.self),
      roster: this.parts.roster.version,
      ...(insist ? { insist } : {}),
    };
    return jsonFrame(frameType.hello, hello);
  }

  /** Why two nodes cannot talk at all: no common protocol version, or another context. */
  private speakableRefusal(hello: Hello): Refuse | null {
    const { protocolMax, roster } = this.parts;
    if (hello.min > protocolMax || hello.max < protocolMin) {
      return {
        code: 'version',
        message: `it speaks mesh protocol ${hello.min} to ${hello.max}, we speak ${protocolMin} to ${protocolMax}: upgrade one`,
      };
    }
    if (hello.context !== roster.roster.context) return { code: 'context', message: 'it belongs to another context' };
    return null;
  }
}
