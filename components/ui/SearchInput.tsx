'use client';
// A field that filters as one types; Escape empties it. `/` puts the focus here.
import { Search, X } from 'lucide-react';
import { useEffect, useState } from 'react';
import type { KeyboardEvent, ReactElement } from 'react';
import { controlLook } from './control-look.ts';
import { cx } from './cx.ts';
import { useTypedEarly } from './use-typed-early.ts';

export interface SearchInputProps {
  label: string;
  placeholder: string;
  value: string;
  onValueChange: (value: string) => void;
  onKeyDown?: (event: KeyboardEvent<HTMLInputElement>) => void;
  /** What was found, in words, for the field's end and for a screen reader. */
  found?: string;
  /** Of the text that says what is wrong with it; empty or absent: nothing is. */
  errorId?: string;
  /** For conditions, which are longer than a name. */
  isWide?: boolean;
}

export function SearchInput(props: SearchInputProps): ReactElement {
  const { label, placeholder, value, onValueChange, onKeyDown, found = '', errorId = '', isWide = false } = props;
  // What is typed is shown at once; the URL, where `value` comes from, follows a moment later.
  const [draft, setDraft] = useState(value);
  const input = useTypedEarly<HTMLInputElement>(draft);
  useEffect(() => {
    if (document.activeElement !== input.current) setDraft(value);
  }, [value, input]);
  const put = (text: string): void => {
    setDraft(text);
    onValueChange(text);
  };
  useEffect(() => {
    const onKey = (event: globalThis.KeyboardEvent): void => {
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
      const target = event.target;
      if (
        target instanceof HTMLElement &&
        (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
      )
        return;
      event.preventDefault();
      input.current?.focus();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [input]);
  return (
    <div role="search" className={cx('relative flex items-center max-sm:w-full', isWide ? 'w-96' : 'w-64')}>
      <Search aria-hidden="true" className="pointer-events-none absolute left-2 size-4 text-fg-3" />
      <input
        ref={input}
        type="text"
        aria-label={label}
        {...(errorId === '' ? {} : { 'aria-invalid': true, 'aria-describedby': errorId, 'data-invalid': '' })}
        placeholder={placeholder}
        spellCheck={false}
        autoComplete="off"
        value={draft}
        onChange={(event) => put(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape' && draft !== '') {
            // Only the filter goes, not the selection with it.
            event.stopPropagation();
            event.preventDefault();
            put('');
          }
          onKeyDown?.(event);
        }}
        className={cx(controlLook, 'h-8 pr-8 pl-8 text-base max-md:h-10')}
      />
      <span role="status" className="sr-only">
        {found}
      </span>
      {draft === '' ? null : (
        <button
          type="button"
          aria-label="Clear"
          onClick={() => {
            put('');
            input.current?.focus();
          }}
          className="absolute right-1 flex size-6 items-center justify-center rounded-sm text-fg-3 hover:text-fg-1"
        >
          <X aria-hidden="true" className="size-4" />
        </button>
      )}
    </div>
  );
}
