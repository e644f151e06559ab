// What a probe found, in words: for the person who asks, and for the people who look after the switches. No vendor's words.
import type { ProbeCause, ProbeResult, ProbeVerdict } from '../../contract/probe.ts';
import { describeRange } from '../ranges/describe-range.ts';

/** `VLAN 120`, `VLANs 100-103, 120`. */
export function describeVlans(vlans: readonly number[]): string {
  return `${vlans.length === 1 ? 'VLAN' : 'VLANs'} ${vlanRanges(vlans).join(', ')}`;
}

/** `100-103`, `120`: ascending numbers with neighbours together. */
export function vlanRanges(vlans: readonly number[]): string[] {
  const parts: string[] = [];
  const sorted = [...new Set(vlans)].sort((a, b) => a - b);
  for (let at = 0; at < sorted.length;) {
    let end = at;
    while (sorted[end + 1] === (sorted[end] ?? 0) + 1) end += 1;
    parts.push(end === at ? `${sorted[at] ?? ''}` : `${sorted[at] ?? ''}-${sorted[end] ?? ''}`);
    at = end + 1;
  }
  return parts;
}

export function describeVerdict(verdict: ProbeVerdict, arrivedOn: readonly number[] = []): string {
  const tagged = arrivedOn.filter((vlan) => vlan !== 0);
  switch (verdict) {
    case 'ok':
      return 'ok';
    case 'blocked':
      return 'blocked';
    case 'blocked-one-way':
      return 'blocked one way';
    case 'untagged':
      return 'arrives untagged';
    case 'other-vlan':
      return `arrives on ${describeVlans(tagged)}`;
    case 'big-lost':
      return 'big frames lost';
    case 'doubled':
      return 'arrives twice';
    case 'silent':
      return 'node silent';
    case 'unknown':
      return 'unknown';
  }
}

/** What is wrong, and what to ask the network team for: each a sentence or two. */
export function describeCause(cause: ProbeCause, { bigBytes }: Pick<ProbeResult, 'bigBytes'>): string {
  const { what, fix } = explain(cause, bigBytes);
  return `${what}. ${fix}.`;
}

interface Explanation {
  readonly what: string;
  readonly fix: string;
}

function explain(cause: ProbeCause, bigBytes: number): Explanation {
  const vlans = describeVlans(cause.vlans);
  const [first = '', second = ''] = cause.groups.map((group) => describeRange(group));
  switch (cause.kind) {
    case 'port':
      return explainPort(cause, { vlans, bigBytes });
    case 'bridge-port':
      return {
        what: `On ${first}, the uplink’s own port on the bridge does not pass ${vlans}`,
        fix: `The switch is not to blame: compare \`tag\` and \`trunks\` in \`ovs-vsctl list port\` on ${first}`,
      };
    case 'between':
      return explainBetween(cause, { vlans, bigBytes });
    case 'nowhere':
      return {
        what: `${vlans} ${cause.vlans.length === 1 ? 'passes' : 'pass'} between no two of ${first}`,
        fix: `Create ${vlans} on the switches, and allow ${pronoun(cause)}, tagged, on the ports of ${first} and on the links between switches`,
      };
    case 'path': {
      const way = cause.direction === 'both' ? `Between ${first} and ${second}` : `From ${first} to ${second}`;
      return {
        what: `${way}, ${symptomText(cause, vlans, bigBytes)}, and no switch port explains it: both nodes reach others`,
        fix: `Look for a filter or a second link between their switches`,
      };
    }
  }
}

const pronoun = ({ vlans }: ProbeCause) => (vlans.length === 1 ? 'it' : 'them');

/** What becomes of frames, as a clause. */
function symptomText({ symptom, arrivedOn, vlans }: ProbeCause, names: string, bigBytes: number): string {
  const is = vlans.length === 1 ? 'is' : 'are';
  switch (symptom) {
    case 'blocked':
      return `${names} ${is} blocked`;
    case 'untagged':
      return `${names} ${vlans.length === 1 ? 'loses its tag' : 'lose their tags'}`;
    case 'other-vlan':
      return `frames of ${names} end up on VLAN ${arrivedOn}`;
    case 'big-lost':
      return `frames of ${bigBytes} bytes on ${names} are lost, and small ones pass`;
    case 'doubled':
      return `frames of ${names} arrive twice`;
  }
}

function explainPort(
  cause: ProbeCause,
  { vlans, bigBytes }: { readonly vlans: string; readonly bigBytes: number },
): Explanation {
  const [[node = ''] = []] = cause.groups;
  const [port, its] =
    cause.or.length === 0
      ? [`The switch port of ${node}`, `the switch port of ${node}`]
      : [`The switch port of ${[node, ...cause.or].join(' or of ')}`, 'that port'];
  const way = { from: `that ${node} sends`, to: `for ${node}`, both: `from and to ${node}` }[cause.direction];
  switch (cause.symptom) {
    case 'blocked':
      return cause.direction === 'both'
        ? { what: `${port} does not pass ${vlans}`, fix: `Allow ${vlans}, tagged, on ${its}` }
        : {
            what: `${port} drops frames of ${vlans} ${way}, and passes those of the other direction`,
            fix: `Look for a filter of ${cause.direction === 'from' ? 'incoming' : 'outgoing'} frames on ${its}, and allow ${vlans} in both directions`,
          };
    case 'untagged':
      return {
        what: `${port} takes the tag off frames of ${vlans} ${way}`,
        fix: `Make ${vlans} tagged on ${its}: ${cause.vlans.length === 1 ? 'it is' : 'they are'} untagged (native) there now`,
      };
    case 'other-vlan':
      return {
        what: `${port} puts frames of ${vlans} ${way} on VLAN ${cause.arrivedOn}`,
        fix: `Look for a VLAN translation, or for another native VLAN, on ${its}`,
      };
    case 'big-lost':
      return {
        what: `${port} loses frames of ${bigBytes} bytes on ${vlans} ${way}, and passes small ones`,
        fix: `Raise the MTU of ${its} to ${bigBytes - 14} bytes or more, tag and headers not counted`,
      };
    case 'doubled':
      return {
        what: `Frames of ${vlans} ${way} arrive twice at ${port.replace('The', 'the')}`,
        fix: `Look for a loop, a second cable or a mirror port at ${its}`,
      };
  }
}

function explainBetween(
  cause: ProbeCause,
  { vlans, bigBytes }: { readonly vlans: string; readonly bigBytes: number },
): Explanation {
  const groups = cause.groups.map((group) => describeRange(group));
  const way =
    cause.direction === 'both' ? `Between ${groups.join(' and ')}` : `From ${groups[0] ?? ''} to ${groups[1] ?? ''}`;
  const fixes = {
    blocked: `Allow ${vlans}, tagged, on the link between their switches`,
    untagged: `Make ${vlans} tagged at both ends of the link between their switches`,
    'other-vlan': `Look for different native VLANs at both ends of the link between their switches`,
    'big-lost': `Raise the MTU of the link between their switches to ${bigBytes - 14} bytes or more`,
    doubled: `Look for a loop between their switches`,
  };
  return {
    what: `${way}, ${symptomText(cause, vlans, bigBytes)}, and within each of these groups nothing is wrong`,
    fix: fixes[cause.symptom],
  };
}
