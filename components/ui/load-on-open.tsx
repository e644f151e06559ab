'use client';
// What lies over the page (a dialog, a sheet) is loaded when it is first opened: few readers of a page open it, and all would
// wait for it.
import { useEffect, useState } from 'react';
import type { ComponentType, ReactElement } from 'react';

/** The component that `load` gives, from the first time that `open` is true. */
export function loadOnOpen<Props extends { open: boolean; onOpenChange: (open: boolean) => void }>(
  load: () => Promise<ComponentType<Props>>,
): (props: Props) => ReactElement | null {
  let known: ComponentType<Props> | null = null;
  return function LoadedOnOpen(props: Props): ReactElement | null {
    const [Loaded, setLoaded] = useState(() => known);
    const isWanted = props.open && Loaded === null;
    useEffect(() => {
      if (!isWanted) return;
      load().then(
        (component) => {
          known = component;
          setLoaded(() => component);
        },
        // The console is gone, as the banner says, and with it all that this could do. The next time it tries again.
        () => props.onOpenChange(false),
      );
      // eslint-disable-next-line react-hooks/exhaustive-deps -- once for each wish
    }, [isWanted]);
    return Loaded === null ? null : <Loaded {...props} />;
  };
}
