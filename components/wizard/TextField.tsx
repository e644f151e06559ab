// One labelled line of text that edits one field of a wizard's form, with its issue below.
import type { ReactElement } from 'react';
import { Field, type FieldProps } from '../ui/Field.tsx';
import { Input, type InputProps } from '../ui/Input.tsx';
import { textInput } from './form-values.ts';
import type { PageProps } from './WizardShell.tsx';

export interface TextFieldProps
  extends Pick<FieldProps, 'label' | 'hint'>, Pick<InputProps, 'placeholder' | 'inputMode' | 'autoComplete'> {
  readonly page: Pick<PageProps, 'form' | 'set' | 'issue'>;
  /** Field of the form, and of what the planner says is wrong. */
  readonly name: string;
}

export function TextField({ page, name, label, hint, ...input }: TextFieldProps): ReactElement {
  return (
    <Field label={label} name={name} error={page.issue(name)} hint={hint}>
      <Input isMono {...input} {...textInput(page, name)} />
    </Field>
  );
}
