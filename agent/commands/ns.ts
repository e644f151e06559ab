// The `ns` commands: hosts of the active namespace, how VMs are spread over them, and its launches. Texts and columns are minimega's where it has one.
import { responseEntry, type ResponseEntry } from '../../contract/command-socket.ts';
import { AppError } from '../../contract/errors.ts';
import type { RosterNode } from '../../contract/roster.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { parseRange, rangeHint } from '../../core/ranges/parse-range.ts';
import { loadKinds } from '../../core/vms/placement.ts';
import { goRfc822 } from '../../core/go-time.ts';
import type { Launches } from '../namespaces/launches.ts';
import type { Namespaces } from '../namespaces/namespaces.ts';
import type { CommandCall, Handlers } from './handler.ts';

export function createNsHandlers(namespaces: Namespaces, launches: Launches): Handlers {
  const loads = loadKinds.map((load) => [
    `ns <load,> <${load},>`,
    async (call: CommandCall) => {
      await namespaces.setLoad(call.namespace, load);
      return answer(call, {});
    },
  ]);
  return {
    ...(Object.fromEntries(loads) as Handlers),
    'ns <load,>': (call) => Promise.resolve(answer(call, { Response: namespaces.load(call.namespace) })),

    'ns <hosts,>': (call) =>
      Promise.resolve(answer(call, { Response: describeRange(namespaces.hosts(call.namespace)) })),

    'ns <add-hosts,> <hostname or range or all>': async (call) => {
      const nodes = hostsOf(call, namespaces);
      await namespaces.addHosts(call.namespace, nodes);
      const away = nodes === 'all' ? [] : nodes.filter(({ id }) => !namespaces.isInMesh(id)).map(({ name }) => name);
      if (away.length === 0) return answer(call, {});
      const is = away.length === 1 ? 'is' : 'are';
      return answer(call, {
        Response: `${describeRange(away)} ${is} not in the mesh now: until then commands fail there`,
      });
    },

    'ns <del-hosts,> <hostname or range or all>': async (call) => {
      await namespaces.deleteHosts(call.namespace, hostsOf(call, namespaces));
      return answer(call, {});
    },

    'ns <schedule,> <status,>': (call) => {
      const rows = launches
        .of(call.namespace)
        .map(({ startedAt, endedAt, state, launched, failures, total, hosts }) => [
          goRfc822(startedAt),
          endedAt === null ? '' : goRfc822(endedAt),
          state,
          ...[launched, failures, total, hosts].map(String),
        ]);
      const Header = ['start', 'end', 'state', 'launched', 'failures', 'total', 'hosts'];
      return Promise.resolve(answer(call, { Header, Tabular: rows.length === 0 ? null : rows }));
    },
  };
}

/** The nodes that were named. @throws AppError `invalid`, `not-found` with minimega's text */
function hostsOf({ command, host }: CommandCall, namespaces: Namespaces): readonly RosterNode[] | 'all' {
  const parsed = parseRange(command.words['hostname'] ?? '');
  if (!parsed.ok) throw new AppError('invalid', parsed.message);
  if (parsed.names.includes('all')) return 'all';
  const members = new Map(namespaces.members().map((node) => [node.name, node]));
  const nodes: RosterNode[] = [];
  const unknown: string[] = [];
  for (const name of parsed.names) {
    const node = members.get(name === 'localhost' ? host : name);
    if (node) nodes.push(node);
    else unknown.push(name);
  }
  const [first] = unknown;
  if (first === undefined) return nodes;
  const more = unknown.length > 1 ? ` and ${unknown.length - 1} more` : '';
  throw new AppError('not-found', `unknown host: \`${first}\`${more}${rangeHint(first)}`);
}

function answer({ host }: CommandCall, entry: Partial<Omit<ResponseEntry, 'Host'>>): ResponseEntry[] {
  return [responseEntry(host, entry)];
}
