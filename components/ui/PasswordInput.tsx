'use client';
// A password that the user types each time: no browser keeps or offers it.
import type { ReactElement } from 'react';
import { Input } from './Input.tsx';

export interface PasswordInputProps {
  value: string;
  onValueChange: (value: string) => void;
}

export function PasswordInput({ value, onValueChange }: PasswordInputProps): ReactElement {
  return (
    <Input
      type="password"
      autoComplete="off"
      value={value}
      onChange={(event) => {
        onValueChange(event.target.value);
      }}
    />
  );
}
