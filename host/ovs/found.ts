// What a comparison of the switch with what is wanted finds.
import type { SwitchChange } from './switch-host.ts';

export type FaultReason =
  | 'database-down'
  | 'switch-down'
  | 'bridge-missing'
  | 'name-taken'
  | 'tap-missing'
  | 'tap-down'
  /** It was removed while its VM held it, and made again: the VM holds the removed one until its interface is plugged in again. */
  | 'tap-unheld'
  | 'port-missing'
  | 'port-changed'
  | 'port-error'
  | 'mirror-missing'
  | 'mirror-changed';

export interface Found {
  /** A tap, a trunk or a bridge; empty for all of them. */
  readonly subject: string;
  readonly reason: FaultReason;
  /** What is different, as far as the reason does not say it. */
  readonly detail: string;
  /** Null when it cannot be fixed from here. */
  readonly change: Partial<SwitchChange> | null;
}
