// The plain HTTP interface as an OpenAPI 3.1 document, made of the same schemas that parse the calls. Its schemas are JSON Schema 2020-12, as 3.1 has it.
import { z } from 'zod';
import { apiPaths, apiStatuses, followable } from '../../contract/api.ts';
import { browserEvents, browserMethods, type MethodName } from '../../contract/browser.ts';

type Json = Readonly<Record<string, unknown>>;

/** Checks that JSON Schema cannot say are left out: the answer says what is wrong. */
function schemaOf(schema: z.core.$ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any', reused: 'inline' });
  return rest;
}

const codes = Object.keys(apiStatuses);
const errorSchema: Json = {
  type: 'object',
  description: 'What went wrong: `code` is for programs, `message` for people.',
  required: ['ok', 'error'],
  properties: {
    ok: { const: false },
    error: {
      type: 'object',
      required: ['code', 'message'],
      properties: {
        code: { enum: codes },
        message: { type: 'string' },
        detail: { description: 'More for programs, such as the field that is wrong.' },
      },
    },
  },
};
const refusal = (description: string): Json => ({
  description,
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
});

const errorResponses: Json = {
  '400': refusal('The input is not what the method takes; nothing was changed.'),
  '401': refusal('There is no token, or it is not valid.'),
  '403': refusal('The role, or the state of what it acts on, does not allow it.'),
  '404': refusal('There is no such method, or what it names does not exist.'),
  '409': refusal('Somebody else holds it, or it exists already.'),
  '429': refusal('Too many calls at a time.'),
  '500': refusal('It was tried and failed.'),
  '502': refusal('A node could not be reached.'),
  '504': refusal('No answer in time: the outcome is unknown, so look again.'),
};

function pathOfMethod(name: MethodName): Json {
  const { summary, role, changes, needsSession, input, output, example } = browserMethods[name];
  const notes = [
    `Needs the role ${role}, or a higher one.`,
    changes ? 'It is written to the audit log.' : 'It changes nothing.',
    ...(needsSession === true ? ['A token is refused: this needs a person who logged in.'] : []),
  ];
  return {
    post: {
      operationId: name,
      tags: [name.split('.', 1)[0]],
      summary,
      description: notes.join(' '),
      requestBody: {
        required: true,
        content: { 'application/json': { schema: schemaOf(input, 'input'), example } },
      },
      responses: {
        '200': {
          description: 'The answer; `events` has what was pushed during the call.',
          content: {
            'application/json': {
              schema: {
                type: 'object',
                required: ['ok', 'data'],
                properties: {
                  ok: { const: true },
                  data: schemaOf(output, 'output'),
                  events: { type: 'array', items: { $ref: '#/components/schemas/Event' } },
                },
              },
            },
          },
        },
        ...errorResponses,
      },
    },
  };
}

/** @param version of the console */
export function createOpenApi(version: string): Json {
  const names = Object.keys(browserMethods).sort() as MethodName[];
  return {
    openapi: '3.1.0',
    info: {
      title: 'Meshdeck console',
      version,
      description:
        'Every method of the console over plain HTTP. Send `Authorization: Bearer <token>`, with a token from the Settings page; it acts with its owner’s role.',
    },
    security: [{ token: [] }],
    paths: {
      ...Object.fromEntries(names.map((name) => [`${apiPaths.calls}${name}`, pathOfMethod(name)])),
      [apiPaths.events]: {
        get: {
          operationId: 'events',
          tags: ['events'],
          summary: 'Events as they happen, until the client leaves.',
          description: `\`follow\` may stand several times, each with one of ${followable.join(', ')}. \`fleet\` and \`run:<id>\` begin with the present state, under the name of the method that gives it. A gap in the revisions of \`fleet.delta\` means that the client was too slow: open the stream again.`,
          parameters: [
            {
              name: 'follow',
              in: 'query',
              required: true,
              explode: true,
              schema: { type: 'array', minItems: 1, items: { type: 'string' } },
              example: ['fleet'],
            },
          ],
          responses: {
            '200': {
              description: 'Server-sent events; the data of each is JSON.',
              content: { 'text/event-stream': { schema: { type: 'string' } } },
            },
            '400': errorResponses['400'],
            '401': errorResponses['401'],
            '404': errorResponses['404'],
            '429': errorResponses['429'],
          },
        },
      },
    },
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: {
        Error: errorSchema,
        Event: {
          type: 'object',
          required: ['event', 'data'],
          properties: { event: { enum: Object.keys(browserEvents) }, data: {} },
        },
        ...Object.fromEntries(
          Object.entries(browserEvents).map(([name, schema]) => [`event.${name}`, schemaOf(schema, 'output')]),
        ),
      },
    },
  };
}
