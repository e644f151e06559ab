// What the page of the HTTP interface reads from its OpenAPI document. Pure.
import { shellWord } from '../../core/plans/step.ts';

export interface ApiField {
  readonly name: string;
  /** In words: `text, at most 64 characters`. */
  readonly type: string;
  readonly isRequired: boolean;
}

export interface ApiMethod {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly fields: readonly ApiField[];
  readonly example: unknown;
}

interface JsonSchema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
}

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly requestBody: {
    readonly content: { readonly 'application/json': { readonly schema: JsonSchema; readonly example: unknown } };
  };
}

/** The calls of the document, by name. The document is the server's own, of the same version. */
export function apiMethodsOf(document: unknown): ApiMethod[] {
  const { paths } = document as { paths: Readonly<Record<string, { readonly post?: Operation }>> };
  return Object.values(paths)
    .flatMap(({ post }) => post ?? [])
    .map(({ operationId: name, summary, description, requestBody }) => {
      const { schema, example } = requestBody.content['application/json'];
      return { name, summary, description, fields: fieldsOf(schema), example };
    });
}

function fieldsOf({ properties = {}, required = [] }: JsonSchema): ApiField[] {
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    type: describeSchema(schema),
    isRequired: required.includes(name),
  }));
}

export function describeSchema(schema: JsonSchema): string {
  const { type, anyOf, items, minimum, maximum, minLength, maxLength } = schema;
  if (schema.enum) return schema.enum.map(String).join(' | ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (anyOf) return anyOf.map(describeSchema).join(' or ');
  switch (type) {
    case 'string':
      return ['text', ...bounds(minLength, maxLength, ' characters')].join(', ');
    case 'integer':
    case 'number':
      return [type === 'integer' ? 'whole number' : 'number', ...bounds(minimum, maximum, '')].join(', ');
    case 'boolean':
      return 'true or false';
    case 'array':
      return items ? `list of: ${describeSchema(items)}` : 'list';
    case 'object':
      return 'object';
    case 'null':
      return 'null';
    default:
      return 'anything';
  }
}

function bounds(least: number | undefined, most: number | undefined, unit: string): string[] {
  return [
    ...(least !== undefined && least > 0 ? [`at least ${least}${unit}`] : []),
    ...(most !== undefined && most < Number.MAX_SAFE_INTEGER ? [`at most ${most}${unit}`] : []),
  ];
}

/** With the token in a file, where no list of processes shows it. */
export function curlLine(origin: string, name: string, input: unknown): string {
  const body = shellWord(JSON.stringify(input));
  return `curl -sS -H @meshdeck-token -H 'content-type: application/json' -d ${body} ${origin}/api/v1/${name}`;
}
