// Keeps the degree, heals splits, lets excess links go, and dials what a person names. Decisions are in core/mesh/dialing.ts.
import { rangeHint } from '../../core/ranges/parse-range.ts';
import { AppError } from '../../contract/errors.ts';
import type { RosterNode } from '../../contract/roster.ts';
import {
  DialBackoff,
  dialIsSlowAfterMs,
  dialsToStart,
  HealSchedule,
  pickDialTarget,
  pickExcessLink,
  pickFrom,
} from '../../core/mesh/dialing.ts';
import type { Link } from './link.ts';
import type { Dial, DialResult, LinkTable } from './link-table.ts';
import { describeNode, type MeshParts } from './parts.ts';

const trimMs = 2_000;
/** After `mesh hangup` we do not call that node for this long, unless asked to. */
const hangupHoldMs = 30_000;
const insistAfterRefusals = 3;
/** More news than this since the last look means that the map is still filling. */
const fillingVersions = 8;

export class Dialer {
  private readonly parts: MeshParts;
  private readonly links: LinkTable;
  private readonly carriesStreams: (link: Link) => boolean;
  private readonly backoff = new DialBackoff();
  private readonly heal: HealSchedule;
  private others: readonly RosterNode[] = [];
  private readonly degreeDials = new Set<Dial>();
  private suggestions: string[] = [];
  private refusals = 0;
  /** Members that closed our call without an answer since the last link came up. */
  private readonly shutBy = new Set<string>();
  private mapVersionSeen = 0;
  private trimAt: number;

  /** `carriesStreams`: whether streams would break with this link. */
  constructor(components: { parts: MeshParts; links: LinkTable; carriesStreams: (link: Link) => boolean }) {
    this.parts = components.parts;
    this.links = components.links;
    this.carriesStreams = components.carriesStreams;
    const now = this.parts.clock.now();
    this.heal = new HealSchedule(now, this.parts.random());
    this.trimAt = now + trimMs;
    this.rosterChanged();
  }

  rosterChanged(): void {
    this.others = this.parts.roster.roster.nodes.filter(
      (node) => node.state === 'member' && node.id !== this.parts.selfId,
    );
  }

  tick(): void {
    this.keepDegree();
    this.healSplit();
    this.trim();
  }

  linkUp(link: Link): void {
    const now = this.parts.clock.now();
    this.backoff.succeeded(link.peerId);
    this.refusals = 0;
    this.shutBy.clear();
    this.heal.linkCameUp(now, this.parts.random());
    this.keepDegree();
  }

  linkDown(link: Link, reason: string): void {
    // Both ends dial after a loss; the node that went down is not there yet, so not at once.
    this.backoff.failed(link.peerId, this.parts.clock.now(), this.parts.random());
    this.parts.log.info(`mesh: link to ${describeNode(this.parts, link.peerId)} is down: ${reason}`);
    this.keepDegree();
  }

  /** Dials for a person. @throws AppError when no link comes of it */
  async dial(target: string): Promise<void> {
    const node = this.parts.roster.nodeByName(target);
    if (node?.id === this.parts.selfId) throw new AppError('invalid', 'cannot mesh dial yourself');
    if (node && this.links.get(node.id)) throw new AppError('conflict', `already connected to ${node.name}`);
    if (node?.state === 'revoked') throw new AppError('refused', `dial ${node.name}: it was revoked`);
    const result = await new Promise<DialResult>((resolve) => {
      const addresses = node ? addressesOf(node) : [{ host: target, port: this.ownPort() }];
      this.links.dial({ key: node?.id ?? target, addresses }, { insist: true }, resolve);
    });
    if (result.ok) return;
    // Both may have called at once: what counts is the link.
    if (node && this.links.get(node.id)) return;
    throw new AppError(result.code, `dial ${target}: ${result.message}${node ? '' : rangeHint(target)}`);
  }

  /** Ends the link to a node for a person. @throws AppError `not-found` */
  hangup(name: string): void {
    const node = this.parts.roster.nodeByName(name);
    const link = node && this.links.get(node.id);
    if (!link) throw new AppError('not-found', `no such client ${name}${node ? '' : rangeHint(name)}`);
    this.links.close(link, 'hung up by a person');
    this.backoff.hold(link.peerId, this.parts.clock.now() + hangupHoldMs);
  }

