import type { ReactElement, ReactNode } from 'react';
import { Frame } from '../../components/frame/Frame.tsx';

export default function ConsoleLayout({ children }: { children: ReactNode }): ReactElement {
  return <Frame>{children}</Frame>;
}
