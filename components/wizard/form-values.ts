// Between the fields of a form, which hold what was typed, and the planner's schema, which has the say.
import type { z } from 'zod';
import { parseRange } from '../../core/ranges/parse-range.ts';
import type { FieldsProps, TextKey } from './wizard-fields.ts';
import type { FormValues, Issue } from './wizard-state.ts';

export function textOf(form: FormValues, field: string): string {
  const value = form[field];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** Value and change handler of a text input that edits one field of the form. */
export function textInput<Form extends FormValues>(
  { form, set }: Pick<FieldsProps<Form>, 'form' | 'set'>,
  field: TextKey<Form>,
): { value: string; onChange: (event: { target: { value: string } }) => void } {
  return {
    value: textOf(form, field),
    onChange: (event) => {
      // TextKey has only fields that take a text.
      set(field, event.target.value as Form[TextKey<Form>]);
    },
  };
}

/** Issues of a form by field, the first of each; of an entry of a list by its place: `disks.0.size`. */
export function issuesOf(schema: z.ZodType, form: Record<string, unknown>): Issue[] {
  const parsed = schema.safeParse(form);
  if (parsed.success) return [];
  const issues = new Map<string, string>();
  for (const { path, message } of parsed.error.issues) {
    const field = path.join('.');
    if (!issues.has(field)) issues.set(field, message);
  }
  return [...issues].map(([field, message]) => ({ field, message }));
}

export function rangeIssues(form: FormValues, field: string): Issue[] {
  const range = parseRange(textOf(form, field));
  return range.ok ? [] : [{ field, message: range.message }];
}

/** Names of a field that holds a node range; none while it is not one. */
export function namesIn(form: FormValues, field: string): readonly string[] {
  const range = parseRange(textOf(form, field));
  return range.ok ? range.names : [];
}

/** Of a form whose field `confirm` repeats another. */
export function confirmIssues(form: FormValues, field: string): Issue[] {
  const text = textOf(form, field).trim();
  if (text === '' || textOf(form, 'confirm').trim() === text) return [];
  return [{ field: 'confirm', message: `Type ${text.length > 60 ? 'the same' : text} to confirm.` }];
}

/** Names are pasted with blanks around them. */
export function trimmed(form: FormValues): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(form).map(([field, value]) => [field, typeof value === 'string' ? value.trim() : value]),
  );
}

/** Of a wizard that needs none. */
export function noSecrets(): Record<string, string> {
  return {};
}
