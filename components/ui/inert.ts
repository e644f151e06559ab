import type { KeyboardEvent, SyntheticEvent } from 'react';

const stop = (event: SyntheticEvent): void => event.preventDefault();

/**
 * What makes a button do nothing and submit nothing, and yet stay in reach of the keyboard, so that its tooltip can say why.
 * Spread over the button's own props.
 */
export const inert = {
  'aria-disabled': true,
  'data-disabled': '',
  onClick: stop,
  onPointerDown: stop,
  onMouseDown: undefined,
  onKeyUp: undefined,
  onKeyDown: (event: KeyboardEvent): void => {
    if (event.key !== 'Tab') event.preventDefault();
  },
};