  private keepDegree(): void {
    const { young, old } = this.links.diallingCounts(dialIsSlowAfterMs);
    const degree = this.parts.degree();
    const links = this.links.up().length;
    if (links >= degree) {
      // Others called us meanwhile: dials begun only for the degree are no longer needed.
      for (const dial of this.degreeDials) if (dial.stage === 'connecting') dial.cancel('the degree is reached');
      return;
    }
    const count = dialsToStart({ degree, links, dialling: young, diallingSlowly: old });
    for (let i = 0; i < count; i += 1) {
      const target = this.pickForDegree();
      if (!target) return;
      this.call(target, this.degreeDials);
    }
  }

  private pickForDegree(): RosterNode | null {
    const now = this.parts.clock.now();
    const { map, topology } = this.parts;
    const isEligible = (node: RosterNode) => this.isFree(node) && this.backoff.mayDial(node.id, now);
    for (let id = this.suggestions.pop(); id !== undefined; id = this.suggestions.pop()) {
      const node = this.parts.roster.node(id);
      if (node?.state === 'member' && isEligible(node)) return node;
    }
    return pickDialTarget(this.others, {
      isEligible,
      links: (node) => {
        // An absent node may be dead: better than a node with many links, worse than one that lacks some.
        const entry = map.get(node.id);
        return entry && topology.wasReachable(entry) ? map.neighboursOf(entry).length : this.parts.degree();
      },
      random: this.parts.random,
    });
  }

  private healSplit(): void {
    const now = this.parts.clock.now();
    if (!this.heal.isDue(now)) return;
    const { map, topology } = this.parts;
    const isFilling = map.version - this.mapVersionSeen > fillingVersions;
    this.mapVersionSeen = map.version;
    if (isFilling && this.heal.postpone(now)) return;
    // Every reachable node is a member; we do not count ourselves.
    if (topology.reached().length - 1 >= this.others.length) {
      this.heal.nobodyAbsent(now);
      return;
    }
    const isAbsent = (node: RosterNode) => {
      const entry = map.get(node.id);
      return this.isFree(node) && !(entry && topology.isReachable(entry));
    };
    const target = pickFrom(this.others, isAbsent, this.parts.random());
    this.heal.dialled(now, this.parts.random());
    if (target) this.call(target);
  }

  private trim(): void {
    const now = this.parts.clock.now();
    if (now < this.trimAt) return;
    // Jittered, so that two nodes do not let go of the same neighbour together every time.
    this.trimAt = now + trimMs * (0.5 + this.parts.random());
    const { map, topology } = this.parts;
    const degree = this.parts.degree();
    const excess = pickExcessLink(this.links.up(), {
      degree,
      surplus: (link) => map.neighboursOf(link.entry).length - map.degreeOf(link.entry),
      isSpare: (link) => !this.carriesStreams(link) && topology.isReachableWithout(link.entry),
    });
    if (excess) this.links.close(excess, 'more links than twice the degree');
  }

  private isFree(node: RosterNode): boolean {
    return !this.links.get(node.id) && !this.links.isDialling(node.id);
  }

  private call(node: RosterNode, group = new Set<Dial>()): void {
    const insist = this.refusals >= insistAfterRefusals;
    const dial = this.links.dial({ key: node.id, addresses: addressesOf(node) }, { insist }, (result) => {
      group.delete(dial);
      if (result.ok || result.code === 'cancelled') return;
      this.backoff.failed(node.id, this.parts.clock.now(), this.parts.random());
      this.parts.log.debug(`mesh: dial ${node.name}: ${result.message}`);
      if (result.isShut) this.noteShut(node);
      if (result.refusal?.code === 'context' || result.refusal?.code === 'version') {
        this.parts.log.warn(`mesh: ${node.name} refuses this node: ${result.message}`);
      }
      if (result.refusal?.code !== 'full') return;
      this.refusals += 1;
      this.suggestions = [...(result.refusal.members ?? [])];
      this.keepDegree();
    });
    group.add(dial);
  }

  /** A node that was revoked while it was away cannot know it: its roster is old, and nobody sends it the new one. */
  private noteShut(node: RosterNode): void {
    if (this.links.up().length > 0 || this.shutBy.has(node.id)) return;
    this.shutBy.add(node.id);
    // One may just be ending; two of them say something about this node.
    if (this.shutBy.size !== Math.min(2, this.others.length)) return;
    this.parts.log.warn(
      `mesh: other members close our calls without a word: this node may be revoked, removed, or hold an old key; ` +
        `deploy it again from ${describeNode(this.parts, this.parts.roster.roster.head)}`,
    );
  }

  private ownPort(): number {
    return this.parts.roster.node(this.parts.selfId)?.port ?? 9000;
  }
}

function addressesOf(node: RosterNode): { host: string; port: number }[] {
  return node.addresses.map((host) => ({ host, port: node.port }));
}
