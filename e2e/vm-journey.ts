// What people do with VMs in the console, found by what they see: a launch by the wizard, what a serial console says, what a screen shows.
import type { Page } from '@playwright/test';
import type { Person } from './browser.ts';

export interface Launch {
  readonly namespace: string;
  /** Uploaded in the browser; otherwise what the wizard begins with. */
  readonly upload?: { readonly kernel: string; readonly initrd: string };
  /** Otherwise what the wizard begins with. */
  readonly memoryMb?: number;
  readonly vlan: string;
  /** As typed. */
  readonly names: string;
  /** Otherwise those that the wizard chooses. */
  readonly nodes?: string;
  /** As the wizard words it; otherwise what it begins with. */
  readonly rule?: string;
  /** Called with each step filled in, by its title. */
  readonly onStep?: (title: string) => Promise<void>;
}

/** From any page on a wide screen. */
export async function openWizard({ page }: Person): Promise<void> {
  await page.getByRole('link', { name: 'VMs', exact: true }).first().click();
  await page.getByRole('link', { name: 'Launch VMs' }).first().click();
}

/** From the wizard's first step to the plan, which is shown. */
export async function planLaunch({ page }: Person, launch: Launch): Promise<void> {
  const { namespace, upload, memoryMb, vlan, names, nodes, rule, onStep } = launch;
  const next = async (title: string) => {
    await page.getByRole('heading', { name: title, level: 2, exact: true }).waitFor();
    await onStep?.(title);
    await page.getByRole('button', { name: /^(Next|Make the plan)$/ }).click();
  };
  await page.getByRole('combobox', { name: 'Namespace' }).fill(namespace);
  if (upload) {
    await page.getByRole('group', { name: 'What the VMs boot from' }).getByRole('button', { name: 'Kernel' }).click();
    await bringIn(page, 'Kernel', upload.kernel);
    await bringIn(page, 'Initrd', upload.initrd);
  }
  if (memoryMb !== undefined) await page.getByLabel('Memory, in MB').fill(String(memoryMb));
  await next('What');

  const known = page.getByRole('region', { name: `VLANs of ${namespace}` }).getByRole('button', { name: vlan });
  if ((await known.count()) > 0) await known.click();
  else {
    await page.getByLabel('Name, or the number of a VLAN').fill(vlan);
    await page.getByRole('button', { name: 'Add', exact: true }).click();
  }
  await page.getByRole('region', { name: 'NICs of each VM' }).getByText(vlan).waitFor();
  await next('Network');

  await page.getByRole('textbox', { name: 'Names', exact: true }).fill(names);
  if (nodes !== undefined) await page.getByRole('textbox', { name: 'Nodes', exact: true }).fill(nodes);
  if (rule !== undefined) await page.getByRole('radio', { name: rule }).click();
  await next('How many, where');
  await page.getByRole('button', { name: 'Run it' }).waitFor();
  await page.getByText('The same as a script').waitFor();
}

/** Uploads a file, and waits until the console has checked and chosen it. */
async function bringIn(page: Page, label: string, path: string): Promise<void> {
  const picker = page.getByRole('region', { name: label, exact: true });
  await picker.getByLabel('File to upload').setInputFiles(path);
  await picker
    .getByRole('status')
    .filter({ hasText: /^Complete on node\d+SHA-256/ })
    .waitFor();
  await picker
    .getByRole('radio', { name: new RegExp(path.split('/').at(-1) ?? '') })
    .and(page.getByRole('radio', { checked: true }))
    .waitFor();
}

/** What the shown serial console has on its screen. */
export async function serialText(page: Page): Promise<string> {
  const lines = page.getByRole('group', { name: /^Serial port/ }).getByRole('listitem');
  return (await lines.allTextContents()).join('\n').replaceAll('\u00a0', ' ');
}

/** Signs of a US keyboard that want its Shift key: a screen gets keys, and not signs. */
const shifted: Readonly<Record<string, string>> = { '>': 'Shift+Period', '?': 'Shift+Slash' };

/** Types as a person does at a US keyboard, into what has the focus. */
export async function typeByKeys({ keyboard }: Page, text: string): Promise<void> {
  for (const sign of text) {
    const keys = /[A-Z]/.test(sign) ? `Shift+Key${sign}` : shifted[sign];
    await (keys === undefined ? keyboard.type(sign) : keyboard.press(keys));
  }
}

/** Pixels of two PNGs: how many there are, and how many of them differ; -1 where the sizes do. Decoded by the browser. */
export function comparePictures(page: Page, one: Buffer, other: Buffer): Promise<{ pixels: number; differ: number }> {
  const urls = [one, other].map((png) => `data:image/png;base64,${png.toString('base64')}`);
  return page.evaluate<{ pixels: number; differ: number }>(`(async () => {
    const read = async (url) => {
      const image = new Image();
      image.src = url;
      await image.decode();
      const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
      const context = canvas.getContext('2d');
      context.drawImage(image, 0, 0);
      return context.getImageData(0, 0, canvas.width, canvas.height);
    };
    const [a, b] = [await read(${JSON.stringify(urls[0])}), await read(${JSON.stringify(urls[1])})];
    const pixels = a.width * a.height;
    if (a.width !== b.width || a.height !== b.height) return { pixels, differ: -1 };
    let differ = 0;
    for (let at = 0; at < a.data.length; at += 4) {
      // Another depth of colours rounds.
      if ([0, 1, 2].some((channel) => Math.abs(a.data[at + channel] - b.data[at + channel]) > 8)) differ += 1;
    }
    return { pixels, differ };
  })()`);
}
