// A port of a bridge that gets a copy of all frames that come into it, for the time of one capture (ovs-vswitchd.conf.db(5), Mirror). The bridge
// takes no frame from that port, so nothing that listens there can be heard. Rows are marked; what is not marked is never touched.
import { writeFile } from 'node:fs/promises';
import { AppError } from '../../contract/errors.ts';
import { readIds, readMap, readText } from '../ovs/ovsdb-values.ts';
import { CommandError, localRunner } from '../runner.ts';
import { bridgeName, captureMark } from './capture-host.ts';

const timeoutMs = 20_000;

export interface SwitchAccess {
  /** Where Open vSwitch has its sockets. */
  readonly runFolder: string;
  /** `argv` that enters the switch's network namespace; empty for this one. */
  readonly within: readonly string[];
}

export const mirrorPortOf = (id: number): string => `mega_cap${id}`;

/** @throws AppError `not-found` without that bridge, `failed` with the reason */
export async function vsctl({ runFolder }: SwitchAccess, ...words: readonly string[]): Promise<string> {
  const argv = ['ovs-vsctl', `--db=unix:${runFolder}/db.sock`, '--timeout=15', '--format=json', ...words];
  try {
    return (await localRunner.run(argv, { timeoutMs })).stdout;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const reason = (error.stderr.trim().split('\n').at(-1) ?? '').replace(/^ovs-vsctl: /, '');
    const code = reason.includes('no bridge named') || reason.includes('no row') ? 'not-found' : 'failed';
    throw new AppError(code, `Open vSwitch: ${reason || 'no answer: `systemctl status openvswitch-switch`'}`, {
      cause: error,
    });
  }
}

/** @throws AppError `not-found` */
export function assertBridgeName(bridge: string): void {
  if (!bridgeName.test(bridge)) throw new AppError('not-found', `no bridge named ${bridge.slice(0, 40)}`);
}

/** The port, which is up: what comes into the bridge from now on comes out of it. @throws AppError */
export async function addMirror(access: SwitchAccess, id: number, bridge: string): Promise<string> {
  assertBridgeName(bridge);
  const port = mirrorPortOf(id);
  const mark = `external_ids:${captureMark}=${id}`;
  await vsctl(
    access,
    ...['--', 'add-port', bridge, port, '--', 'set', 'Interface', port, 'type=internal'],
    ...['--', 'set', 'Port', port, mark, '--', '--id=@p', 'get', 'Port', port],
    ...['--', '--id=@m', 'create', 'Mirror', `name=${port}`, 'select-all=true', 'output-port=@p', mark],
    ...['--', 'add', 'Bridge', bridge, 'mirrors', '@m'],
  );
  try {
    // This machine has no business on that port: no address, and no question for one.
    if (access.within.length === 0)
      await writeFile(`/proc/sys/net/ipv6/conf/${port}/accept_ra`, '0').catch(() => undefined);
    const ip = [...access.within, 'ip', 'link', 'set', 'dev', port];
    await localRunner.run([...ip, 'addrgenmode', 'none'], { timeoutMs }).catch(() => undefined);
    await localRunner.run([...ip, 'arp', 'off', 'up'], { timeoutMs });
    await lookAgain(access, bridge);
    return port;
  } catch (error) {
    await removeMirrors(access, (of) => of === String(id)).catch(() => undefined);
    throw error;
  }
}

/** Of no interface: Open vSwitch counts its ports from 1 up. */
const nobodysPort = 'in_port=65024';

/**
 * A flow that no frame fits, made and removed. Open vSwitch 3.1 leaves what it does with frames that keep passing as it is when a mirror comes or goes; a change of
 * flows has it look again.
 */
async function lookAgain({ runFolder }: SwitchAccess, bridge: string): Promise<void> {
  const to = `unix:${runFolder}/${bridge}.mgmt`;
  await localRunner.run(['ovs-ofctl', 'add-flow', to, `${nobodysPort},actions=drop`], { timeoutMs });
  await localRunner.run(['ovs-ofctl', 'del-flows', to, nobodysPort], { timeoutMs });
}

type Cells = Readonly<Record<string, unknown>>;

async function list(access: SwitchAccess, table: string, columns: string): Promise<Cells[]> {
  const text = await vsctl(access, `--columns=${columns}`, 'list', table);
  if (text.trim() === '') return [];
  const { headings, data } = JSON.parse(text) as { headings: string[]; data: unknown[][] };
  return data.map((cells) => Object.fromEntries(headings.map((heading, index) => [heading, cells[index]])));
}

const markOf = (row: Cells): string | undefined => readMap(row['external_ids']).get(captureMark);
const idOf = (row: Cells): string => readText(row['_uuid']);

/** Ports, mirrors and flows of captures with these marks, in one transaction. Nothing there is nothing to do. @throws AppError */
export async function removeMirrors(access: SwitchAccess, isMeant: (mark: string) => boolean): Promise<void> {
  const isOurs = (row: Cells) => {
    const mark = markOf(row);
    return mark !== undefined && isMeant(mark);
  };
  const [bridges, ports, mirrors, flows] = await Promise.all([
    list(access, 'Bridge', 'name,mirrors,netflow'),
    list(access, 'Port', 'name,external_ids'),
    list(access, 'Mirror', '_uuid,external_ids'),
    list(access, 'NetFlow', '_uuid,external_ids'),
  ]);
  const ownMirrors = new Set(mirrors.filter(isOurs).map(idOf));
  const ownFlows = new Set(flows.filter(isOurs).map(idOf));
  const words = [
    ...bridges.flatMap((bridge) => {
      const name = readText(bridge['name']);
      return [
        ...readIds(bridge['mirrors'])
          .filter((id) => ownMirrors.has(id))
          .map((id) => ['--', 'remove', 'Bridge', name, 'mirrors', id]),
        ...(readIds(bridge['netflow']).some((id) => ownFlows.has(id))
          ? [['--', 'clear', 'Bridge', name, 'netflow']]
          : []),
      ].flat();
    }),
    ...ports.filter(isOurs).flatMap((port) => ['--', '--if-exists', 'del-port', readText(port['name'])]),
  ];
  if (words.length > 0) await vsctl(access, ...words);
  const mirrored = bridges.filter((bridge) => readIds(bridge['mirrors']).some((id) => ownMirrors.has(id)));
  // Until it looks again the switch copies frames to a port that is gone: work for nothing, and no harm.
  for (const bridge of mirrored) await lookAgain(access, readText(bridge['name'])).catch(() => undefined);
}
