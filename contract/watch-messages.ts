// What a watcher of the command socket receives: the rows of the kinds it asked for, then what changes in them.
//
//   client: {"Watch":{"Kinds":["nodes","hosts"]}}
//   server: {"Watch":"begin","Revision":…,"Self":…,"Kinds":{"nodes":{"put":[…],"gone":[]}},"More":true}
//           {"Watch":"rows","From":…,"Revision":…,"Kinds":{…},"More":false} …
//
// A revision is (Epoch, N): an Epoch is one run of one daemon or one new beginning for a slow reader. What was known before a
// `begin` is gone; the rows that were there at the beginning are complete with the first message whose `More` is false.
import { z } from 'zod';
import { RowChanges } from './kinds.ts';
import { maxRangeNameLength } from './limits.ts';

export const Revision = z.object({ Epoch: z.string(), N: z.number().int() });
export type Revision = z.infer<typeof Revision>;

const Short = z.string().max(maxRangeNameLength);

export const WatchMessage = z.discriminatedUnion('Watch', [
  z.object({
    Watch: z.literal('begin'),
    Revision,
    /** Node id of the daemon that answers. */
    Self: Short,
    /** Id of the mesh. */
    Cluster: Short,
    Context: Short,
    Kinds: RowChanges,
    More: z.boolean(),
  }),
  z.object({ Watch: z.literal('rows'), From: Revision, Revision, Kinds: RowChanges, More: z.boolean() }),
]);
export type WatchMessage = z.infer<typeof WatchMessage>;
