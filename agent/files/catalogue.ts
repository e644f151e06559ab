// Which node has which file. Asked when someone wants a file, since every answer may be another one a second later. SPEC.md C.
import { z } from 'zod';
import { AppError, describeError } from '../../contract/errors.ts';
import { maxFileNameBytes, maxListedFiles, maxQueuedFetches } from '../../contract/limits.ts';
import { parseFileName } from '../../core/files/file-name.ts';
import { matchesGlob, parseGlob } from '../../core/files/glob.ts';
import type { ImageFile, Inspections } from '../../host/images/chain.ts';
import type { ImageFacts } from '../../host/images/headers.ts';
import type { FileStore } from '../../host/images/image-store.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { RequestResult } from '../mesh/requests.ts';
import type { Candidate } from './fetch.ts';
import type { FileManifests } from './hashes.ts';
import type { SharedPart } from './holder.ts';

const haveKind = 'file-have';
const namesKind = 'file-names';
/** Half of what `mesh send` waits: its answer still arrives when a member says nothing. */
const askMs = 5_000;

const Hash = z.string().regex(/^[0-9a-f]{64}$/);
const Bytes = z
  .number()
  .int()
  .min(0)
  .max(2 ** 53);
const HaveRequest = z.object({ name: z.string().max(maxFileNameBytes), fetches: z.boolean() });
const HaveAnswer = z.object({
  file: z
    .object({
      bytes: Bytes,
      storedBytes: Bytes,
      modifiedMs: z.number().min(-8.64e15).max(8.64e15),
      /** Null while the node has not hashed it. */
      hash: Hash.nullable(),
      format: z.string().max(16),
      virtualBytes: z
        .number()
        .min(0)
        .max(2 ** 62),
      backing: z.object({ file: z.string().max(1_024), format: z.string().max(16).nullable() }).nullable(),
      isEncrypted: z.boolean(),
      snapshots: z.number().int().min(0).max(1e6),
      problem: z.string().max(1_000).nullable(),
    })
    .nullable(),
  isFolder: z.boolean(),
  /** The file is on its way to the node. */
  part: z.object({ bytes: Bytes, hash: Hash }).nullable(),
});
type HaveAnswer = z.infer<typeof HaveAnswer>;
const NamesRequest = z.object({ folder: z.string().max(maxFileNameBytes), pattern: z.string().max(maxFileNameBytes) });
const NamesAnswer = z.object({
  names: z.array(z.string().max(maxFileNameBytes)).max(maxQueuedFetches),
  isCut: z.boolean(),
});

/** A file on another node, as the one that is preferred has it. */
export interface FoundFile extends ImageFile {
  readonly storedBytes: number;
  readonly hash: string | null;
  readonly nodeId: string;
  /** The preferred node first. */
  readonly candidates: readonly Candidate[];
}

export interface WhereIs {
  readonly file: FoundFile | null;
  /** Some node has a folder of this name. */
  readonly isFolder: boolean;
  /** Nodes that have a complete file of this name: with the content that is preferred, as far as it is known, or another. */
  readonly holders: readonly { readonly nodeId: string; readonly node: string; readonly isSame: boolean }[];
  /** Nodes that did not answer, with the reason. */
  readonly silent: readonly string[];
}

export type CatalogueMesh = Pick<Mesh, 'nodeId' | 'memberIds' | 'nameOf' | 'request' | 'serve'>;

export interface CatalogueComponents {
  readonly mesh: CatalogueMesh;
  readonly store: FileStore;
  readonly manifests: FileManifests;
  readonly inspections: Inspections;
  readonly headId: () => string;
  readonly part: (name: string) => SharedPart | null;
  /** Another node is about to fetch the file. */
  readonly onFetcher: (name: string, nodeId: string) => void;
}

export class Catalogue {
  private readonly components: CatalogueComponents;

