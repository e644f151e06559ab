// Streams between members, as the rest of meshd uses them: opens them, offers services, and passes on those of others. The
// opener chooses a stream's path, which does not change (SPEC.md section B). link-streams.ts has what happens on one link.
import type { Duplex } from 'node:stream';
import { AppError, describeError } from '../../contract/errors.ts';
import {
  maxStreamOpenBytes,
  maxStreams,
  maxStreamsPerLink,
  maxStreamsPerMember,
  streamHalfOpenMs,
  streamOpenMs,
} from '../../contract/limits.ts';
import type { LinkStateEntry } from '../../core/mesh/link-states.ts';
import { errorCodeFrom, streamsProtocol } from './frames.ts';
import type { Link } from './link.ts';
import { LinkStreams, type Leg, type LegOwner } from './link-streams.ts';
import type { LinkTable } from './link-table.ts';
import { MeshStream } from './mesh-stream.ts';
import { describeNode, type MeshParts } from './parts.ts';
import type { Requester } from './requests.ts';
import { encodeOpenBody, legOf, reasonOf, type CloseReason, type Open } from './stream-frames.ts';
import { StreamRelay } from './stream-relay.ts';

export interface StreamCall {
  readonly from: Requester;
  /** JSON of the opener: not parsed yet. */
  readonly args: unknown;
  /** Aborts when the opener gave up before the stream was taken. */
  readonly signal: AbortSignal;
  /** Takes the stream, once; it is the service's from then on. @throws AppError when the opener gave up */
  readonly accept: () => Duplex;
}

/** Serves a stream. The opener gets what it throws, before `accept` as the answer, after it as the end of the stream. */
export type StreamHandler = (call: StreamCall) => Promise<void> | void;

export interface OpenStreamOptions {
  /** Until the service took it: 30 s unless given, which is the most. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** As with a message that meets no route. */
const retryMs = 250;
const maxRetries = 8;
const checkMs = 1_000;
/** Of the nodes to upgrade, as many as an error names. */
const namedNodes = 5;

/** A stream on this node, so that it can be bounded and closed. */
interface Held {
  readonly from: string;
  readonly to: string;
  /** Its legs on this node: two of a relay. */
  readonly legs: readonly Leg[];
  close(reason: CloseReason): void;
}

/** Streams from this node to itself run over a link that is made for them, so that they behave like all others. */
interface Loop {
  readonly near: LinkStreams;
  readonly far: LinkStreams;
}

export class Streams {
  private readonly parts: MeshParts;
  private readonly links: LinkTable;
  private readonly services = new Map<string, StreamHandler>();
  private readonly byLink = new Map<Link, LinkStreams>();
  private readonly held = new Set<Held>();
  /** Members that speak no protocol with streams, and the incarnation of which we know it. */
  private readonly old = new Map<string, number>();
  private loop: Loop | null = null;
  private checkAt = 0;
  private isStopped = false;

  constructor(components: { parts: MeshParts; links: LinkTable }) {
    this.parts = components.parts;
    this.links = components.links;
  }

  serve(service: string, handler: StreamHandler): void {
    this.services.set(service, handler);
  }

