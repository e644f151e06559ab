// The node that something final is done to, and its name typed again to confirm.
import type { ReactElement } from 'react';
import { TextField } from './TextField.tsx';
import type { PageProps } from './wizard.ts';

export function NameAndConfirm({ page }: { page: PageProps }): ReactElement {
  return (
    <>
      <TextField page={page} name="node" label="Node" />
      <TextField page={page} name="confirm" label="Type its name again to confirm" autoComplete="off" />
    </>
  );
}
