// The roster of this node: verified, in memory, and on disk. A roster replaces the current one only if the CA signed
// it, it is of this cluster, and its version is higher. On the head, RosterEditor makes new versions.
import { EventEmitter } from 'node:events';
import { verify, X509Certificate, type KeyObject } from 'node:crypto';
import { AppError, describeError } from '../../contract/errors.ts';
import { Roster, SignedRoster, type RosterNode } from '../../contract/roster.ts';
import type { RosterEdit } from '../../core/mesh/roster.ts';
import { writeFileAtomic } from '../../host/files.ts';
import { readIfThere, type Authority } from './authority.ts';

/** A roster whose signature was checked, with its indexes. Immutable, so that simulated nodes may share one. */
export interface VerifiedRoster {
  readonly signed: SignedRoster;
  readonly roster: Roster;
  readonly byId: ReadonlyMap<string, RosterNode>;
  /** By lower-case name. */
  readonly byName: ReadonlyMap<string, RosterNode>;
}

export type Standing = 'member' | 'revoked' | 'unknown' | 'wrong-key';

export type ApplyResult =
  { readonly ok: true; readonly changed: boolean } | { readonly ok: false; readonly message: string };

interface RosterStoreEvents {
  change: [roster: Roster, previous: Roster];
  /** The new roster is in force but could not be written; it comes again from the mesh after a restart. */
  'save-failed': [error: AppError];
}

export interface RosterStoreOptions {
  /** Where it is kept, or null for memory only (simulated nodes). */
  path: string | null;
  caPem: string;
}

export class RosterStore extends EventEmitter<RosterStoreEvents> {
  private readonly path: string | null;
  private readonly caKey: KeyObject;
  private current: VerifiedRoster;
  private saving: Promise<void> = Promise.resolve();

  constructor(options: RosterStoreOptions, components: { initial: VerifiedRoster }) {
    super();
    // Each link and watcher may listen; the count is bounded by what the daemon makes, not by input.
    this.setMaxListeners(0);
    this.path = options.path;
    this.caKey = new X509Certificate(options.caPem).publicKey;
    this.current = components.initial;
  }

  /** Opens the roster at `path`. @throws AppError `invalid` when it is missing, damaged, or not signed by the CA. */
  static async open(options: { path: string; caPem: string }): Promise<RosterStore> {
    const text = await readIfThere(options.path);
    if (text === null)
      throw new AppError('invalid', `${options.path} is missing; deploy this node again from the head`);
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch (cause) {
      throw new AppError('invalid', `${options.path} is damaged; deploy this node again from the head`, { cause });
    }
    const verified = verifyRoster(json, new X509Certificate(options.caPem).publicKey);
    if (!verified.ok) throw new AppError('invalid', `${options.path}: ${verified.message}`);
    return new RosterStore(options, { initial: verified.roster });
  }

  get roster(): Roster {
    return this.current.roster;
  }

  get signed(): SignedRoster {
    return this.current.signed;
  }

  get version(): number {
    return this.current.roster.version;
  }

  node(id: string): RosterNode | undefined {
    return this.current.byId.get(id);
  }

  /** By name, without regard to case. */
  nodeByName(name: string): RosterNode | undefined {
    return this.current.byName.get(name.toLowerCase());
  }

  /** What the roster says of a node that shows a key. */
  standing(id: string, keyHash: string): Standing {
    const node = this.current.byId.get(id);
    if (!node) return 'unknown';
    if (node.state === 'revoked') return 'revoked';
    return node.keyHash === keyHash ? 'member' : 'wrong-key';
  }

  /** Takes a roster from anywhere: checked first, in force at once, saved behind it. */
  apply(candidate: unknown): ApplyResult {
    const verified = verifyRoster(candidate, this.caKey);
    if (!verified.ok) return verified;
    const { roster } = verified.roster;
    if (roster.cluster !== this.roster.cluster) return { ok: false, message: 'it is the roster of another cluster' };
    if (roster.version <= this.roster.version) return { ok: true, changed: false };
    this.replace(verified.roster);
    this.saving = this.saving
      .then(() => this.save())
      .catch((error: unknown) => {
        this.emit('save-failed', new AppError('failed', `the roster was not saved: ${describeError(error)}`));
      });
    return { ok: true, changed: true };
  }

  /** Saves first, then puts in force: for the head, whose version numbers must never be used twice. */
  async commit(signed: SignedRoster): Promise<void> {
    const verified = verifyRoster(signed, this.caKey);
    if (!verified.ok) throw new AppError('refused', verified.message);
    if (verified.roster.roster.version <= this.version) throw new AppError('conflict', 'a newer roster is in force');
    await this.saving;
    await this.save(signed).catch((cause: unknown) => {
      throw new AppError('failed', `the roster is not saved, so nothing was changed: ${describeError(cause)}`, {
        cause,
      });
    });
    this.replace(verified.roster);
  }

  /** Waits until what is in force is on disk. */
  flush(): Promise<void> {
    return this.saving;
  }

  private replace(next: VerifiedRoster): void {
    const previous = this.current.roster;
    this.current = next;
    this.emit('change', next.roster, previous);
  }

  private async save(signed: SignedRoster = this.current.signed): Promise<void> {
    if (this.path !== null) await writeFileAtomic(this.path, JSON.stringify(signed));
  }
}

/** Checks shape and signature of a signed roster. */
export function verifyRoster(
  candidate: unknown,
  caKey: KeyObject,
): { ok: true; roster: VerifiedRoster } | { ok: false; message: string } {
  const signed = SignedRoster.safeParse(candidate);
  if (!signed.success) return { ok: false, message: 'it is not a signed roster' };
  const { body, signature } = signed.data;
  if (!verify('sha256', Buffer.from(body), caKey, Buffer.from(signature, 'base64'))) {
    return { ok: false, message: "the roster's signature is not by this cluster's CA" };
  }
  let roster: Roster;
  try {
    roster = Roster.parse(JSON.parse(body));
  } catch {
    return { ok: false, message: 'the roster has a shape that this version does not know' };
  }
  return { ok: true, roster: indexRoster(signed.data, roster) };
}

/** Indexes a roster whose signature the caller has made or checked. */
export function indexRoster(signed: SignedRoster, roster: Roster): VerifiedRoster {
  return {
    signed,
    roster,
    byId: new Map(roster.nodes.map((node) => [node.id, node])),
    byName: new Map(roster.nodes.map((node) => [node.name.toLowerCase(), node])),
  };
}

/** Edits the roster, on the head. Edits are one after the other, each saved before it is in force. */
export class RosterEditor {
  private readonly authority: Authority;
  private readonly store: RosterStore;
  private readonly head: string;
  private last: Promise<unknown> = Promise.resolve();

  constructor(components: { authority: Authority; store: RosterStore }) {
    this.authority = components.authority;
    this.store = components.store;
    this.head = this.store.roster.head;
  }

  /** Applies an edit of core/mesh/roster.ts to the newest roster. @throws AppError with the edit's refusal */
  edit(make: (roster: Roster) => RosterEdit): Promise<Roster> {
    const done = this.last.then(async () => {
      const { roster } = this.store;
      if (roster.head !== this.head) {
        // Two heads would give two rosters one version number.
        const name = this.store.node(roster.head)?.name ?? 'another node';
        throw new AppError('refused', `the CA moved to ${name}: run it there`);
      }
      const edit = make(this.store.roster);
      if (!edit.ok) throw new AppError(edit.code, edit.message);
      await this.store.commit(this.authority.sign(edit.roster));
      return edit.roster;
    });
    this.last = done.catch(() => undefined);
    return done;
  }
}
