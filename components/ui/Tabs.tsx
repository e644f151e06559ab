'use client';
// Views of one thing, side by side. The chosen one belongs in the URL: the caller holds it.
import { Tabs as Base } from '@base-ui/react/tabs';
import type { ReactElement, ReactNode } from 'react';

export interface TabsProps<Value extends string> {
  value: Value;
  onValueChange: (value: Value) => void;
  label: string;
  tabs: readonly { value: Value; label: ReactNode; panel: ReactNode }[];
}

export function Tabs<Value extends string>({ value, onValueChange, label, tabs }: TabsProps<Value>): ReactElement {
  return (
    <Base.Root value={value} onValueChange={(next: Value) => onValueChange(next)} className="flex min-h-0 flex-col">
      <Base.List aria-label={label} className="relative flex gap-4 overflow-x-auto border-b">
        {tabs.map((tab) => (
          <Base.Tab
            key={tab.value}
            value={tab.value}
            className="-mb-px h-9 border-b-2 border-transparent px-0.5 text-base font-medium whitespace-nowrap text-fg-2 hover:text-fg-1 data-active:border-accent data-active:text-fg-1"
          >
            {tab.label}
          </Base.Tab>
        ))}
      </Base.List>
      {tabs.map((tab) => (
        <Base.Panel key={tab.value} value={tab.value} className="min-h-0 flex-1 pt-4 outline-none">
          {tab.panel}
        </Base.Panel>
      ))}
    </Base.Root>
  );
}
