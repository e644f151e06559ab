// The files that the VMs boot from, as the chosen way to boot wants them.
import { useMemo, type ReactElement } from 'react';
import { Checkbox } from '../ui/Checkbox.tsx';
import { TextField } from '../wizard/TextField.tsx';
import type { PageProps } from '../wizard/wizard.ts';
import { filesHere, imagesOf, type ClusterRows } from './cluster-facts.ts';
import { ImagePicker } from './ImagePicker.tsx';
import type { LaunchValues } from './launch-values.ts';

interface BootFilesProps {
  page: PageProps<LaunchValues>;
  rows: ClusterRows;
}

export function BootFiles({ page, rows }: BootFilesProps): ReactElement {
  const { form, set, issue } = page;
  const images = useMemo(() => imagesOf(rows), [rows]);
  const here = useMemo(() => filesHere(rows), [rows]);
  return form.boot === 'disk' ? (
    <>
      <ImagePicker
        label="Disk images"
        use="disk"
        images={images}
        here={here}
        chosen={form.disks}
        isMany
        onChange={(disks) => {
          set('disks', disks);
        }}
        error={issue('disks') || form.disks.map((_, at) => issue(`disks.${at}`)).find((text) => text !== '') || ''}
      />
      <Checkbox
        checked={form.writesImage}
        onCheckedChange={(writes) => {
          set('writesImage', writes);
        }}
        label="The VM writes to the image itself"
        hint={
          issue('writesImage') === '' ? (
            'For one VM alone. Otherwise each VM writes to its own file, and the image stays as it is.'
          ) : (
            <span role="alert" className="text-bad">
              {issue('writesImage')}
            </span>
          )
        }
      />
    </>
  ) : form.boot === 'kernel' ? (
    <>
      <ImagePicker
        label="Kernel"
        use="kernel"
        images={images}
        here={here}
        chosen={form.kernel === '' ? [] : [form.kernel]}
        onChange={([kernel = '']) => {
          set('kernel', kernel);
        }}
        error={issue('kernel')}
      />
      <ImagePicker
        label="Initrd"
        use="initrd"
        images={images}
        here={here}
        chosen={form.initrd === '' ? [] : [form.initrd]}
        onChange={([initrd = '']) => {
          set('initrd', initrd);
        }}
        error={issue('initrd')}
      />
      <TextField page={page} name="append" label="Kernel command line" placeholder="console=ttyS0 quiet" />
    </>
  ) : (
    <ImagePicker
      label="CD images"
      use="cdrom"
      images={images}
      here={here}
      chosen={form.cdrom === '' ? [] : [form.cdrom]}
      onChange={([cdrom = '']) => {
        set('cdrom', cdrom);
      }}
      error={issue('cdrom')}
    />
  );
}
