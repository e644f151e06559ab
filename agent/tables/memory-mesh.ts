// For tests: nodes that reach each other at once, with nothing between them. What crosses goes through JSON.
import { AppError, describeError } from '../../contract/errors.ts';
import type { NoticeHandler, RequestHandler, RequestResult } from '../mesh/requests.ts';
import type { SharingMesh } from './sharing.ts';

export type MemoryMesh = SharingMesh & { nameOf(id: string): string };

export class MemoryMeshes {
  /** Nodes that do not answer. */
  readonly silent = new Set<string>();
  private readonly names = new Map<string, string>();
  private readonly handlers = new Map<string, RequestHandler>();
  private readonly notices = new Map<string, NoticeHandler>();

  /** The mesh as a new node sees it. */
  join(nodeId: string, name: string): MemoryMesh {
    this.names.set(nodeId, name);
    const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
    const from = { nodeId, name };
    const ask = async (id: string, kind: string, body: unknown): Promise<RequestResult> => {
      const handler = this.handlers.get(`${id} ${kind}`);
      if (this.silent.has(id) || !handler) return { ok: false, code: 'timeout', message: 'timed out' };
      try {
        const answer = await handler(copy(body), { from, signal: new AbortController().signal });
        return { ok: true, body: copy(answer) };
      } catch (error) {
        const code = error instanceof AppError ? error.code : 'failed';
        return { ok: false, code, message: describeError(error) };
      }
    };
    const nothing = () => undefined;
    return {
      nodeId,
      memberIds: () => [...this.names.keys()],
      nameOf: (id) => this.names.get(id) ?? id,
      request: async (ids, kind, body) =>
        new Map(await Promise.all(ids.map(async (id) => [id, await ask(id, kind, body)] as const))),
      serve: (kind, handler) => void this.handlers.set(`${nodeId} ${kind}`, handler),
      notify: (ids, kind, body) => {
        for (const id of ids) if (id !== nodeId) this.notices.get(`${id} ${kind}`)?.(copy(body), from);
      },
      onNotice: (kind, handler) => void this.notices.set(`${nodeId} ${kind}`, handler),
      // Nothing changes in this mesh, so nobody is called.
      on: nothing as never,
      off: nothing as never,
    };
  }
}
