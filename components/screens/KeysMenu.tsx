'use client';
// Keys that the browser or the system keeps for itself.
import { Command } from 'lucide-react';
import { Fragment, type ReactElement } from 'react';
import { IconButton } from '../ui/IconButton.tsx';
import { Menu, MenuItem, MenuSeparator } from '../ui/Menu.tsx';
import { chordGroups, serialChords } from './chords.ts';
import type { ScreenHandle } from './handle.ts';

export function KeysMenu({
  handle,
  disabledReason,
}: {
  readonly handle: ScreenHandle | null;
  readonly disabledReason: string;
}): ReactElement {
  const button = <IconButton label="Send keys" icon={<Command />} disabledReason={disabledReason} />;
  if (handle === null || disabledReason !== '') return button;
  return (
    <Menu trigger={button}>
      {handle.kind === 'vnc' ? (
        chordGroups.map((group, at) => (
          <Fragment key={group[0]?.label}>
            {at === 0 ? null : <MenuSeparator />}
            {group.map(({ label, keys }) => (
              <MenuItem key={label} onSelect={() => handle.press(keys)}>
                {label}
              </MenuItem>
            ))}
          </Fragment>
        ))
      ) : (
        <>
          {serialChords.map(({ label, bytes }) => (
            <MenuItem key={label} onSelect={() => handle.type(bytes)}>
              {label}
            </MenuItem>
          ))}
          <MenuSeparator />
          <MenuItem
            onSelect={() => {
              const [columns, rows] = handle.size();
              handle.type(`stty cols ${columns} rows ${rows}\r`);
            }}
          >
            Tell the guest this size: stty cols … rows …
          </MenuItem>
        </>
      )}
    </Menu>
  );
}
