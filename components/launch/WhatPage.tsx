'use client';
// The first step: the experiment, what the VMs boot from, and their size.
import type { ReactElement } from 'react';
import { formatMegabytes } from '../../lib/format.ts';
import { Field } from '../ui/Field.tsx';
import { Input } from '../ui/Input.tsx';
import { Segmented } from '../ui/Segmented.tsx';
import { textInput } from '../wizard/form-values.ts';
import { TextField } from '../wizard/TextField.tsx';
import type { PageProps } from '../wizard/wizard.ts';
import { BootFiles } from './BootFiles.tsx';
import { Choices } from './Choices.tsx';
import type { Boot, LaunchValues } from './launch-values.ts';
import { NamespaceField } from './NamespaceField.tsx';
import { TemplatesBar } from './TemplatesBar.tsx';
import { useClusterRows } from './use-cluster-rows.ts';

const boots: readonly { value: Boot; label: string }[] = [
  { value: 'disk', label: 'Disk image' },
  { value: 'kernel', label: 'Kernel' },
  { value: 'cdrom', label: 'CD' },
];
const memories = ['256', '512', '1024', '2048', '4096', '8192'];

export function WhatPage(page: PageProps<LaunchValues>): ReactElement {
  const { form, set, issue } = page;
  const rows = useClusterRows();
  const memory = Number(form.memory);
  return (
    <>
      <TemplatesBar page={page} />
      <NamespaceField page={page} rows={rows} />
      <div className="flex flex-col gap-2">
        <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
          <h3 className="text-sm font-medium text-fg-2">Boots from</h3>
          <Segmented
            label="What the VMs boot from"
            value={form.boot}
            onValueChange={(boot) => {
              set('boot', boot);
            }}
            options={boots}
          />
        </div>
        <BootFiles page={page} rows={rows} />
      </div>
      <div className="grid gap-4 sm:grid-cols-2">
        <Field
          label="Memory, in MB"
          name="memory"
          error={issue('memory')}
          hint={memory >= 1_024 ? `${formatMegabytes(memory)} for each VM` : 'For each VM'}
        >
          <Input isMono inputMode="numeric" {...textInput(page, 'memory')} />
        </Field>
        <TextField page={page} name="vcpus" label="Virtual CPUs" inputMode="numeric" hint="For each VM" />
      </div>
      <Choices
        label="Usual sizes of memory"
        values={memories}
        chosen={form.memory.trim()}
        textOf={(value) => formatMegabytes(Number(value))}
        onChoose={(value) => {
          set('memory', value);
        }}
      />
      <div className="grid gap-4 sm:grid-cols-2">
        <TextField
          page={page}
          name="serialPorts"
          label="Serial ports"
          inputMode="numeric"
          hint="The first one is the serial console."
        />
        <TextField
          page={page}
          name="tags"
          label="Tags"
          placeholder="role=web, course=net1"
          hint="To find these VMs by. A comma between two."
        />
      </div>
    </>
  );
}
