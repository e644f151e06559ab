// A page taken apart, as its reader would not: both schemes, both widths. The screenshots are for people to look at.
import { expect } from '@playwright/test';
import { accessIssues, desktop, overflow, phone, shoot, type Person } from './browser.ts';

/** Waits for what the page shows, then takes it apart: both schemes, both widths. */
export async function inspect(person: Person, name: string, heading: string | RegExp): Promise<void> {
  const { page } = person;
  const found: string[] = [];
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.setViewportSize(desktop);
  await page.getByRole('heading', { name: heading }).first().waitFor();
  await expect.poll(() => page.getByRole('status', { name: /(is|are) loading$/ }).count()).toBe(0);
  // The picture is loaded after its page.
  for (const picture of await page.getByRole('application').all()) await picture.locator('canvas').first().waitFor();
  for (const size of [desktop, phone]) {
    await page.setViewportSize(size);
    for (const scheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      await shoot(page, name, scheme);
      // Each scheme and each width once.
      if ((size === desktop) === (scheme === 'dark')) found.push(...(await accessIssues(page)));
    }
    const wider = await overflow(page);
    if (wider > 0) found.push(`${page.url()} is ${wider} px wider than ${size.width}`);
  }
  expect(found).toEqual([]);
  expect(person.problems.splice(0)).toEqual([]);
}
