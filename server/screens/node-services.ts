// The streams of nodes that pages may open, whatever else is given.
import { z } from 'zod';
import { capturePacketsService } from '../../contract/captures.ts';
import { vmRatesService } from '../../contract/vm-rates.ts';
import type { StreamServices } from './service.ts';

export const nodeServices: StreamServices = {
  // Who reads packets sees what users of the VMs see, as at their consoles.
  [capturePacketsService]: { role: 'operator', args: z.object({ capture: z.number().int().min(0) }) },
  [vmRatesService]: { role: 'viewer', args: z.object({ vm: z.number().int().min(0) }) },
};
