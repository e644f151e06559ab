-- What admins do outlives what fills the log: each kind of entry has a number of its own that is kept. Entries from before
-- count as acts.
ALTER TABLE "AuditEntry" ADD COLUMN "kind" TEXT NOT NULL DEFAULT 'act';

CREATE INDEX "AuditEntry_kind_id_idx" ON "AuditEntry"("kind", "id");
