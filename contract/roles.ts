// Who may do what, in the command language and in the console alike.
import { z } from 'zod';
import { roles } from './role-order.ts';

export const Role = z.enum(roles);
export type Role = z.infer<typeof Role>;