  /**
   * Opens a stream to a service of a node, this one too; resolves when the service took it.
   * @throws AppError `not-found`, `unreachable`, `refused` (also: too old for streams), `conflict` (too many), `timeout`,
   * `cancelled`, and what the service says
   */
  async open(nodeId: string, service: string, args: unknown, options: OpenStreamOptions = {}): Promise<Duplex> {
    const body = encodeOpenBody({ service, args: args ?? null });
    if (!body) {
      throw new AppError(
        'invalid',
        `the service and the argument of a stream have at most ${maxStreamOpenBytes} bytes`,
      );
    }
    const name = describeNode(this.parts, nodeId);
    const timeoutMs = Math.min(options.timeoutMs ?? streamOpenMs, streamOpenMs);
    const giveUp = new AbortController();
    const timer = this.parts.clock.after(timeoutMs, () => {
      giveUp.abort(new AppError('timeout', `${name} did not take the stream within ${timeoutMs} ms`));
    });
    const onAbort = () => {
      giveUp.abort(new AppError('cancelled', 'cancelled'));
    };
    options.signal?.addEventListener('abort', onAbort, { once: true });
    if (options.signal?.aborted) onAbort();
    try {
      return await this.openUntil(giveUp.signal, nodeId, body);
    } finally {
      timer.cancel();
      options.signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Whether a link that is closed would take streams with it. */
  isCarriedBy(link: Link): boolean {
    return (this.byLink.get(link)?.size ?? 0) > 0;
  }

  linkUp(link: Link): void {
    if (link.protocol < streamsProtocol) return;
    const { clock } = this.parts;
    const streams = this.createLinkStreams({
      peerId: link.peerId,
      isOurDial: link.isOurDial,
      send: (frame) => {
        link.send(frame, clock.now());
      },
      sendData: (frame) => {
        link.sendData(frame);
      },
    });
    this.byLink.set(link, streams);
  }

  linkDown(link: Link, why: string): void {
    const streams = this.byLink.get(link);
    this.byLink.delete(link);
    const [self, peer] = [this.parts.selfId, link.peerId].map((id) => describeNode(this.parts, id));
    streams?.cut({
      code: 'unreachable',
      message: `the stream broke: ${self} lost its link to ${peer}: ${why}`.slice(0, 1_000),
    });
  }

  /** Handles the frames of this part; false if malformed. */
  onFrame(link: Link, frame: Uint8Array): boolean {
    return this.byLink.get(link)?.onFrame(frame) ?? false;
  }

  /** Called often: ends what waits for too long. */
  tick(): void {
    const now = this.parts.clock.now();
    if (now < this.checkAt) return;
    this.checkAt = now + checkMs;
    for (const each of [...this.held]) {
      const quietMs = now - Math.max(...each.legs.map(({ movedAt }) => movedAt));
      if (quietMs > streamOpenMs && !each.legs.every(({ isAccepted }) => isAccepted)) {
        each.close({ code: 'timeout', message: `nobody took the stream within ${streamOpenMs} ms` });
      } else if (quietMs > streamHalfOpenMs && each.legs.some((leg) => leg.hasSentEnd !== leg.hasGotEnd)) {
        const message = `one direction of the stream ended, and nothing moved in the other for ${streamHalfOpenMs} ms`;
        each.close({ code: 'timeout', message });
      }
    }
    for (const [link, streams] of [...this.byLink]) {
      if (streams.hasUnconfirmed(now)) this.links.close(link, 'it did not confirm the end of a stream');
    }
  }

  rosterChanged(): void {
    for (const each of [...this.held]) {
      const gone = [each.from, each.to].find((id) => this.parts.roster.node(id)?.state !== 'member');
      if (gone === undefined) continue;
      each.close({
        code: 'refused',
        message: `${describeNode(this.parts, gone)} is no longer a member of the cluster`,
      });
    }
    for (const id of this.old.keys()) if (!this.parts.roster.node(id)) this.old.delete(id);
  }

  stop(): void {
    this.isStopped = true;
    const message = `the stream broke: ${describeNode(this.parts, this.parts.selfId)} is stopping`;
    for (const each of [...this.held]) each.close({ code: 'unreachable', message });
  }

  private async openUntil(giveUp: AbortSignal, nodeId: string, body: Uint8Array): Promise<Duplex> {
    for (let retries = 0; ;) {
      giveUp.throwIfAborted();
      const path = this.pathTo(nodeId);
      const outcome = await this.openAlong(path, body, giveUp);
      if (outcome instanceof MeshStream) return outcome;
      if (outcome.route === 'old' && this.remember(outcome.nodes ?? [])) continue;
      retries += 1;
      if (outcome.route !== 'lost' || retries > maxRetries) {
        throw new AppError(errorCodeFrom(outcome.code), outcome.message);
      }
      await new Promise<void>((resolve) => {
        this.parts.clock.after(retryMs, resolve);
      });
    }
  }

  /** One try: the stream, or what kept it from being opened. */
  private openAlong(path: readonly string[], body: Uint8Array, giveUp: AbortSignal): Promise<MeshStream | CloseReason> {
    const [self = '', next = ''] = path;
    const link = this.links.get(next);
    const streams = next === self ? this.ownLoop().near : link && this.byLink.get(link);
    if (this.isStopped) return Promise.resolve({ code: 'cancelled', message: 'this meshd is stopping' });
    if (!streams) return Promise.resolve(this.noLinkTo(next));
    const full = this.whyFull(streams.isFullForUs, next);
    if (full) return Promise.resolve(full);
    return new Promise((resolve) => {
      const end = new StreamEnd({ from: self, to: path.at(-1) ?? '' }, { onOver: () => this.held.delete(end) });
      const onGiveUp = () => {
        // Only `open` aborts it, with an error.
        end.close(reasonOf(giveUp.reason as AppError));
      };
      end.onOutcome = (outcome) => {
        giveUp.removeEventListener('abort', onGiveUp);
        resolve(outcome);
      };
      giveUp.addEventListener('abort', onGiveUp, { once: true });
      this.held.add(end);
      end.legs.push(streams.open(path, body, end));
    });
  }

  /** A neighbour asks for a stream: to a service here, or to be passed on. */
  private onOpen(streams: LinkStreams, frame: Uint8Array, open: Open): Leg | CloseReason | false {
    const { path, place } = open;
    const { selfId, roster } = this.parts;
    const [from = ''] = path;
    const to = path.at(-1) ?? '';
    const isLoop = streams === this.loop?.far;
    if (path[place] !== selfId || path[place - 1] !== streams.link.peerId) return false;
    if (!isLoop && new Set(path).size !== path.length) return false;
    const stranger = [from, to].find((id) => roster.node(id)?.state !== 'member');
    if (stranger !== undefined) {
      return { code: 'refused', message: `${describeNode(this.parts, stranger)} is not a member of the cluster` };
    }
    const full = this.whyFull(streams.isFullForPeer, streams.link.peerId);
    if (full) return full;
    const id = legOf(frame);
    if (to === selfId) return this.serveOpen(streams, id, open, from);
    const next = path[place + 1] ?? '';
    const link = this.links.get(next);
    const nextStreams = link && this.byLink.get(link);
    if (!link) return this.noLinkTo(next);
    if (!nextStreams) return this.oldNeighbours(next);
    const nextFull = this.whyFull(nextStreams.isFullForUs, next);
    if (nextFull) return nextFull;
    const relay = new StreamRelay({ from, to }, { onOver: () => this.held.delete(relay) });
    this.held.add(relay);
    return relay.join({ streams, id, window: open.window }, nextStreams, frame);
  }

  private serveOpen(streams: LinkStreams, id: number, open: Open, from: string): Leg | CloseReason {
    const { service, args } = open.body;
    const handler = this.services.get(service);
    const self = describeNode(this.parts, this.parts.selfId);
    if (!handler)
      return { code: 'not-found', message: `${self} has no service "${service}": another version of meshd?` };
    const { selfId } = this.parts;
    const ofMember = [...this.held].filter(
      (each) => each.from === from && each.to === selfId && each instanceof StreamEnd,
    );
    if (ofMember.length >= maxStreamsPerMember) {
      const message = `${maxStreamsPerMember} streams of ${describeNode(this.parts, from)} end on ${self}, which is the limit: end some`;
      return { code: 'conflict', message };
    }
    const end = new StreamEnd({ from, to: selfId }, { onOver: () => this.held.delete(end) });
    this.held.add(end);
    const leg = streams.take(id, open.window, end);
    end.legs.push(leg);
    void this.runService(handler, end, { from: { nodeId: from, name: describeNode(this.parts, from) }, args });
    return leg;
  }

  private async runService(
    handler: StreamHandler,
    end: StreamEnd,
    call: Pick<StreamCall, 'from' | 'args'>,
  ): Promise<void> {
    const abort = new AbortController();
    end.onOutcome = (outcome) => {
      if (!(outcome instanceof MeshStream)) abort.abort(new AppError(errorCodeFrom(outcome.code), outcome.message));
    };
    try {
      await handler({ ...call, signal: abort.signal, accept: () => end.accept() });
      end.close({ code: 'failed', message: 'the service did not take the stream' }, { ifWaiting: true });
    } catch (error) {
      if (!(error instanceof AppError))
        this.parts.log.warn(`mesh: a stream of ${call.from.name} failed: ${describeError(error)}`);
      end.close(reasonOf(error instanceof Error ? error : new Error(describeError(error))));
    }
  }

  /** A shortest path, ourselves first. @throws AppError */
  private pathTo(nodeId: string): string[] {
    const { roster, map, topology, selfId } = this.parts;
    const name = describeNode(this.parts, nodeId);
    if (nodeId === selfId) return [selfId, selfId];
    const node = roster.node(nodeId);
    if (!node) throw new AppError('not-found', 'no such node in the roster');
    if (node.state !== 'member') throw new AppError('refused', `${name} was revoked`);
    const target = map.get(nodeId);
    if (!target || !topology.isReachable(target)) throw new AppError('unreachable', `${name} is not in the mesh now`);
    const avoided = this.oldEntries();
    const path = topology.pathTo(target, avoided);
    if (path) return path.map(({ id }) => id);
    if (avoided.has(target)) throw new AppError('refused', `${name} is too old for streams: upgrade it (deploy)`);
    const names = [...avoided].map(({ id }) => describeNode(this.parts, id)).sort();
    const more = names.length > namedNodes ? ` and ${names.length - namedNodes} more` : '';
    throw new AppError(
      'refused',
      `every path to ${name} leads over nodes that are too old for streams: upgrade ${names.slice(0, namedNodes).join(', ')}${more} (deploy)`,
    );
  }

  /** Nodes without streams, as far as we know. Those that restarted since may have been upgraded. */
  private oldEntries(): Set<LinkStateEntry> {
    const { map } = this.parts;
    const entries = new Set<LinkStateEntry>();
    for (const link of this.links.up()) if (link.protocol < streamsProtocol) entries.add(link.entry);
    for (const [id, incarnation] of this.old) {
      const entry = map.get(id);
      if (entry && map.incarnationOf(entry) === incarnation) entries.add(entry);
      else this.old.delete(id);
    }
    return entries;
  }

  /** Whether any of it is news. */
  private remember(ids: readonly string[]): boolean {
    const { map } = this.parts;
    const known = this.oldEntries();
    for (const id of ids) {
      const entry = map.get(id);
      if (entry && this.parts.roster.node(id)) this.old.set(id, map.incarnationOf(entry));
    }
    return this.oldEntries().size > known.size;
  }

  private noLinkTo(next: string): CloseReason {
    const [self, peer] = [this.parts.selfId, next].map((id) => describeNode(this.parts, id));
    return { code: 'unreachable', message: `${self} has no link to ${peer} now`, route: 'lost' };
  }

  private oldNeighbours(next: string): CloseReason {
    const nodes = this.links.up().flatMap((link) => (link.protocol < streamsProtocol ? [link.peerId] : []));
    const message = `${describeNode(this.parts, next)} is too old for streams: upgrade it (deploy)`;
    // The one that was asked for, whatever else fits.
    return {
      code: 'refused',
      message,
      route: 'old',
      nodes: [next, ...nodes.filter((id) => id !== next)].slice(0, 128),
    };
  }

  private whyFull(isLinkFull: boolean, peerId: string): CloseReason | null {
    const [self, peer] = [this.parts.selfId, peerId].map((id) => describeNode(this.parts, id));
    if (this.held.size >= maxStreams) {
      return { code: 'conflict', message: `${self} has ${maxStreams} streams, which is the limit: end some` };
    }
    if (!isLinkFull) return null;
    const message = `the link between ${self} and ${peer} has ${maxStreamsPerLink} streams one way, which is the limit: end some`;
    return { code: 'conflict', message };
  }

  private createLinkStreams(link: LinkStreams['link']): LinkStreams {
    return new LinkStreams({
      link,
      now: () => this.parts.clock.now(),
      events: { onOpen: (streams, frame, open) => this.onOpen(streams, frame, open) },
    });
  }

  private ownLoop(): Loop {
    this.loop ??= this.createLoop();
    return this.loop;
  }

  private createLoop(): Loop {
    const peerId = this.parts.selfId;
    const sender = (to: () => LinkStreams) => {
      let queue: Uint8Array[] = [];
      return (frame: Uint8Array) => {
        queue.push(frame);
        // Later, as from a network, and other work in between.
        if (queue.length > 1) return;
        setImmediate(() => {
          const due = queue;
          queue = [];
          for (const each of due) to().onFrame(each);
        });
      };
    };
    const toFar = sender(() => loop.far);
    const toNear = sender(() => loop.near);
    const loop: Loop = {
      near: this.createLinkStreams({ peerId, isOurDial: true, send: toFar, sendData: toFar }),
      far: this.createLinkStreams({ peerId, isOurDial: false, send: toNear, sendData: toNear }),
    };
    return loop;
  }
}

/** An end of a stream on this node, before and after it is taken. */
class StreamEnd implements LegOwner, Held {
  readonly from: string;
  readonly to: string;
  readonly legs: Leg[] = [];
  /** Called with the stream, or with the reason why it was not taken; what comes after that counts for nothing. */
  onOutcome: (outcome: MeshStream | CloseReason) => void = () => undefined;
  private readonly onOver: () => void;
  private stream: MeshStream | null = null;

  constructor(facts: { from: string; to: string }, components: { onOver: () => void }) {
    this.from = facts.from;
    this.to = facts.to;
    this.onOver = components.onOver;
  }

  /** For the side that was opened to. */
  accept(): MeshStream {
    const [leg] = this.legs;
    if (!leg || leg.isOver || this.stream) throw new AppError('cancelled', 'the stream was closed before it was taken');
    leg.accept();
    return this.take(leg);
  }

  close(reason: CloseReason, { ifWaiting = false } = {}): void {
    if (!this.stream) {
      for (const leg of this.legs) leg.close(reason);
      this.onOutcome(reason);
    } else if (!ifWaiting) this.stream.destroy(new AppError(errorCodeFrom(reason.code), reason.message));
  }

  onAccepted(leg: Leg): void {
    this.onOutcome(this.take(leg));
  }

  onData(): void {
    // Neither side may send before the stream is taken, and then its Duplex is the owner.
  }

  onEnd(): void {
    // As with data; the side that opened may end early, and the Duplex asks for it when it is made.
  }

  onSent(): void {
    // Nothing is sent yet.
  }

  onClosed(_leg: Leg, reason: CloseReason): void {
    this.onOutcome(reason);
  }

  onFreed(): void {
    this.onOver();
  }

  private take(leg: Leg): MeshStream {
    this.stream = new MeshStream(leg, { onOver: this.onOver });
    return this.stream;
  }
}
