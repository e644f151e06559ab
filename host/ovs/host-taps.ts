// Interfaces of the node itself on a VLAN, and mirrors: copies of what one port sends and receives, sent to another. Both are rows of the database
// alone, which carry all that is known of them: a daemon that starts again reads them there. Pure.
import type { Found } from './found.ts';
import { clusterMark, type HostMirror, type HostPort, type HostView, type Marks, type NewPort } from './switch-host.ts';

/** `tap`: somebody asked for it (`tap create`). `dhcp`: a DHCP server of this node has it. */
export type HostTapUse = 'tap' | 'dhcp';

export interface HostTap {
  readonly name: string;
  readonly bridge: string;
  readonly vlan: number;
  readonly use: HostTapUse;
  readonly namespace: string;
  /** What the node has on it: `192.0.2.1/24`, `dhcp`, or nothing. */
  readonly address: string;
}

/** A copy of all that `source` sends and receives goes to `output`, which takes part in nothing else. */
export interface Mirror {
  readonly bridge: string;
  readonly source: string;
  readonly output: string;
  readonly namespace: string;
}

const roleMark = 'meshdeck-role';
const namespaceMark = 'meshdeck-namespace';
const useMark = 'meshdeck-use';
const addressMark = 'meshdeck-address';
const sourceMark = 'meshdeck-source';
const outputMark = 'meshdeck-output';

const hasRole = (marks: Marks, cluster: string, role: string) =>
  marks.get(clusterMark) === cluster && marks.get(roleMark) === role;

export const isOurHostTap = ({ marks }: HostPort, cluster: string) => hasRole(marks, cluster, 'host');
export const isOurMirror = ({ marks }: { readonly marks: Marks }, cluster: string) => hasRole(marks, cluster, 'mirror');

/** Null for any other port. */
export function readHostTap(port: HostPort, cluster: string): HostTap | null {
  if (!isOurHostTap(port, cluster) || port.vlan?.kind !== 'access') return null;
  const { name, bridge, marks, vlan } = port;
  return {
    name,
    bridge,
    vlan: vlan.tag,
    use: marks.get(useMark) === 'dhcp' ? 'dhcp' : 'tap',
    namespace: marks.get(namespaceMark) ?? '',
    address: marks.get(addressMark) ?? '',
  };
}

export const newHostTap = ({ name, bridge, vlan, use, namespace, address }: HostTap, cluster: string): NewPort => ({
  name,
  bridge,
  vlan: { kind: 'access', tag: vlan },
  isInternal: true,
  marks: {
    [clusterMark]: cluster,
    [roleMark]: 'host',
    [useMark]: use,
    [namespaceMark]: namespace,
    [addressMark]: address,
  },
});

export function readMirror({ bridge, marks }: HostMirror): Mirror {
  const [source = '', output = ''] = [marks.get(sourceMark), marks.get(outputMark)];
  return { bridge, source, output, namespace: marks.get(namespaceMark) ?? '' };
}

/** One for each port that gets copies. */
export const mirrorName = (output: string) => `meshdeck-${output}`;

export const newMirror = ({ bridge, source, output, namespace }: Mirror, cluster: string) => ({
  name: mirrorName(output),
  bridge,
  source,
  output,
  marks: {
    [clusterMark]: cluster,
    [roleMark]: 'mirror',
    [namespaceMark]: namespace,
    [sourceMark]: source,
    [outputMark]: output,
  },
});

interface WantedRows {
  readonly cluster: string;
  readonly hostTaps: ReadonlyMap<string, HostTap>;
  readonly mirrors: ReadonlyMap<string, Mirror>;
}

export function findHostTapFaults({ cluster, hostTaps }: WantedRows, view: HostView): Found[] {
  return [...hostTaps.values()].flatMap((tap): Found[] => {
    const port = view.ports.get(tap.name);
    const subject = tap.name;
    if (port && !isOurHostTap(port, cluster))
      return [{ subject, reason: 'name-taken', detail: `it is on ${port.bridge}`, change: null }];
    if (!view.bridges.has(tap.bridge)) return [];
    const change = { setPorts: [newHostTap(tap, cluster)] };
    if (!port) return [{ subject, reason: 'port-missing', detail: '', change }];
    const is = readHostTap(port, cluster);
    if (is?.bridge !== tap.bridge || is.vlan !== tap.vlan)
      return [{ subject, reason: 'port-changed', detail: `it is on ${port.bridge}`, change }];
    return port.error === '' ? [] : [{ subject, reason: 'port-error', detail: port.error, change: null }];
  });
}

/** A mirror whose port is away for a moment is made again when the port is back. */
export function findMirrorFaults({ cluster, mirrors }: WantedRows, view: HostView): Found[] {
  return [...mirrors.values()].flatMap((mirror): Found[] => {
    const { source, output, bridge } = mirror;
    if ([source, output].some((name) => view.ports.get(name)?.bridge !== bridge)) return [];
    const is = view.mirrors.get(mirrorName(output));
    const change = { setMirrors: [newMirror(mirror, cluster)] };
    const subject = mirrorName(output);
    if (!is) return [{ subject, reason: 'mirror-missing', detail: '', change }];
    const isWhole = is.bridge === bridge && is.output === output && is.sources.join() === source;
    return isWhole ? [] : [{ subject, reason: 'mirror-changed', detail: '', change }];
  });
}
