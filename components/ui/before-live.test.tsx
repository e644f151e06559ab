// @vitest-environment happy-dom
import { act, useState, type ReactElement } from 'react';
import { hydrateRoot } from 'react-dom/client';
import { renderToString } from 'react-dom/server';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Button } from './Button.tsx';
import { Checkbox } from './Checkbox.tsx';
import { Field } from './Field.tsx';
import { Input } from './Input.tsx';
import { SearchInput } from './SearchInput.tsx';
import { Textarea } from './Textarea.tsx';

/** What the page's own state holds of each field, as a form would send it. */
let held: Record<string, string> = {};

function Form(): ReactElement {
  const [texts, setTexts] = useState<Record<string, string>>({ nodes: '', user: 'root', search: '' });
  const [drawn, setDrawn] = useState(0);
  held = texts;
  const set = (name: string, text: string) => setTexts((before) => ({ ...before, [name]: text }));
  return (
    <form>
      <Field label="Nodes" name="nodes">
        <Textarea value={texts['nodes']} onChange={(event) => set('nodes', event.target.value)} />
      </Field>
      <Field label="User" name="user">
        <Input value={texts['user']} onChange={(event) => set('user', event.target.value)} />
      </Field>
      <SearchInput
        label="Filter"
        placeholder=""
        value={texts['search'] ?? ''}
        onValueChange={(text) => set('search', text)}
      />
      <Checkbox label="Install" checked={false} onCheckedChange={() => undefined} />
      <Button type="submit" onClick={() => setDrawn(drawn + 1)}>
        Next {drawn}
      </Button>
    </form>
  );
}

let box: HTMLElement;
let root: ReturnType<typeof hydrateRoot> | null = null;
beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  box = document.body.appendChild(document.createElement('div'));
  box.innerHTML = renderToString(<Form />);
});
afterEach(() => {
  act(() => root?.unmount());
  box.remove();
});

const goLive = () => act(() => void (root = hydrateRoot(box, <Form />)));
const textarea = () => box.querySelector('textarea')!;
const input = (label: string) =>
  box.querySelector<HTMLInputElement>(`input[name=${label}], input[aria-label=${label}]`)!;
const button = () => box.querySelector<HTMLButtonElement>('button[type=submit]')!;

test('what was typed before the page was live is in its form, and stays there', () => {
  const [early, user, search] = [textarea(), input('user'), input('Filter')];
  early.value = 'node[1-4]';
  user.value = 'ann';
  search.value = 'node3';
  goLive();
  expect(held).toEqual({ nodes: 'node[1-4]', user: 'ann', search: 'node3' });
  // The next thing that is drawn takes nothing away.
  act(() => button().click());
  expect([textarea(), input('user'), input('Filter')]).toEqual([early, user, search]);
  expect([early.value, user.value, search.value]).toEqual(['node[1-4]', 'ann', 'node3']);
});

test('a field that nobody typed into keeps its value, and reports no change', () => {
  goLive();
  expect(held).toEqual({ nodes: '', user: 'root', search: '' });
});

test('what would do nothing yet is disabled until the page is live', () => {
  const states = () => [button().disabled, box.querySelector('[role=checkbox]')?.hasAttribute('data-disabled')];
  expect(states()).toEqual([true, true]);
  goLive();
  expect(states()).toEqual([false, false]);
});
