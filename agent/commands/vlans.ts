// The `vlans` commands. Columns and texts are minimega's where it has one.
import { responseEntry, type ResponseEntry } from '../../contract/command-socket.ts';
import { AppError } from '../../contract/errors.ts';
import { parseAlias, parseVlan, parseVlanOrAlias, type AliasName, type Parsed } from '../../core/vlans/names.ts';
import { parseVlanRange } from '../../core/vlans/pool.ts';
import type { Vlans } from '../vlans/vlans.ts';
import type { CommandCall, Handler, Handlers } from './handler.ts';

export function createVlanHandlers(vlans: Vlans): Handlers {
  const { table } = vlans.state;

  const add: Handler = async (call) => {
    const name = aliasOf(call);
    const force = call.command.words['force'] !== undefined;
    const notes = await vlans.add(name, { vlan: vlanOf(call), force }, call);
    return answer(call, { Response: notes.join('\n') });
  };

  const blacklist: Handler = async (call) => {
    if (call.command.words['vlan'] === undefined) {
      const numbers = new Set(table.heldRows().flatMap(({ alias, vlan }) => (alias === '' ? [vlan] : [])));
      return answer(call, { Header: ['vlan'], Tabular: [...numbers].map((vlan) => [String(vlan)]) });
    }
    await vlans.blacklist(vlanOf(call), call.command.words['force'] !== undefined, call);
    return answer(call, {});
  };

  return {
    vlans: (call) => Promise.resolve(tableAnswer(vlans, call)),
    'vlans <add,> <alias>': async (call) => {
      const name = aliasOf(call);
      const { vlan, notes } = await vlans.addFree(name, call);
      return answer(call, { Response: [`${name.alias} is VLAN ${vlan}`, ...notes].join('\n') });
    },
    'vlans <add,> <alias> <vlan>': add,
    'vlans <add,> <alias> <vlan> <force,>': add,
    'vlans <blacklist,> [vlan]': blacklist,
    'vlans <blacklist,> <vlan> <force,>': blacklist,

    'vlans <range,>': (call) => {
      const { min, max } = vlans.pools.range(call.namespace);
      // The lowest that is free: a hint, since the next alias gets one of its owner's numbers.
      const next =
        vlans.pools.next(
          call.namespace,
          () => true,
          () => true,
        ) ?? max;
      return Promise.resolve(answer(call, { Header: ['min', 'max', 'next'], Tabular: [[min, max, next].map(String)] }));
    },

    'vlans <range,> <min> <max>': async (call) => {
      const range = valid(parseVlanRange(word(call, 'min'), word(call, 'max')));
      await vlans.setRange(call.namespace, range);
      return answer(call, {});
    },

    'vlans <join,> <alias>': async (call) =>
      answer(call, { Response: await vlans.joining.describe(aliasOf(call), call) }),

    'vlans <join,> <alias> <vlan>': async (call) =>
      answer(call, { Response: await vlans.joining.join(aliasOf(call), vlanOf(call), call) }),

    'vlans <delete,> <alias>': async (call) => {
      await vlans.delete(valid(parseVlanOrAlias(word(call, 'alias'), call.namespace)), call);
      return answer(call, {});
    },

    'clear vlans [prefix]': async (call) => {
      const prefix = call.command.words['prefix'] ?? '';
      await vlans.clear(prefix === 'all' ? null : { namespace: call.namespace, prefix }, call);
      return answer(call, {});
    },
  };
}

/** A number that is split or clashes says so in its cell: scripts that read a number there must not continue as if all were well. */
function tableAnswer({ state: { table } }: Vlans, call: CommandCall): ResponseEntry[] {
  const held = table.heldRows().filter(({ namespace, alias }) => namespace === call.namespace && alias !== '');
  const rows = new Map<string, [string, string]>();
  for (const { namespace, alias, vlan } of held) {
    const marks = [
      ...(table.isSplit({ namespace, alias }) ? ['split'] : []),
      ...(table.isClash(vlan) ? ['clash'] : []),
    ];
    rows.set(`${vlan} ${alias}`, [alias, marks.length === 0 ? String(vlan) : `${vlan} (${marks.join(', ')})`]);
  }
  return answer(call, { Header: ['alias', 'vlan'], Tabular: [...rows.values()] });
}

function aliasOf(call: CommandCall): AliasName {
  return valid(parseAlias(word(call, 'alias'), call.namespace));
}

function vlanOf(call: CommandCall): number {
  return valid(parseVlan(word(call, 'vlan')));
}

function valid<Value>(parsed: Parsed<Value>): Value {
  if (!parsed.ok) throw new AppError('invalid', parsed.message);
  return parsed.value;
}

function word({ command }: CommandCall, key: string): string {
  return command.words[key] ?? '';
}

function answer({ host }: CommandCall, entry: Partial<Omit<ResponseEntry, 'Host'>>): ResponseEntry[] {
  return [responseEntry(host, entry)];
}
