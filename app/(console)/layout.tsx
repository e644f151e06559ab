import type { ReactElement, ReactNode } from 'react';
import { Frame } from '../../components/frame/Frame.tsx';
import { BridgeAlarms } from '../../components/news/BridgeAlarms.tsx';
import { ChangeToasts } from '../../components/news/ChangeToasts.tsx';
import { ConnectionBanner } from '../../components/news/ConnectionBanner.tsx';
import { CommandPalette, PaletteButton } from '../../components/palette/CommandPalette.tsx';

export default function ConsoleLayout({ children }: { children: ReactNode }): ReactElement {
  return (
    <Frame
      banner={
        <>
          <ConnectionBanner />
          <BridgeAlarms />
        </>
      }
      palette={<PaletteButton />}
      listeners={
        <>
          <CommandPalette />
          <ChangeToasts />
        </>
      }
    >
      {children}
    </Frame>
  );
}
