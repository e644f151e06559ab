// Uploads of images from pages: a stream to the node that the console is attached to, which checks and keeps the file (agent/files/put.ts).
import { z } from 'zod';
import { maxFileBytes, maxFileNameBytes } from '../../contract/limits.ts';
import { imageUses, uploadService, type UploadArgs } from '../../contract/uploads.ts';
import type { StreamServices } from './service.ts';

const Args: z.ZodType<UploadArgs> = z.object({
  name: z.string().min(1).max(maxFileNameBytes),
  bytes: z.number().int().min(1).max(maxFileBytes),
  mayReplace: z.boolean(),
  use: z.enum(imageUses).nullable(),
});

export const uploadStreams: StreamServices = { [uploadService]: { role: 'operator', args: Args } };
