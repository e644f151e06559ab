'use client';
import { createContext } from 'react';

/** Set by Field: its control is named and judged by it. */
export const IsInField = createContext(false);
