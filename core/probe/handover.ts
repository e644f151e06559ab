// A probe's result as a text to hand over to the people who look after the switches: what is wrong, what to change, and how it was tested. Pure.
import type { ProbeResult } from '../../contract/probe.ts';
import { describeRange } from '../ranges/describe-range.ts';
import { probeRows } from './rows.ts';
import { describeCause, describeVlans } from './texts.ts';

/** Of bad paths in one text: the causes above explain all of them. */
const pathsAtMost = 40;

/** `when`: as the reader is to see it, with the zone. */
export function handoverText(result: ProbeResult, when: string): string {
  const able = result.nodes.filter(({ state }) => state === 'ok');
  const names = able.map(({ name }) => name);
  const mtu = result.bigBytes - 14;
  const head = [
    `VLAN test of ${when}`,
    `${describeVlans(result.vlans.map(({ vlan }) => vlan))}, between ${describeRange(names)}`,
    ...able.map(({ name, uplink, bridge }) => `  ${name}: uplink ${uplink} on ${bridge}`),
  ];
  const causes = result.causes.map((cause, at) => `${at + 1}. ${describeCause(cause, result)}`);
  const paths = probeRows(result)
    .filter((row) => row[4] !== 'ok')
    .map(([vlan, , from, to, verdict, explanation]) =>
      to === '' ? `  ${from}: ${verdict}. ${explanation}` : `  VLAN ${vlan}, ${from} to ${to}: ${verdict}`,
    );
  const more = paths.length - pathsAtMost;
  return [
    ...head,
    '',
    ...(causes.length === 0
      ? ['Nothing is wrong: all frames arrived, once, with their tags.']
      : ['What to change', ...causes]),
    ...(paths.length === 0
      ? []
      : ['', 'What was seen', ...paths.slice(0, pathsAtMost), ...(more > 0 ? [`  and ${more} more`] : [])]),
    '',
    `Each node sent broadcast frames of 64 and of ${result.bigBytes + 4} bytes (an MTU of ${mtu}) with the tag of each VLAN out of its uplink, EtherType 0x88b5, source addresses from 02:4d:50.`,
    'What seemed wrong was tested a second time.',
  ].join('\n');
}
