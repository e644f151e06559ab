// Commands over the mesh: lines go to other nodes as requests of kind `command`, and what members send runs here through
// the dispatcher, as theirs. What a member may run is decided where it arrives (core/commands/authorise.ts).
import { z } from 'zod';
import { responseEntry, ResponseEntry } from '../../contract/command-socket.ts';
import { AppError } from '../../contract/errors.ts';
import { maxRequestBytes } from '../../contract/limits.ts';
import { rangeHint } from '../../core/ranges/parse-range.ts';
import { lineTooLong } from '../../core/commands/tokens.ts';
import type { PeerSendOptions, Peers } from '../commands/peers.ts';
import type { RosterStore } from '../identity/roster-store.ts';
import type { Mesh } from './mesh.ts';
import type { Requester } from './requests.ts';

const CommandBody = z.object({ line: z.string().max(maxRequestBytes), namespace: z.string().max(255) });
const CommandAnswer = z.array(ResponseEntry);

/** Runs a member's line on this node: parses, authorises as `via: mesh`, answers with this host's entries. */
export type ExecuteForMember = (
  line: string,
  call: { namespace: string; from: Requester; signal: AbortSignal },
) => Promise<ResponseEntry[]>;

export class MeshPeers implements Peers {
  private readonly mesh: Mesh;
  private readonly roster: RosterStore;

  constructor(components: { mesh: Mesh; roster: RosterStore }) {
    this.mesh = components.mesh;
    this.roster = components.roster;
  }

  /** Answers commands of members from now on. */
  serve(execute: ExecuteForMember): void {
    this.mesh.serve('command', async (body, { from, signal }) => {
      const request = CommandBody.safeParse(body);
      if (!request.success) throw new AppError('invalid', 'the command request has no known shape');
      return execute(request.data.line, { namespace: request.data.namespace, from, signal });
    });
  }

  names(): string[] {
    return this.mesh.names();
  }

  async send(targets: readonly string[], line: string, options: PeerSendOptions): Promise<ResponseEntry[]> {
    const tooLong = lineTooLong(line, 'mesh');
    if (tooLong !== null) throw new AppError('invalid', tooLong);
    const nodes = targets.map((name) => ({ name, node: this.roster.nodeByName(name) }));
    const ids = nodes.flatMap(({ node }) => (node?.state === 'member' ? [node.id] : []));
    const results = await this.mesh.request(
      ids,
      'command',
      { line, namespace: options.namespace },
      { timeoutMs: options.timeoutMs, signal: options.signal },
    );
    return nodes.flatMap(({ name, node }) => {
      if (!node) return [responseEntry(name, { Error: `no node ${name} in the roster${rangeHint(name)}` })];
      if (node.state === 'revoked') return [responseEntry(node.name, { Error: `${node.name} was revoked` })];
      const result = results.get(node.id);
      if (!result?.ok) return [responseEntry(node.name, { Error: result?.message ?? 'no answer' })];
      const entries = CommandAnswer.safeParse(result.body);
      if (!entries.success)
        return [responseEntry(node.name, { Error: 'its answer has no known shape: another version?' })];
      return entries.data;
    });
  }
}
