// The `mesh …` commands. Texts and columns are minimega's, so that its users and their scripts feel at home.
import { responseEntry, type ResponseEntry } from '../../contract/command-socket.ts';
import { AppError, describeError } from '../../contract/errors.ts';
import { maxDegree, maxMeshTimeoutMs } from '../../contract/limits.ts';
import type { ParsedCommand } from '../../core/commands/types.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import { parseRange } from '../../core/ranges/parse-range.ts';
import { describeDuration } from '../../core/go-duration.ts';
import { writeFileAtomic } from '../../host/files.ts';
import type { Mesh, MeshTopology } from '../mesh/mesh.ts';
import type { CommandCall, Handlers } from './handler.ts';
import { oneName } from './one-name.ts';
import type { Peers } from './peers.ts';

/** How long `mesh send` waits for answers unless `mesh timeout` says otherwise. minimega waits for ever. */
export const defaultMeshTimeoutMs = 10_000;

/** How long this node waits for other nodes' answers: `mesh timeout` sets it, and the parts that forward commands read it. */
export interface MeshTimeout {
  ms: number;
}

export interface MeshHandlerOptions {
  mesh: Pick<Mesh, 'nodeId' | 'degree' | 'status' | 'topology' | 'setDegree' | 'dial' | 'hangup'>;
  peers: Peers;
  timeout: MeshTimeout;
  /** Keeps a degree over restarts. */
  saveDegree: (degree: number) => Promise<void>;
  /** A file below -filepath, as an absolute path. @throws AppError for anything else */
  resolvePath: (filename: string) => Promise<string> | string;
  /** On the head: shuts a node out, by name. @throws AppError elsewhere, naming the head */
  revoke: (name: string) => Promise<void>;
  /** On the head: hands the CA to another member, by name. @throws AppError elsewhere */
  moveAuthority: (name: string) => Promise<void>;
  /** On the head: a sealed copy of the CA, and the code that opens it. @throws AppError elsewhere */
  copyAuthority: () => { cluster: string; sealed: string; code: string };
}

export function createMeshHandlers(options: MeshHandlerOptions): Handlers {
  const { mesh, peers, timeout } = options;

  return {
    'mesh status': (call) => {
      const { size, degree, peers: links, context, port } = mesh.status();
      return answer(call, {
        Header: ['size', 'degree', 'peers', 'context', 'port'],
        Tabular: [[size, degree, links, context, port].map(String)],
      });
    },

    'mesh list [all,peers]': (call) => {
      if (call.command.words['all'] !== undefined) {
        const names = [...peers.names(), call.host].sort(compareNames);
        return answer(call, { Response: describeRange(names), Data: names });
      }
      if (call.command.words['peers'] !== undefined) {
        const names = peers.names();
        return answer(call, { Response: describeRange(names), Data: names });
      }
      return answer(call, { Response: describeTopology(mesh.topology()) });
    },

    'mesh degree [degree]': async (call) => {
      const text = call.command.words['degree'];
      if (text === undefined) return answer(call, { Response: String(mesh.degree) });
      const degree = parseNumber(text);
      if (degree === null) throw new AppError('invalid', `invalid degree \`${text}\`: a number from 0 to ${maxDegree}`);
      mesh.setDegree(degree);
      await options.saveDegree(degree);
      return answer(call, {});
    },

    'mesh dial <hostname>': async (call) => {
      await mesh.dial(oneName(word(call, 'hostname')));
      return answer(call, {});
    },

    'mesh hangup <hostname>': (call) => {
      mesh.hangup(oneName(word(call, 'hostname')));
      return answer(call, {});
    },

    'mesh dot <filename>': async (call) => {
      const name = word(call, 'filename');
      const path = await options.resolvePath(name);
      await writeFileAtomic(path, describeDot(mesh.topology(), mesh.nodeId), { mode: 0o644 }).catch(
        (cause: unknown) => {
          throw new AppError('failed', `cannot write ${name}: ${describeError(cause)}`, { cause });
        },
      );
      return answer(call, {});
    },

    'mesh timeout [timeout]': (call) => {
      const text = call.command.words['timeout'];
      if (text === undefined) return answer(call, { Response: describeDuration(timeout.ms * 1e6) });
      const seconds = parseNumber(text);
      if (seconds === null || seconds * 1000 > maxMeshTimeoutMs) {
        const max = maxMeshTimeoutMs / 1000;
        throw new AppError('invalid', `invalid timeout \`${text}\`: seconds from 0 to ${max}; 0 is the longest, a day`);
      }
      timeout.ms = seconds === 0 ? maxMeshTimeoutMs : seconds * 1000;
      return answer(call, {});
    },

    'mesh send <hostname or range or all> (command)': async (call) => {
      const { nested } = call.command;
      if (!nested) throw new AppError('invalid', 'mesh send wants a command');
      const targets = sendTargets(word(call, 'hostname'), { self: call.host, names: () => peers.names() });
      return peers.send(targets, nested.line, {
        namespace: call.namespace,
        timeoutMs: Math.max(timeout.ms, patienceOf(nested)),
        signal: call.signal,
      });
    },

    'mesh revoke <node>': async (call) => {
      const name = oneName(word(call, 'node'));
      if (name.toLowerCase() === call.host.toLowerCase())
        throw new AppError('refused', 'the head cannot revoke itself');
      await options.revoke(name);
      return answer(call, { Response: `${name} is revoked: its links are closed, and its certificate is refused` });
    },

    'mesh ca <move,> <node>': async (call) => {
      const name = oneName(word(call, 'node'));
      await options.moveAuthority(name);
      return answer(call, { Response: `${name} holds the CA now; deploy from there` });
    },

    'mesh ca <copy,>': (call) => {
      const copy = options.copyAuthority();
      const text = [
        copy.sealed,
        '',
        `recovery code: ${copy.code}`,
        'Keep the line in a file, and the code somewhere else: it is not shown again.',
      ].join('\n');
      return answer(call, { Response: text, Data: copy });
    },
  };
}

