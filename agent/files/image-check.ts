// Whether a file that came from outside is an image, before it gets its name.
import { imageUses, type ImageUse } from '../../contract/uploads.ts';
import { describeImage, headBytesFor, usualHeadBytes, whyUnusable } from '../../host/images/headers.ts';
import type { PartFile } from '../../host/images/image-store.ts';

/** What kind of image a part is, or why a VM cannot have it as that; null: as anything. */
export async function findUse(
  name: string,
  part: Pick<PartFile, 'bytes' | 'read'>,
  use: ImageUse | null,
): Promise<{ readonly format: string } | { readonly issue: string }> {
  const first = await part.read(0, Math.min(part.bytes, usualHeadBytes));
  const wanted = Math.min(part.bytes, headBytesFor(first));
  const head = wanted > first.length ? await part.read(0, wanted) : first;
  const facts = describeImage(head, part.bytes);
  const issues = (use === null ? imageUses : [use]).map((each) => whyUnusable(name, facts, each));
  return issues.includes(null) ? { format: facts.format } : { issue: issues[0] ?? `${name} is not an image` };
}
