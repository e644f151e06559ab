'use client';
// A field that nobody sees: with the focus in it a phone shows its keyboard, and what that types goes to the guest.
import { Keyboard } from 'lucide-react';
import { useRef, type ReactElement } from 'react';
import { IconButton } from '../ui/IconButton.tsx';
import { lineKeys } from './chords.ts';
import type { ScreenHandle, VncHandle } from './handle.ts';
import { keysymOf } from './layouts.ts';
import { typedDiff } from './typed-diff.ts';

/** Something to delete, so that a phone's keyboard does it and says so. */
const filling = '-'.repeat(20);
const longest = 200;

export function PhoneKeyboard({
  handle,
  disabledReason,
}: {
  readonly handle: ScreenHandle | null;
  readonly disabledReason: string;
}): ReactElement {
  const field = useRef<HTMLTextAreaElement>(null);
  const before = useRef(filling);
  return (
    <span className="relative md:hidden">
      <IconButton
        label="Show the keyboard"
        icon={<Keyboard />}
        disabledReason={disabledReason}
        onClick={() => {
          // The terminal of a serial port has its own field.
          if (handle?.kind === 'serial') handle.focus();
          else field.current?.focus();
        }}
      />
      <textarea
        ref={field}
        aria-label="What is typed here goes to the guest"
        tabIndex={-1}
        autoCapitalize="off"
        autoComplete="off"
        autoCorrect="off"
        spellCheck={false}
        defaultValue={filling}
        // Browsers begin at its start, where every sign would change all that follow.
        onFocus={({ currentTarget }) => currentTarget.setSelectionRange(longest, longest)}
        onChange={({ currentTarget }) => {
          const { value } = currentTarget;
          if (handle?.kind === 'vnc') pressDiff(handle, typedDiff(before.current, value));
          const isWornOut = value.length < filling.length / 2 || value.length > longest;
          if (isWornOut) currentTarget.value = filling;
          before.current = isWornOut ? filling : value;
        }}
        className="pointer-events-none absolute inset-0 resize-none opacity-0"
      />
    </span>
  );
}

function pressDiff(handle: VncHandle, { removed, added }: ReturnType<typeof typedDiff>): void {
  for (let count = 0; count < removed; count += 1) handle.press([lineKeys.backspace]);
  for (const sign of added) {
    if (sign === '\n') handle.press([lineKeys.enter]);
    else handle.pressSign(keysymOf(sign));
  }
}
