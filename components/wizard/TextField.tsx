// One labelled line of text that edits one field of a wizard's form, with its issue below.
import type { ReactElement } from 'react';
import { Field, type FieldProps } from '../ui/Field.tsx';
import { Input, type InputProps } from '../ui/Input.tsx';
import { textInput } from './form-values.ts';
import type { FieldsProps, TextKey } from './wizard-fields.ts';
import type { FormValues } from './wizard-state.ts';

export interface TextFieldProps<Form extends FormValues>
  extends Pick<FieldProps, 'label' | 'hint'>, Pick<InputProps, 'placeholder' | 'inputMode' | 'autoComplete'> {
  /** The form, or one entry of a list in it. */
  readonly page: FieldsProps<Form>;
  /** Field of the form, and of what the planner says is wrong. */
  readonly name: TextKey<Form>;
}

export function TextField<Form extends FormValues>({
  page,
  name,
  label,
  hint,
  ...input
}: TextFieldProps<Form>): ReactElement {
  return (
    <Field label={label} name={name} error={page.issue(name)} hint={hint}>
      <Input isMono {...input} {...textInput(page, name)} />
    </Field>
  );
}