  constructor(components: CatalogueComponents) {
    this.components = components;
    const { mesh, onFetcher } = components;
    mesh.serve(haveKind, async (body, { from }) => {
      const request = HaveRequest.safeParse(body);
      const name = request.success ? parseFileName(request.data.name) : null;
      if (!request.success || !name?.ok) throw new AppError('invalid', `${haveKind}: no name of a file`);
      if (request.data.fetches) onFetcher(name.name, from.nodeId);
      return this.answer(name.name);
    });
    mesh.serve(namesKind, async (body) => {
      const request = NamesRequest.safeParse(body);
      if (!request.success) throw new AppError('invalid', `${namesKind}: no pattern`);
      return this.namesHere(request.data.folder, request.data.pattern);
    });
  }

  /** Asks all other members. `fetches`: this node fetches the file next, and others may take from it then. */
  async whereIs(
    name: string,
    { fetches, signal }: { readonly fetches: boolean; readonly signal?: AbortSignal },
  ): Promise<WhereIs> {
    const { mesh, headId } = this.components;
    const { answers, silent } = await this.ask(
      haveKind,
      { name, fetches } satisfies z.infer<typeof HaveRequest>,
      HaveAnswer,
      signal,
    );
    const complete = [...answers].flatMap(([nodeId, { file }]) => (file ? [{ nodeId, file }] : []));
    const head = complete.find(({ nodeId }) => nodeId === headId());
    // The head's copy counts, as everywhere; without one the newest.
    const chosen =
      head ?? complete.sort((a, b) => b.file.modifiedMs - a.file.modifiedMs || (a.nodeId < b.nodeId ? -1 : 1))[0];
    const isSame = (bytes: number, hash: string | null) =>
      chosen !== undefined &&
      bytes === chosen.file.bytes &&
      (hash === null || chosen.file.hash === null || hash === chosen.file.hash);
    const candidates = complete
      .filter(({ file }) => isSame(file.bytes, file.hash))
      .map(({ nodeId, file }): Candidate => ({ nodeId, bytes: file.bytes, hash: file.hash, isPart: false }))
      .sort((a, b) => Number(b.nodeId === chosen?.nodeId) - Number(a.nodeId === chosen?.nodeId));
    for (const [nodeId, { part }] of answers) {
      if (part && isSame(part.bytes, part.hash))
        candidates.push({ nodeId, bytes: part.bytes, hash: part.hash, isPart: true });
    }
    return {
      file: chosen ? foundFile(name, chosen, candidates) : null,
      isFolder: [...answers.values()].some(({ isFolder }) => isFolder),
      holders: complete.map(({ nodeId, file }) => ({
        nodeId,
        node: mesh.nameOf(nodeId),
        isSame: isSame(file.bytes, file.hash),
      })),
      silent,
    };
  }

  /** Nodes that have this very file, or parts of it. */
  async whoHas({
    name,
    hash,
    bytes,
  }: {
    readonly name: string;
    readonly hash: string;
    readonly bytes: number;
  }): Promise<Candidate[]> {
    const { answers } = await this.ask(haveKind, { name, fetches: true }, HaveAnswer);
    return [...answers].flatMap(([nodeId, { file, part }]): Candidate[] => {
      if (file?.bytes === bytes && (file.hash === null || file.hash === hash)) {
        return [{ nodeId, bytes, hash: file.hash, isPart: false }];
      }
      return part?.hash === hash && part.bytes === bytes ? [{ nodeId, bytes, hash, isPart: true }] : [];
    });
  }

  /** Names of files of other nodes: those that fit a pattern, or with an empty one all in a folder and below. */
  async names(
    folder: string,
    pattern: string,
    signal?: AbortSignal,
  ): Promise<{ names: string[]; isCut: boolean; silent: readonly string[] }> {
    const { answers, silent } = await this.ask(namesKind, { folder, pattern }, NamesAnswer, signal);
    const names = new Set<string>();
    for (const answer of answers.values()) {
      for (const name of answer.names) {
        const parsed = parseFileName(name);
        if (parsed.ok && parsed.name !== '') names.add(parsed.name);
      }
    }
    return { names: [...names].sort(), isCut: [...answers.values()].some(({ isCut }) => isCut), silent };
  }