/** How long a command may take, where its pattern says so: also inside of others. */
function patienceOf({ pattern, nested }: ParsedCommand): number {
  return Math.max(pattern.patienceMs ?? 0, nested === null ? 0 : patienceOf(nested));
}

/** `node1`, then ` |--neighbour` lines, both in natural order: the same text on every node of a settled mesh. */
export function describeTopology(topology: MeshTopology): string {
  const names = new Map(topology.nodes.map((node) => [node.id, node.name]));
  return topology.nodes
    .map((node) => [`${node.name}\n`, ...node.neighbours.map((id) => ` |--${names.get(id) ?? id}\n`)].join(''))
    .join('');
}

/** The mesh as a Graphviz graph: this node red, the others green, as minimega draws it. */
export function describeDot(topology: MeshTopology, selfId: string): string {
  const names = new Map(topology.nodes.map((node) => [node.id, node.name]));
  const nodes = topology.nodes.map((node) => `  "${node.name}" [color=${node.id === selfId ? 'red' : 'green'}];`);
  const edges = topology.nodes.flatMap((node) =>
    node.neighbours
      .map((id) => names.get(id) ?? id)
      .filter((neighbour) => compareNames(node.name, neighbour) < 0)
      .map((neighbour) => `  "${node.name}" -- "${neighbour}";`),
  );
  return ['graph mesh {', ...nodes, ...edges, '}', ''].join('\n');
}

/** Names that `mesh send` goes to. minimega's rules: `all` is everyone else and stands alone, oneself is left out. */
export function sendTargets(text: string, mesh: { self: string; names: () => string[] }): string[] {
  const range = parseRange(text);
  if (!range.ok) throw new AppError('invalid', range.message);
  if (range.names.includes('all')) {
    if (range.names.length > 1) throw new AppError('invalid', 'wildcard included amongst list of recipients');
    return mesh.names();
  }
  const others = range.names.filter((name) => name.toLowerCase() !== mesh.self.toLowerCase());
  if (others.length === 0) throw new AppError('invalid', 'cannot mesh send yourself');
  return others;
}

function answer(call: CommandCall, part: Partial<Omit<ResponseEntry, 'Host'>>): Promise<ResponseEntry[]> {
  return Promise.resolve([responseEntry(call.host, part)]);
}

function word(call: CommandCall, key: string): string {
  const text = call.command.words[key];
  if (text === undefined) throw new AppError('invalid', `${call.command.pattern.pattern}: ${key} is missing`);
  return text;
}

/** Base prefixes as minimega takes them (0x10, 0b11, 0o7, 017). */
function parseNumber(text: string): number | null {
  if (!/^(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]*|[1-9][0-9]*)$/.test(text)) return null;
  const value = Number(/^0[0-7]+$/.test(text) ? `0o${text}` : text);
  return Number.isSafeInteger(value) ? value : null;
}
