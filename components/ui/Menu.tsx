'use client';
// A list of actions or choices behind a button. Disabled items say why below their label. What opens is loaded on demand.
import { cloneElement, createContext, useContext } from 'react';
import type { ReactElement } from 'react';
import type { MenuChoiceProps, MenuItemProps, MenuProps } from './MenuPopup.tsx';
import { onDemand, useOnDemand } from './on-demand.ts';

const popup = onDemand(() => import('./MenuPopup.tsx'));
const LoadedMenu = createContext<(typeof popup)['known']>(null);

export function Menu({ trigger, align = 'end', children }: MenuProps): ReactElement {
  const { loaded, button, handlers } = useOnDemand(popup);
  if (loaded === null) {
    return cloneElement(trigger, { 'aria-haspopup': 'menu', 'aria-expanded': false, ...handlers(trigger.props) });
  }
  return (
    <LoadedMenu value={loaded}>
      <loaded.MenuPopup trigger={trigger} align={align} triggerRef={button}>
        {children}
      </loaded.MenuPopup>
    </LoadedMenu>
  );
}

export function MenuItem(props: MenuItemProps): ReactElement | null {
  const menu = useContext(LoadedMenu);
  return menu === null ? null : <menu.LoadedItem {...props} />;
}

export function MenuSeparator(): ReactElement {
  return <hr className="-mx-1 my-1 border-line" />;
}

/** One of several, inside a menu. */
export function MenuChoice<Value extends string>(props: MenuChoiceProps<Value>): ReactElement | null {
  const menu = useContext(LoadedMenu);
  return menu === null ? null : <menu.LoadedChoice {...props} />;
}
