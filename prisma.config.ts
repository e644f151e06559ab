import { defineConfig } from 'prisma/config';

// Only developers use Prisma's own commands; the console applies prisma/migrations itself (server/store/migrations.ts).
export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  datasource: { url: process.env['DATABASE_URL'] ?? 'file:.cache/develop.db' },
});
