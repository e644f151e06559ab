// What changed in a VM between two of its lines, as sentences. Pure.
import { safeText } from '../../core/safe-text.ts';
import { describeVlan } from '../../core/vms/vlan-words.ts';
import type { VmLine, VmNic } from './vm-line.ts';
import { stateLook, type VmStateLook } from './vm-states.ts';

export interface VmChange {
  /** The server's clock, ms since 1970. */
  readonly at: number;
  readonly look: VmStateLook;
  readonly text: string;
}

/** In reading order; none for a line that only says again what it said. */
export function vmChanges(before: VmLine, after: VmLine): VmChange[] {
  const look = stateLook(after.vm);
  const texts = [
    ...stateTexts(before, after),
    ...nicTexts(before.nics, after.nics),
    ...tagTexts(before.vm.Tags, after.vm.Tags),
  ];
  return texts.map((text) => ({ at: after.vm.AsOf, look, text }));
}

function stateTexts({ vm: was }: VmLine, { vm: is }: VmLine): string[] {
  if (was.State === is.State && was.Reason === is.Reason) return [];
  const [from, to] = [stateLook(was), stateLook(is)];
  const reason = to.reason === '' ? '' : `: ${to.reason}`;
  return [was.State === is.State ? `${to.word}${reason}` : `${from.word} → ${to.word}${reason}`];
}

function nicTexts(were: readonly VmNic[], are: readonly VmNic[]): string[] {
  return Array.from({ length: Math.max(were.length, are.length) }, (_, index) => {
    const [was, is] = [were[index], are[index]];
    const nic = `NIC ${index}`;
    if (is === undefined) return [`${nic} is gone`];
    if (was === undefined) return [`${nic} is new: ${describeVlan(is)}`];
    const texts: string[] = [];
    if (was.vlan !== is.vlan || was.alias !== is.alias)
      texts.push(`${nic}: ${describeVlan(was)} → ${describeVlan(is)}`);
    for (const field of ['Ip4', 'Ip6'] as const) {
      const address = is.tap?.[field] ?? '';
      if (address !== '' && address !== was.tap?.[field]) texts.push(`${nic} has ${safeText(address)}`);
    }
    const [fault, hadFault] = [is.tap?.Fault ?? '', was.tap?.Fault ?? ''];
    if (fault !== hadFault) texts.push(fault === '' ? `${nic}: repaired` : `${nic}: ${safeText(fault)}`);
    return texts;
  }).flat();
}

function tagTexts(were: readonly string[], are: readonly string[]): string[] {
  const [before, after] = [new Set(were), new Set(are)];
  const keyOf = (tag: string): string => tag.split('=', 1)[0] ?? tag;
  const kept = new Set(are.map(keyOf));
  return [
    ...are.filter((tag) => !before.has(tag)).map((tag) => `tag ${safeText(tag)}`),
    ...were
      .filter((tag) => !after.has(tag) && !kept.has(keyOf(tag)))
      .map((tag) => `tag ${safeText(keyOf(tag))} removed`),
  ];
}
