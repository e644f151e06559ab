// A wizard's form on its way in: parsed, with errors that name their field.
import type { z } from 'zod';
import { AppError } from '../contract/errors.ts';

/** @throws AppError `invalid`; `detail.field` names the field, so that a form can show it there. */
export function invalid(field: string, message: string, detail: Record<string, unknown> = {}): AppError {
  return new AppError('invalid', message, { detail: { field, ...detail } });
}

export function parseForm<Schema extends z.ZodType>(schema: Schema, raw: unknown): z.output<Schema> {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue?.path.join('.') ?? '';
  throw invalid(field, `${field}: ${issue?.message ?? 'not valid'}`);
}
