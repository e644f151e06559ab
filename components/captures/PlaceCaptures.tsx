'use client';
// Captures of one VM, or of one node's bridges, on its page: those that run, and the way to start one.
import Link from 'next/link';
import type { ReactElement } from 'react';
import { useClusterPath } from '../frame/use-cluster.ts';
import { Panel } from '../ui/Panel.tsx';
import { StateMark } from '../ui/StateMark.tsx';
import type { VmLine } from '../vms/vm-line.ts';
import { captureAddress, captureLook, describePlace, formatBytes, type CaptureLine } from './capture-line.ts';
import { CaptureButton } from './CaptureButton.tsx';
import { useCaptures, useCaptureTargets } from './use-captures.ts';

const shown = 5;

export function VmCaptures({ line }: { line: VmLine }): ReactElement {
  const captures = useCaptures().filter(
    ({ capture }) => capture.Node === line.vm.Node && capture.VmId === line.vm.Id && capture.Vm === line.vm.Name,
  );
  const targets = useCaptureTargets().filter(
    (target) =>
      target.kind === 'vm' &&
      target.node === line.node &&
      target.vm === line.vm.Name &&
      target.namespace === line.vm.Namespace,
  );
  return (
    <Panel
      title="Captures"
      isFlush
      actions={<CaptureButton targets={targets} label={`Capture packets of ${line.vm.Name}`} />}
    >
      <CaptureLinks captures={captures} none="No packets of it were captured." />
    </Panel>
  );
}

export function NodeCaptures({ node }: { node: { readonly id: string; readonly name: string } }): ReactElement {
  const captures = useCaptures().filter(({ capture }) => capture.Node === node.id);
  const targets = useCaptureTargets().filter((target) => target.kind === 'bridge' && target.node === node.name);
  return (
    <Panel
      title="Captures"
      isFlush
      actions={<CaptureButton targets={targets} label={`Capture packets of a bridge of ${node.name}`} />}
    >
      <CaptureLinks captures={captures} none="No packets were captured here." />
    </Panel>
  );
}

function CaptureLinks({ captures, none }: { captures: readonly CaptureLine[]; none: string }): ReactElement {
  const withCluster = useClusterPath();
  if (captures.length === 0) return <p className="p-4 text-fg-3">{none}</p>;
  return (
    <ul className="pb-2">
      {captures.slice(0, shown).map((line) => (
        <li key={line.key}>
          <Link
            href={withCluster(`/captures?capture=${encodeURIComponent(captureAddress(line))}`)}
            prefetch={false}
            className="flex min-h-9 items-center gap-3 px-4 hover:bg-surface-2"
          >
            <span className="min-w-0 flex-1 truncate font-mono text-sm">{describePlace(line.capture)}</span>
            <span className="text-sm text-fg-2 numbers">{formatBytes(line.capture.Bytes)}</span>
            <span className="shrink-0 text-sm">
              <StateMark state={captureLook(line.capture).state}>{captureLook(line.capture).word}</StateMark>
            </span>
          </Link>
        </li>
      ))}
      {captures.length > shown ? (
        <li className="px-4 pt-1 text-sm">
          <Link href={withCluster('/captures')} className="text-accent hover:underline">
            All captures
          </Link>
        </li>
      ) : null}
    </ul>
  );
}
