'use client';
// What lies over the page (a dialog, a sheet) is loaded when it is first opened: few readers of a page open it, and all would
// wait for it.
import type { ComponentType, ReactElement } from 'react';
import { onDemand, useOnDemand } from './on-demand.ts';

/** The component that `load` gives, from the first time that `open` is true. */
export function loadOnOpen<Props extends { open: boolean; onOpenChange: (open: boolean) => void }>(
  load: () => Promise<ComponentType<Props>>,
): (props: Props) => ReactElement | null {
  const part = onDemand(load);
  return function LoadedOnOpen(props: Props): ReactElement | null {
    // Should loading fail, the console is gone, as the banner says, and with it all that this could do. The next time it tries again.
    const { loaded: Loaded } = useOnDemand(part, props.open, () => props.onOpenChange(false));
    return Loaded === null ? null : <Loaded {...props} />;
  };
}