  private async ask<Answer>(
    kind: string,
    body: unknown,
    shape: z.ZodType<Answer>,
    signal?: AbortSignal,
  ): Promise<{ answers: Map<string, Answer>; silent: string[] }> {
    const { mesh } = this.components;
    const others = mesh.memberIds().filter((id) => id !== mesh.nodeId);
    const options = { timeoutMs: askMs, ...(signal ? { signal } : {}) };
    const results = await mesh.request(others, kind, body, options);
    signal?.throwIfAborted();
    const answers = new Map<string, Answer>();
    const silent: string[] = [];
    for (const [nodeId, result] of results) {
      const parsed = result.ok ? shape.safeParse(result.body) : null;
      if (parsed?.success) answers.set(nodeId, parsed.data);
      else silent.push(`${mesh.nameOf(nodeId)}: ${whyNot(result)}`);
    }
    return { answers, silent: silent.sort() };
  }

  private async answer(name: string): Promise<HaveAnswer> {
    const { store, manifests, inspections, part } = this.components;
    const shared = part(name);
    const known = shared ? { bytes: shared.manifest.bytes, hash: shared.manifest.hashes.total } : null;
    const entry = await store.stat(name);
    if (!entry || entry.isFolder) return { file: null, isFolder: entry !== null, part: known };
    const facts = await inspections.of(entry).catch((error: unknown) => {
      throw error instanceof AppError ? error : new AppError('failed', describeError(error), { cause: error });
    });
    const hash = manifests.peek(entry)?.hashes.total ?? null;
    const { bytes, storedBytes, modifiedMs } = entry;
    return { file: { bytes, storedBytes, modifiedMs, hash, ...facts }, isFolder: false, part: known };
  }

  private async namesHere(folder: string, pattern: string): Promise<z.infer<typeof NamesAnswer>> {
    const inside = parseFileName(folder);
    const glob = parseGlob(pattern);
    if (!inside.ok || !glob) throw new AppError('invalid', `${namesKind}: no pattern`);
    const { entries, isCut } = await this.components.store.list(inside.name, {
      isRecursive: true,
      most: maxListedFiles,
    });
    const names = entries.flatMap(({ name, isFolder }) =>
      isFolder || (pattern !== '' && !matchesGlob(glob, name)) ? [] : [name],
    );
    return { names: names.slice(0, maxQueuedFetches), isCut: isCut || names.length > maxQueuedFetches };
  }
}

function whyNot(result: RequestResult): string {
  if (result.ok) return 'it answers something that this meshd does not understand: upgrade the older of both (deploy)';
  // What a meshd says that has no files (agent/mesh/requests.ts).
  return result.code === 'invalid' && result.message.includes('does not know requests of kind')
    ? 'its meshd is too old for files: upgrade it (deploy)'
    : result.message;
}

function foundFile(
  name: string,
  { nodeId, file }: { readonly nodeId: string; readonly file: NonNullable<HaveAnswer['file']> },
  candidates: readonly Candidate[],
): FoundFile {
  const { bytes, storedBytes, modifiedMs, hash, format, ...more } = file;
  // A format of a later version is one that we do not know.
  const facts: ImageFacts = { ...more, format: isFormat(format) ? format : 'other' };
  return { name, bytes, storedBytes, modifiedMs, hash, facts, nodeId, candidates };
}

const isFormat = (text: string): text is ImageFacts['format'] =>
  ['qcow2', 'raw', 'iso', 'kernel', 'initrd', 'vmdk', 'vdi', 'vhd', 'vhdx', 'qed', 'qcow', 'luks', 'other'].includes(
    text,
  );
