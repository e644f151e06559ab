'use client';
// Between which VMs a path is traced, and the button that does it.
import { ArrowLeftRight, Route, Square } from 'lucide-react';
import { useId, useState, type ReactElement } from 'react';
import type { FleetVm } from '../../contract/fleet.ts';
import type { TraceResult } from '../../contract/trace.ts';
import { useShellCommand } from '../fleet/use-shell-command.ts';
import { useLack } from '../fleet/use-lack.ts';
import { useRefusal } from '../frame/use-session.tsx';
import { Button } from '../ui/Button.tsx';
import { CommandLine } from '../ui/CommandLine.tsx';
import { Field } from '../ui/Field.tsx';
import { IconButton } from '../ui/IconButton.tsx';
import { Input } from '../ui/Input.tsx';
import { Select } from '../ui/Select.tsx';
import type { UsedLine } from './use-probes.ts';
import type { TraceEnd, TraceEnds } from './use-trace-ends.ts';

interface TraceFormProps {
  choice: TraceEnds;
  trace: UsedLine<TraceResult>;
}

export function TraceForm({ choice, trace }: TraceFormProps): ReactElement {
  const asCommand = useShellCommand();
  const { from, to, line, change } = choice;
  const lack = useLack('probe');
  const mayRun = useRefusal('operator');
  const refusal = mayRun !== '' ? mayRun : lack;
  const blocked = refusal !== '' ? refusal : line === '' ? 'Choose two VMs first.' : '';
  return (
    <form
      className="flex flex-col gap-3 border-t bg-surface-1 px-4 py-4 md:px-6"
      onSubmit={(event) => {
        event.preventDefault();
        if (blocked === '' && trace.running === null) trace.run(line);
      }}
    >
      <div className="flex flex-wrap items-start gap-3">
        {choice.namespaces.length === 0 ? null : (
          <Field label="Namespace" className="w-48 max-md:w-full">
            <Select
              isMono
              value={choice.namespace}
              onValueChange={choice.setNamespace}
              options={choice.namespaces.map((name) => ({ value: name, label: name }))}
            />
          </Field>
        )}
        <VmField label="From" end={from} onType={(text) => change({ from: text })} />
        <span className="self-start pt-6 max-md:pt-0">
          <IconButton
            label="Swap both VMs"
            icon={<ArrowLeftRight />}
            onClick={() => change({ from: to.typed, to: from.typed })}
          />
        </span>
        <VmField label="To" end={to} onType={(text) => change({ to: text })} />
      </div>
      <div className="flex min-w-0 flex-wrap items-start gap-x-3 gap-y-2">
        {trace.running === null ? (
          <Button
            className="mt-0.5"
            type="submit"
            variant="primary"
            icon={<Route className="size-4" />}
            disabledReason={blocked}
          >
            Trace
          </Button>
        ) : (
          <Button className="mt-0.5" icon={<Square className="size-4" />} onClick={trace.cancel}>
            Cancel
          </Button>
        )}
        <div className="min-w-0 flex-1 basis-80">
          {line === '' ? null : <CommandLine command={asCommand(line)} label="Copy as command" />}
          <p className="mt-1 text-sm text-fg-3">
            Both nodes say what they see, and test the switches between them. No VM sees a frame of it.
          </p>
        </div>
      </div>
    </form>
  );
}

interface VmFieldProps {
  label: string;
  end: TraceEnd;
  onType: (text: string) => void;
}

function VmField({ label, end: { typed, error, node, find }, onType }: VmFieldProps): ReactElement {
  const list = useId();
  const [choices, setChoices] = useState<readonly FleetVm[]>([]);
  return (
    <Field
      label={label}
      error={error}
      hint={node === '' ? 'A VM by its name.' : `on ${node}`}
      className="w-64 max-md:w-full"
    >
      <Input
        isMono
        list={list}
        autoComplete="off"
        value={typed}
        onFocus={() => setChoices(find(typed))}
        onChange={(event) => {
          onType(event.target.value);
          setChoices(find(event.target.value));
        }}
      />
      <datalist id={list}>
        {choices.map(({ Id, Node, Name }) => (
          <option key={`${Node} ${Id}`} value={Name} />
        ))}
      </datalist>
    </Field>
  );
}
