'use client';
// What to capture, which packets, and when it ends on its own. The filter is compiled on its node while one types.
import { useState } from 'react';
import type { ReactElement } from 'react';
import { meshdCommand } from '../../core/plans/step.ts';
import { useCluster } from '../frame/use-cluster.ts';
import { useRefusal, useSession } from '../frame/use-session.tsx';
import { CommandLine } from '../ui/CommandLine.tsx';
import { Field } from '../ui/Field.tsx';
import { Input } from '../ui/Input.tsx';
import { Select } from '../ui/Select.tsx';
import { useToast } from '../ui/Toast.tsx';
import { LineDialog } from '../vlans/LineDialog.tsx';
import { useLines } from '../vlans/use-lines.ts';
import { describeTarget, newFileName, startLine, type CaptureTarget } from './capture-line.ts';
import { useFilterCheck } from './use-filter-check.ts';

export interface StartCaptureDialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  /** One of them is chosen; the first to begin with. */
  targets: readonly CaptureTarget[];
  /** NIC of a VM to begin with. */
  nic?: number;
}

const allNics = 'all';
const most = { megabytes: 1_000_000, seconds: 30 * 24 * 3_600 } as const;

/** Empty: it is a number from 1 to `last`. */
function wholeIssue(text: string, last: number): string {
  const value = Number(text);
  return /^[0-9]+$/.test(text) && value >= 1 && value <= last ? '' : `A number from 1 to ${last}.`;
}

export function StartCaptureDialog({ open, onOpenChange, targets, nic = 0 }: StartCaptureDialogProps): ReactElement {
  const cluster = useCluster();
  const session = useSession();
  const lines = useLines(cluster?.Id ?? '');
  const showToast = useToast();
  const [chosen, setChosen] = useState('');
  const [nicText, setNicText] = useState(String(nic));
  const [file, setFile] = useState('');
  const [filter, setFilter] = useState('');
  const [megabytes, setMegabytes] = useState('100');
  const [seconds, setSeconds] = useState('600');
  const [openedAt, setOpenedAt] = useState<Date | null>(null);
  if (open && openedAt === null) setOpenedAt(new Date());
  if (!open && openedAt !== null) setOpenedAt(null);

  const target = targets.find((each) => describeTarget(each) === chosen) ?? targets[0];
  const operating = useRefusal('operator');
  const administering = useRefusal('admin');
  const check = useFilterCheck(open ? (target?.node ?? '') : '', filter.trim());
  const proposed = target ? newFileName(target, openedAt ?? new Date(0)) : '';
  const name = file.trim() === '' ? proposed : file.trim();
  const issues = {
    megabytes: wholeIssue(megabytes.trim(), most.megabytes),
    seconds: wholeIssue(seconds.trim(), most.seconds),
    file:
      name.startsWith('/') || name.split('/').includes('..')
        ? 'Name it from the folder of files on, such as web.pcap.'
        : '',
  };
  const isValid = Object.values(issues).every((issue) => issue === '');
  const refusal = target?.kind === 'bridge' ? administering : operating;
  const blocked =
    refusal !== ''
      ? refusal
      : target === undefined
        ? 'There is nothing to capture.'
        : !isValid
          ? 'Correct the fields first.'
          : check.error !== ''
            ? 'The filter does not compile.'
            : '';
  const line =
    target && isValid
      ? startLine(
          {
            ...{ target, file: name, filter: filter.trim(), by: session?.user.name ?? '' },
            nic: nicText === allNics ? null : Number(nicText),
            megabytes: Number(megabytes),
            seconds: Number(seconds),
          },
          cluster?.AttachedTo ?? '',
        )
      : '';

  const close = (): void => {
    lines.clear();
    setFile('');
    setFilter('');
    onOpenChange(false);
  };
  const start = async (): Promise<void> => {
    if ((await lines.run([line])) === null || !target) return;
    showToast({ title: `Capturing ${describeTarget(target)}`, description: `Into ${name} on ${target.node}.` });
    close();
  };
  const edit = (put: (text: string) => void) => (text: string) => {
    put(text);
    lines.clear();
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
      blocked={blocked}
      lines={lines}
      run={start}
    >
      {targets.length < 2 ? null : (
        <Field label="VM or bridge">
          <Select
            value={target ? describeTarget(target) : ''}
            onValueChange={(next) => {
              edit(setChosen)(next);
              setNicText('0');
            }}
            options={targets.map((each) => ({ value: describeTarget(each), label: describeTarget(each) }))}
          />
        </Field>
      )}
      {target?.kind === 'vm' && target.nics.length > 0 ? (
        <Field label="NIC">
          <Select
            value={nicText}
            onValueChange={edit(setNicText)}
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
      <Field
        label="Filter (optional)"
        error={check.error}
        hint={check.isAsking ? 'Compiling…' : 'As tcpdump takes it: icmp, port 53, host 10.0.0.1 and not arp.'}
      >
        <Input
          isMono
          autoComplete="off"
          placeholder="all packets"
          value={filter}
          onChange={(event) => edit(setFilter)(event.target.value)}
        />
      </Field>
      <div className="grid grid-cols-2 gap-3">
        <Field label="Ends at, MB" error={issues.megabytes}>
          <Input inputMode="numeric" value={megabytes} onChange={(event) => edit(setMegabytes)(event.target.value)} />
        </Field>
        <Field label="Ends after, seconds" error={issues.seconds}>
          <Input inputMode="numeric" value={seconds} onChange={(event) => edit(setSeconds)(event.target.value)} />
        </Field>
      </div>
      <Field label="File on the node" error={issues.file}>
        <Input
          isMono
          autoComplete="off"
          placeholder={proposed}
          value={file}
          onChange={(event) => edit(setFile)(event.target.value)}
        />
      </Field>
      {line === '' ? null : <CommandLine command={meshdCommand(line)} label="Copy as command" />}
    </LineDialog>
  );
}
