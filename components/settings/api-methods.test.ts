import { expect, test } from 'vitest';
import { browserMethods } from '../../contract/browser.ts';
import { createOpenApi } from '../../server/api/openapi.ts';
import { apiMethodsOf, curlLine, describeSchema } from './api-methods.ts';

test('every method is read from the document, with its fields', () => {
  const methods = apiMethodsOf(createOpenApi('1'));
  expect(methods.map(({ name }) => name)).toEqual(Object.keys(browserMethods).sort());
  expect(methods.find(({ name }) => name === 'runs.list')).toMatchObject({
    summary: 'The runs, newest first.',
    fields: [
      { name: 'limit', type: 'whole number, at least 1, at most 500', isRequired: true },
      { name: 'node', type: 'text, at most 253 characters', isRequired: false },
    ],
    example: { limit: 50, node: 'node1' },
  });
});

test.each([
  [{ enum: ['viewer', 'admin'] }, 'viewer | admin'],
  [{ anyOf: [{ type: 'integer', maximum: Number.MAX_SAFE_INTEGER }, { type: 'null' }] }, 'whole number or null'],
  [{ type: 'array', items: { type: 'string' } }, 'list of: text'],
  [{ const: false }, 'false'],
  [{}, 'anything'],
])('%j is %s', (schema, text) => {
  expect(describeSchema(schema)).toBe(text);
});

test('the line for curl has the input as one word of the shell', () => {
  expect(curlLine('https://lab', 'users.create', { name: "Ann O'Neil" })).toBe(
    `curl -sS -H @meshdeck-token -H 'content-type: application/json' -d '{"name":"Ann O'\\''Neil"}' https://lab/api/v1/users.create`,
  );
});
