// What a part of a wizard's form sees of it, and the parts of a list: one entry of a list of disks is edited by the same fields
// as a form is.
import type { FormValues } from './wizard-state.ts';

export interface FieldsProps<Form extends FormValues = FormValues> {
  readonly form: Form;
  /** `part`: what of the field was edited, where it is a list (`0.size`): issues of other parts stand. */
  readonly set: <Field extends keyof Form & string>(field: Field, value: Form[Field], part?: string) => void;
  /** What is wrong with a field; empty: nothing. */
  readonly issue: (field: string) => string;
}

/** Fields that hold a list of forms, and the form that each entry is. */
type ListField<Form extends FormValues> = {
  [Field in keyof Form & string]: Form[Field] extends readonly FormValues[] ? Field : never;
}[keyof Form & string];
type EntryOf<List> = List extends readonly (infer Entry extends FormValues)[] ? Entry : never;

export interface ListFields<Entry extends FormValues> {
  readonly entries: readonly FieldsProps<Entry>[];
  readonly add: (entry: Entry) => void;
  readonly remove: (at: number) => void;
}

/** The entries of a list, each as its own form. */
export function listFields<Form extends FormValues, Field extends ListField<Form>>(
  { form, set, issue }: FieldsProps<Form>,
  field: Field,
): ListFields<EntryOf<Form[Field]>> {
  type Entry = EntryOf<Form[Field]>;
  // ListField has only fields that hold lists, and EntryOf says of what: TypeScript does not carry that over.
  const list = form[field] as unknown as readonly Entry[];
  const put = (entries: readonly Entry[], part?: string) => {
    set(field, entries as unknown as Form[Field], part);
  };
  return {
    entries: list.map((entry, at) => ({
      form: entry,
      set: (name, value, part) => {
        const own = part === undefined ? name : `${name}.${part}`;
        put(
          list.map((each, index) => (index === at ? { ...each, [name]: value } : each)),
          `${at}.${own}`,
        );
      },
      issue: (name) => issue(`${field}.${at}.${name}`),
    })),
    add: (entry) => {
      put([...list, entry], `${list.length}`);
    },
    // Those behind it move up: an issue of one of them would stand at another.
    remove: (at) => {
      put(list.filter((_, index) => index !== at));
    },
  };
}

/** Fields that take a text. */
export type TextKey<Form extends FormValues> = {
  [Field in keyof Form & string]: string extends Form[Field] ? Field : never;
}[keyof Form & string];

/** Where an issue stands: at the field that is named, else at the one that it is a part of. `disks[].size` names one in each entry. */
export function fieldOf(path: string, fields: readonly string[]): string | null {
  const parts = path.split('.');
  for (let length = parts.length; length > 0; length -= 1) {
    const own = parts.slice(0, length);
    const pattern = own.map((part, at) => (at > 0 && /^\d+$/.test(part) ? '[]' : part)).join('.');
    if (fields.includes(own.join('.')) || fields.includes(pattern.replaceAll('.[]', '[]'))) return own.join('.');
  }
  return null;
}
