// The streams of nodes that pages may open, whatever else is given.
import { z } from 'zod';
import { vmRatesService } from '../../contract/vm-rates.ts';
import type { StreamServices } from './service.ts';

export const nodeServices: StreamServices = {
  [vmRatesService]: { role: 'viewer', args: z.object({ vm: z.number().int().min(0) }) },
};
