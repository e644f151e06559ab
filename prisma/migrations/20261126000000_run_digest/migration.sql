-- What a list shows of a plan goes into the memo, and the plan into the last column: SQLite reads a row up to the last
-- column that is asked for, and the plan of 1,000 nodes takes more than a thousand pages.
CREATE TABLE "new_Run" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "state" TEXT NOT NULL,
    "startedBy" TEXT NOT NULL,
    "startedAt" DATETIME NOT NULL,
    "endedAt" DATETIME,
    "missingSecrets" TEXT NOT NULL,
    "memo" TEXT NOT NULL,
    "plan" TEXT NOT NULL
);
INSERT INTO "new_Run" ("id", "state", "startedBy", "startedAt", "endedAt", "missingSecrets", "memo", "plan")
SELECT
    "id", "state", "startedBy", "startedAt", "endedAt", "missingSecrets",
    json_set(
        CASE json_type("memo") WHEN 'object' THEN "memo" ELSE '{}' END,
        '$.digest',
        json_object(
            'kind', json_extract("plan", '$.kind'),
            'title', json_extract("plan", '$.title'),
            'nodes', json((
                SELECT json_group_array("node") FROM (
                    SELECT json_extract("value", '$.node') AS "node" FROM json_each("plan", '$.steps')
                    WHERE json_extract("value", '$.node') <> '' GROUP BY 1 ORDER BY MIN("key")
                )
            )),
            'total', json_array_length("plan", '$.steps')
        )
    ),
    "plan"
FROM "Run";
DROP TABLE "Run";
ALTER TABLE "new_Run" RENAME TO "Run";
CREATE INDEX "Run_startedAt_idx" ON "Run"("startedAt");
