'use client';
// What explains the bad paths of a probe, with the fix, to be handed over; and what else there is to know about its nodes.
import { ClipboardCopy } from 'lucide-react';
import type { ReactElement, ReactNode } from 'react';
import type { ProbeResult } from '../../contract/probe.ts';
import { handoverText } from '../../core/probe/handover.ts';
import { describeCause } from '../../core/probe/texts.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { safeText } from '../../core/safe-text.ts';
import { countOf, formatInstant } from '../../lib/format.ts';
import { Button } from '../ui/Button.tsx';
import { copyText } from '../ui/CopyButton.tsx';
import { Notice } from '../ui/Notice.tsx';
import { Panel } from '../ui/Panel.tsx';
import { useToast } from '../ui/Toast.tsx';
import { VerdictShape } from './verdict-looks.tsx';

export function ProbeFindings({
  result,
  onSelectVlan,
}: {
  result: ProbeResult;
  onSelectVlan: (vlan: number) => void;
}): ReactElement {
  const toast = useToast();
  const { causes } = result;
  const copy = (): void => {
    void copyText(handoverText(result, formatInstant(result.atMs))).then((isCopied) =>
      toast(
        isCopied
          ? { title: 'Copied', description: 'What is wrong, what to change, and how it was tested.', state: 'ok' }
          : { title: 'The browser refused to copy', state: 'bad' },
      ),
    );
  };
  return (
    <Panel
      title={causes.length === 0 ? 'Nothing to change' : 'What to change'}
      actions={
        <Button size="sm" icon={<ClipboardCopy className="size-4" />} onClick={copy}>
          Copy for the network team
        </Button>
      }
    >
      {causes.length === 0 ? (
        <p className="text-fg-2">{nothingWrong(result)}</p>
      ) : (
        <ol className="flex flex-col gap-3" aria-label="What to change">
          {causes.map((cause, at) => {
            const text = describeCause(cause, result);
            const end = text.indexOf('. ') + 1;
            return (
              <li key={at} className="flex gap-2.5">
                <VerdictShape verdict={cause.symptom} className="mt-0.5 size-4" />
                <div className="min-w-0">
                  <p className="font-medium">{safeText(text.slice(0, end))}</p>
                  <p className="text-fg-2">{safeText(text.slice(end + 1))}</p>
                  <p className="mt-0.5 flex flex-wrap gap-x-3 text-sm">
                    {cause.vlans.slice(0, shownVlans).map((vlan) => (
                      <button
                        key={vlan}
                        type="button"
                        onClick={() => onSelectVlan(vlan)}
                        className="rounded-sm text-accent hover:underline max-md:min-h-11"
                      >
                        Paths on VLAN {vlan}
                      </button>
                    ))}
                    {cause.vlans.length > shownVlans ? (
                      <span className="text-fg-3">and {cause.vlans.length - shownVlans} more</span>
                    ) : null}
                  </p>
                </div>
              </li>
            );
          })}
        </ol>
      )}
    </Panel>
  );
}

const shownVlans = 6;

function nothingWrong({ nodes, vlans }: ProbeResult): string {
  const able = nodes.filter(({ state }) => state === 'ok').length;
  return `All frames arrived, once and with their tags: ${countOf(vlans.length, 'VLAN')} between ${countOf(able, 'node')}.`;
}

/** Nodes that took no part, and what frames did beside their paths. */
export function ProbeNotes({ result }: { result: ProbeResult }): ReactElement | null {
  const idle = result.nodes.filter(({ state }) => state !== 'ok');
  const bonds = result.nodes.filter(({ state, uplink }) => state === 'ok' && uplink.includes(' of '));
  const mtus = new Map<number, string[]>();
  for (const { name, state, mtu } of result.nodes) if (state === 'ok') mtus.set(mtu, [...(mtus.get(mtu) ?? []), name]);
  const notes: { key: string; state: 'warn' | 'lost'; title: string; text: ReactNode }[] = [
    ...idle.map(({ name, state, reason }) => ({
      key: name,
      state: 'lost' as const,
      title: state === 'silent' ? `${name} is silent` : `${name} cannot take part`,
      text: `${safeText(reason)}. Its paths were not tested.`,
    })),
    ...(bonds.length > 0
      ? [
          {
            ...{ key: ' bonds', state: 'lost' as const, title: 'Uplinks that are bonds are tested by one NIC' },
            text: `${bonds.map(({ name, uplink }) => `${name}: ${uplink}`).join(', ')}. A fault at the port of another NIC does not show.`,
          },
        ]
      : []),
    ...(mtus.size > 1
      ? [
          {
            ...{ key: ' mtu', state: 'warn' as const, title: 'Uplinks differ in their MTU' },
            text: `${[...mtus].map(([mtu, names]) => `${describeRange(names)} has ${mtu}`).join(', ')}. Frames of the smallest were sent.`,
          },
        ]
      : []),
    ...(result.flooded.length > 0
      ? [
          {
            ...{ key: ' flooded', state: 'warn' as const, title: 'More frames came than were sent' },
            text: `On ${describeRange(result.flooded)}: look for a loop between switches.`,
          },
        ]
      : []),
    ...(result.unshielded.length > 0
      ? [
          {
            ...{ key: ' unshielded', state: 'warn' as const, title: 'VMs may have got test frames' },
            text: `On ${describeRange(result.unshielded)}: the node does not answer, or its meshd knows no probes.`,
          },
        ]
      : []),
    ...(result.unsteady.length > 0
      ? [
          {
            ...{
              key: ' unsteady',
              state: 'lost' as const,
              title: 'Some frames were lost at first, and not when tested again',
            },
            text: result.unsteady
              .slice(0, 8)
              .map(({ vlan, paths }) => `VLAN ${vlan}: ${countOf(paths, 'path')}`)
              .join(', '),
          },
        ]
      : []),
  ];
  if (notes.length === 0) return null;
  return (
    <div className="flex flex-col gap-2">
      {notes.slice(0, shownNotes).map(({ key, state, title, text }) => (
        <Notice key={key} state={state} title={title}>
          {text}
        </Notice>
      ))}
      {notes.length > shownNotes ? (
        <p className="text-sm text-fg-3">And {countOf(notes.length - shownNotes, 'more node')} that took no part.</p>
      ) : null}
    </div>
  );
}

const shownNotes = 12;
