import { z } from 'zod';

/** A later version may send rows that this one does not know: they are left out, the others count. */
export function knownRows<Value>(shape: z.ZodType<Value>, most: number): z.ZodType<Value[]> {
  return z
    .array(z.unknown())
    .max(most)
    .transform((items) =>
      items.flatMap((item) => {
        const parsed = shape.safeParse(item);
        return parsed.success ? [parsed.data] : [];
      }),
    );
}
