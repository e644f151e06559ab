// @vitest-environment happy-dom
import { act } from 'react';
import { expect, test } from 'vitest';
import { pageForTests } from '../page-for-tests.ts';
import type { VncHandle } from './handle.ts';
import { PhoneKeyboard } from './PhoneKeyboard.tsx';

const page = pageForTests();

test("a phone's keyboard types behind what is in its field, and deletes", () => {
  const keys: string[] = [];
  const handle: VncHandle = {
    kind: 'vnc',
    focus: () => undefined,
    save: () => undefined,
    cut: () => undefined,
    press: (pressed) => void keys.push(pressed.map(({ code }) => code).join('+')),
    pressSign: (keysym) => void keys.push(String.fromCharCode(keysym)),
  };
  page.draw(<PhoneKeyboard handle={handle} disabledReason="" />);
  const field = page.box.querySelector('textarea')!;
  act(() => page.box.querySelector('button')?.click());
  expect(document.activeElement).toBe(field);
  expect(field.selectionStart).toBe(field.value.length);
  const change = (value: string) =>
    act(() => {
      // React notices a value only when the element's own setter sets it.
      Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value')?.set?.call(field, value);
      field.dispatchEvent(new Event('input', { bubbles: true }));
    });
  const filling = field.value;
  change(`${filling}teh`);
  change(`${filling}the `);
  change(`${filling}the \n`);
  change(filling.slice(1));
  expect(keys.join(' ')).toBe(['t e h', 'Backspace Backspace h e  ', 'Enter', 'Backspace '.repeat(6).trim()].join(' '));
});
