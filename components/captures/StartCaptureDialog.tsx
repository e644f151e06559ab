'use client';
// What to capture, which packets, and when it ends on its own. The filter is compiled on its node while one types.
import type { ReactElement } from 'react';
import { useShellCommand } from '../fleet/use-shell-command.ts';
import { useCluster } from '../frame/use-cluster.ts';
import { CommandLine } from '../ui/CommandLine.tsx';
import { Field } from '../ui/Field.tsx';
import { Input } from '../ui/Input.tsx';
import { Select } from '../ui/Select.tsx';
import { useToast } from '../ui/Toast.tsx';
import { LineDialog } from '../vlans/LineDialog.tsx';
import { useLines } from '../vlans/use-lines.ts';
import { describeTarget, type CaptureTarget } from './capture-line.ts';
import { allNics, useNewCapture, type NewCapture, type TypedCapture } from './use-new-capture.ts';

export interface StartCaptureDialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  /** One of them is chosen; the first to begin with. */
  targets: readonly CaptureTarget[];
  /** NIC of a VM to begin with. */
  nic?: number;
}

export function StartCaptureDialog({ open, onOpenChange, targets, nic = 0 }: StartCaptureDialogProps): ReactElement {
  const asCommand = useShellCommand();
  const lines = useLines(useCluster()?.Id ?? '');
  const showToast = useToast();
  const capture = useNewCapture(open, targets, nic);
  const { target, name, line, issues, typed } = capture;
  const change = (part: Partial<TypedCapture>): void => {
    capture.change(part);
    lines.clear();
  };
  const close = (): void => {
    change({ file: '', filter: '' });
    onOpenChange(false);
  };
  const start = async (): Promise<void> => {
    if ((await lines.run([line])) === null || !target) return;
    showToast({ title: `Capturing ${describeTarget(target)}`, description: `Into ${name} on ${target.node}.` });
    close();
  };

  return (
    <LineDialog
      open={open}
      onOpen={() => onOpenChange(true)}
      onClose={close}
      title="Capture packets"
      description="They go into a file on the node. It ends at the first of its limits."
      size="sm"
      action="Start"
      blocked={capture.blocked}
      lines={lines}
      run={start}
    >
      <TargetFields capture={capture} targets={targets} onChange={change} />
      <Field
        label="Filter (optional)"
        error={capture.check.error}
        hint={capture.check.isAsking ? 'Compiling…' : 'As tcpdump takes it: icmp, port 53, host 10.0.0.1 and not arp.'}
      >
        <Input
          isMono
          autoComplete="off"
          placeholder="all packets"
          value={typed.filter}
          onChange={(event) => change({ filter: event.target.value })}
        />
      </Field>
      <div className="grid grid-cols-2 gap-3">
        <Field label="Ends at, MB" error={issues.megabytes}>
          <Input
            inputMode="numeric"
            value={typed.megabytes}
            onChange={(event) => change({ megabytes: event.target.value })}
          />
        </Field>
        <Field label="Ends after, seconds" error={issues.seconds}>
          <Input
            inputMode="numeric"
            value={typed.seconds}
            onChange={(event) => change({ seconds: event.target.value })}
          />
        </Field>
      </div>
      <Field label="File on the node" error={issues.file}>
        <Input
          isMono
          autoComplete="off"
          placeholder={capture.proposed}
          value={typed.file}
          onChange={(event) => change({ file: event.target.value })}
        />
      </Field>
      {line === '' ? null : <CommandLine command={asCommand(line)} label="Copy as command" />}
    </LineDialog>
  );
}

interface TargetFieldsProps {
  capture: NewCapture;
  targets: readonly CaptureTarget[];
  onChange: (part: Partial<TypedCapture>) => void;
}

/** Which VM or bridge, and of a VM which NIC. */
function TargetFields({ capture: { target, typed }, targets, onChange }: TargetFieldsProps): ReactElement {
  return (
    <>
      {targets.length < 2 ? null : (
        <Field label="VM or bridge">
          <Select
            value={target ? describeTarget(target) : ''}
            onValueChange={(next) => onChange({ target: next, nic: '0' })}
            options={targets.map((each) => ({ value: describeTarget(each), label: describeTarget(each) }))}
          />
        </Field>
      )}
      {target?.kind === 'vm' && target.nics.length > 0 ? (
        <Field label="NIC">
          <Select
            value={typed.nic}
            onValueChange={(next) => onChange({ nic: next })}
            options={[
              ...target.nics.map(({ index, label }) => ({ value: String(index), label })),
              ...(target.nics.length > 1 ? [{ value: allNics, label: 'All NICs, a file for each' }] : []),
            ]}
          />
        </Field>
      ) : null}
      {target?.kind === 'bridge' ? (
        <p className="text-sm text-fg-2">
          It holds the packets of all VMs on {target.bridge}, of every namespace, each with its VLAN.
        </p>
      ) : null}
    </>
  );
}
