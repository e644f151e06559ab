import js from '@eslint/js';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';
import { plainWords } from './scripts/plain-words/rule.ts';

export default tseslint.config(
  {
    ignores: [
      'dist/**',
      'node_modules/**',
      '.cache/**',
      '.next/**',
      'next-env.d.ts',
      'server/store/client/**',
      'next-env.d.ts',
      'scripts/import-rules/fixture/**',
    ],
  },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: { allowDefaultProject: ['*.js'] }, tsconfigRootDir: import.meta.dirname },
    },
    plugins: { meshdeck: { rules: { 'plain-words': plainWords } } },
    rules: {
      'meshdeck/plain-words': 'error',
      // Numbers and booleans in messages are the normal case in a daemon; objects stay forbidden.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'no-console': 'error',
      'no-restricted-syntax': [
        'error',
        { selector: "Property[key.name='shell'][value.value=true]", message: 'No shells: pass an argv array.' },
      ],
      'no-restricted-imports': [
        'error',
        {
          paths: [
            { name: 'node:child_process', importNames: ['exec', 'execSync'], message: 'No shells: use host/runner.' },
          ],
        },
      ],
    },
  },
  {
    files: ['core/**/*.ts', 'contract/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      // Decisions get their clock, randomness, network and processes from their callers.
      'no-restricted-globals': [
        'error',
        'setTimeout',
        'setInterval',
        'setImmediate',
        'fetch',
        'process',
        'crypto',
        'performance',
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'Pass randomness in.' },
        { object: 'Date', property: 'now', message: 'Pass the clock in.' },
      ],
    },
  },
  {
    files: ['{agent,bench,cli,contract,core,e2e,host,lab,scripts,server}/**/*.ts'],
    // Suites that several adapters pass are tests. The two files are what is left.
    ignores: [
      ...[
        '**/*.test.ts',
        '**/*.e2e.ts',
        '**/*-compliance.ts',
        'host/ssh/connection.ts',
        'agent/socket/cluster-for-tests.ts',
      ],
    ],
    rules: { 'max-lines-per-function': ['error', { max: 120 }] },
  },
  {
    files: ['lab/**', 'bench/**', 'scripts/**', 'agent/client/**', 'agent/main.ts', 'cli/**', 'server/program.ts'],
    // Programs that talk to a person print to the terminal.
    rules: { 'no-console': 'off' },
  },
  {
    files: ['app/**', 'components/**', 'lib/**'],
    plugins: { 'react-hooks': reactHooks },
    rules: {
      'react-hooks/rules-of-hooks': 'error',
      'react-hooks/exhaustive-deps': 'error',
      // Event handlers of React take promises and ignore them; a rejected one is the connection banner's business.
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }],
    },
  },
  {
    files: ['**/*.js', '**/*.cjs', '**/*.mjs'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: {
      globals: {
        __dirname: 'readonly',
        module: 'readonly',
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        WebAssembly: 'readonly',
      },
    },
  },
  // The list of overused words and its test hold them.
  { files: ['scripts/plain-words/**'], rules: { 'meshdeck/plain-words': 'off' } },
  {
    files: ['**/*.test.ts', '**/*.test.tsx', '**/*-compliance.ts'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off' },
  },
);
