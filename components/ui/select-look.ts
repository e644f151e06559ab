import { controlLook } from './control-look.ts';
import { cx } from './cx.ts';

/** A Select that is closed. */
export function selectLook(isMono: boolean, className: string | undefined): string {
  return cx(
    controlLook,
    'flex h-8 items-center justify-between gap-2 px-2 text-left max-md:h-10',
    isMono ? 'font-mono text-sm' : 'text-base',
    className,
  );
}
