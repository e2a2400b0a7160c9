/*
 * Every SQL text: another store replaces this table and db.c, nothing else.
 * Statements take their values as parameters in the order of their columns;
 * no text is ever put together at run time.  States are stored by name, so
 * that the file explains itself and an enum may change.
 */
#include "queue/sql.h"

#include <stddef.h>

const char sql_settings[] = "PRAGMA journal_mode = WAL;"
			    "PRAGMA synchronous = FULL;"
			    "PRAGMA foreign_keys = ON;"
			    "PRAGMA temp_store = MEMORY;";

const char sql_read_only[] = "PRAGMA query_only = ON;";

/* clang-format off */
const char sql_schema[] =
    "CREATE TABLE batch("
    " id INTEGER PRIMARY KEY,"
    " name TEXT NOT NULL UNIQUE,"
    " created_ms INTEGER NOT NULL,"
    " finished_ms INTEGER NOT NULL DEFAULT 0,"
    " published INTEGER NOT NULL DEFAULT 0,"
    " failed INTEGER NOT NULL DEFAULT 0,"
    " held INTEGER NOT NULL DEFAULT 0,"
    " discarded INTEGER NOT NULL DEFAULT 0,"
    " jobs INTEGER NOT NULL DEFAULT 0,"
    " next_job INTEGER NOT NULL DEFAULT 1"
    ") STRICT;"
    "CREATE TABLE job("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " name TEXT NOT NULL UNIQUE,"
    " batch INTEGER NOT NULL REFERENCES batch(id),"
    " drop_name TEXT NOT NULL,"
    " source BLOB NOT NULL,"
    " path TEXT NOT NULL,"
    " folder INTEGER NOT NULL,"
    " size INTEGER NOT NULL,"
    " sha256 BLOB,"
    " mtime_ms INTEGER NOT NULL,"
    " created_ms INTEGER NOT NULL,"
    " changed_ms INTEGER NOT NULL,"
    " state TEXT NOT NULL CHECK(state IN ('claiming', 'claimed', 'examined',"
    " 'signing', 'signed', 'built', 'verified', 'held', 'published', 'failed',"
    " 'discarded', 'returned')),"
    " resume TEXT NOT NULL DEFAULT '',"
    " class TEXT NOT NULL DEFAULT 'none',"
    " code TEXT NOT NULL DEFAULT '',"
    " detail TEXT NOT NULL DEFAULT '',"
    " key TEXT NOT NULL DEFAULT '',"
    " farthest INTEGER NOT NULL DEFAULT 0,"
    " attempts INTEGER NOT NULL DEFAULT 0,"
    " busy INTEGER NOT NULL DEFAULT 0,"
    " allow INTEGER NOT NULL DEFAULT 0,"
    " cleaned INTEGER NOT NULL DEFAULT 0,"
    " format TEXT NOT NULL DEFAULT '',"
    " procedure TEXT NOT NULL DEFAULT '',"
    " taxpayer TEXT NOT NULL DEFAULT '',"
    " period TEXT NOT NULL DEFAULT '',"
    " output TEXT NOT NULL DEFAULT '',"
    " original TEXT NOT NULL DEFAULT '',"
    " output_size INTEGER NOT NULL DEFAULT 0,"
    " output_sha256 BLOB"
    ") STRICT;"
    "CREATE INDEX job_state ON job(state);"
    "CREATE INDEX job_uncleaned ON job(id) WHERE cleaned = 0;"
    "CREATE INDEX job_busy ON job(id) WHERE busy = 1;"
    "CREATE INDEX job_input ON job(sha256);"
    "CREATE INDEX job_output ON job(output_sha256);"
    "CREATE INDEX job_filing ON job(taxpayer, procedure, period);"
    "CREATE TABLE findings("
    " job INTEGER PRIMARY KEY REFERENCES job(id),"
    " content BLOB NOT NULL"
    ") STRICT;"
    "CREATE TABLE batch_job("
    " batch INTEGER NOT NULL REFERENCES batch(id),"
    " job INTEGER NOT NULL REFERENCES job(id),"
    " state TEXT NOT NULL DEFAULT '',"
    " class TEXT NOT NULL DEFAULT '',"
    " code TEXT NOT NULL DEFAULT '',"
    " detail TEXT NOT NULL DEFAULT '',"
    " PRIMARY KEY(batch, job)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX batch_of_job ON batch_job(job);"
    "CREATE TABLE history("
    " job INTEGER NOT NULL REFERENCES job(id),"
    " seq INTEGER NOT NULL,"
    " when_ms INTEGER NOT NULL,"
    " state TEXT NOT NULL,"
    " code TEXT NOT NULL,"
    " detail TEXT NOT NULL,"
    " PRIMARY KEY(job, seq)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE part("
    " job INTEGER NOT NULL REFERENCES job(id),"
    " part INTEGER NOT NULL,"
    " name TEXT NOT NULL,"
    " signed_info BLOB,"
    " plan BLOB,"
    " duplicate BLOB NOT NULL,"
    " signed_by INTEGER NOT NULL,"
    " PRIMARY KEY(job, part)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX part_duplicate ON part(duplicate);"
    "CREATE TABLE signature("
    " job INTEGER NOT NULL REFERENCES job(id),"
    " part INTEGER NOT NULL,"
    " signer INTEGER NOT NULL,"
    " key TEXT NOT NULL,"
    " spki BLOB NOT NULL,"
    " signed_info BLOB NOT NULL,"
    " certificate BLOB NOT NULL,"
    " id TEXT NOT NULL,"
    " time_ms INTEGER NOT NULL,"
    " value BLOB,"
    " PRIMARY KEY(job, part, signer)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE key_time("
    " key TEXT PRIMARY KEY,"
    " last_ms INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE certificate("
    " sha256 BLOB PRIMARY KEY,"
    " spki BLOB NOT NULL,"
    " der BLOB NOT NULL"
    ") STRICT;"
    "CREATE TABLE key_certificate("
    " key TEXT NOT NULL,"
    " sha256 BLOB NOT NULL REFERENCES certificate(sha256),"
    " first_ms INTEGER NOT NULL,"
    " last_ms INTEGER NOT NULL,"
    " PRIMARY KEY(key, sha256)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE request("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " kind TEXT NOT NULL CHECK(kind IN ('retry', 'release', 'discard')),"
    " job TEXT NOT NULL,"
    " uid INTEGER NOT NULL,"
    " created_ms INTEGER NOT NULL,"
    " done_ms INTEGER NOT NULL DEFAULT 0,"
    " result TEXT NOT NULL DEFAULT ''"
    ") STRICT;"
    "CREATE INDEX request_pending ON request(id) WHERE done_ms = 0;"
    "PRAGMA user_version = 1;";
/* clang-format on */

#define BATCH_COLUMNS                                                          \
	"id, name, created_ms, finished_ms, published, failed, held, "         \
	"discarded, jobs"
#define REQUEST_COLUMNS "id, kind, job, uid, created_ms, done_ms, result"
#define JOB_COLUMNS                                                            \
	"j.id, j.name, j.batch, b.name, j.drop_name, j.source, j.path, "       \
	"j.folder, j.size, j.sha256, j.mtime_ms, j.created_ms, j.changed_ms, " \
	"j.state, j.resume, j.class, j.code, j.detail, j.key, j.attempts, "    \
	"j.busy, j.allow, j.cleaned, j.format, j.procedure, j.taxpayer, "      \
	"j.period, j.output, j.original, j.output_size, j.output_sha256"
#define OPEN_STATES                                                            \
	"'claiming', 'claimed', 'examined', 'signing', 'signed', 'built', "    \
	"'verified', 'held'"
#define DEAD_STATES "'failed', 'discarded', 'returned'"
#define EARLIER_COLUMNS                                                        \
	"j.id, j.name, b.name, j.state, j.changed_ms, j.path, j.output"
#define OLD_JOBS "SELECT id FROM job WHERE cleaned = 1 AND changed_ms < ?"

static const char *const texts[SQL_COUNT] = {
    [SQL_CHECK] = "PRAGMA quick_check(1)",
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_VERSION] = "PRAGMA user_version",
    [SQL_DATA_VERSION] = "PRAGMA data_version",

    /* batches */
    [SQL_BATCH_ADD] = "INSERT INTO batch(name, created_ms) VALUES(?, ?)",
    [SQL_BATCH_EXISTS] = "SELECT 1 FROM batch WHERE name = ?",
    [SQL_BATCH_GET] = "SELECT " BATCH_COLUMNS " FROM batch WHERE id = ?",
    [SQL_BATCH_FIND] = "SELECT " BATCH_COLUMNS " FROM batch WHERE name = ?",
    [SQL_BATCH_NEWEST] =
	"SELECT " BATCH_COLUMNS " FROM batch ORDER BY id DESC LIMIT 1",
    [SQL_BATCH_UNFINISHED] =
	"SELECT " BATCH_COLUMNS " FROM batch WHERE finished_ms = 0 "
	"ORDER BY id LIMIT 1",
    [SQL_BATCH_LIST] = "SELECT id FROM batch ORDER BY id DESC LIMIT ?",
    [SQL_BATCH_COUNT] = "SELECT j.state, count(*) "
			"FROM batch_job AS b "
			"JOIN job AS j ON j.id = b.job "
			"WHERE b.batch = ? GROUP BY j.state",
    [SQL_BATCH_KEEP] =
	"UPDATE batch_job AS b "
	"SET (state, class, code, detail) = (SELECT state, class, code, "
	"detail FROM job WHERE id = b.job) "
	"WHERE batch = ?",
    [SQL_BATCH_FINISH] =
	"UPDATE batch "
	"SET finished_ms = ?, published = ?, failed = ?, held = ?, "
	"discarded = ?, jobs = ? WHERE id = ?",
    [SQL_BATCH_NEXT_JOB] = "UPDATE batch SET next_job = next_job + 1 "
			   "WHERE id = ? RETURNING name, next_job - 1",
    [SQL_BATCH_ENTER] = "INSERT INTO batch_job(batch, job) "
			"VALUES(?, ?) ON CONFLICT DO NOTHING",
    [SQL_BATCH_LEAVE] = "DELETE FROM batch_job WHERE job = ? AND state = ''",
    [SQL_BATCH_LINE] = "SELECT "
		       "CASE b.state WHEN '' THEN j.state ELSE b.state END, "
		       "CASE b.state WHEN '' THEN j.class ELSE b.class END, "
		       "CASE b.state WHEN '' THEN j.code ELSE b.code END, "
		       "CASE b.state WHEN '' THEN j.detail ELSE b.detail END "
		       "FROM batch_job AS b "
		       "JOIN job AS j ON j.id = b.job "
		       "WHERE b.batch = ? AND b.job = ?",
    [SQL_BATCH_FAILED_WITH] =
	"SELECT count(*) FROM batch_job AS b JOIN job AS j ON j.id = b.job "
	"WHERE b.batch = ? "
	"AND CASE b.state WHEN '' THEN j.state ELSE b.state END = 'failed' "
	"AND CASE b.state WHEN '' THEN j.code ELSE b.code END = ?",

    /* requests */
    [SQL_REQUEST_ADD] =
	"INSERT INTO request(kind, job, uid, created_ms) VALUES(?, ?, ?, ?)",
    [SQL_REQUEST_NEXT] =
	"SELECT " REQUEST_COLUMNS " FROM request WHERE done_ms = 0 "
	"ORDER BY id LIMIT 1",
    [SQL_REQUEST_GET] = "SELECT " REQUEST_COLUMNS " FROM request WHERE id = ?",
    [SQL_REQUEST_DONE] =
	"UPDATE request SET result = ?, done_ms = ? WHERE id = ?",

    /* jobs */
    [SQL_JOB_ADD] =
	"INSERT INTO job(name, batch, drop_name, source, path, folder, "
	"size, mtime_ms, created_ms, changed_ms, state) "
	"VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [SQL_JOB_STEP] =
	"UPDATE job "
	"SET state = ?1, resume = ?2, class = ?3, code = ?4, detail = ?5, "
	"changed_ms = ?6, busy = 0, attempts = "
	"CASE WHEN ?7 > farthest THEN 0 ELSE attempts END, "
	"farthest = max(farthest, ?7), cleaned = max(cleaned, ?8) "
	"WHERE id = ?9 RETURNING attempts",
    [SQL_JOB_CLAIM] =
	"UPDATE job SET size = ?, sha256 = ?, mtime_ms = ? WHERE id = ?",
    [SQL_JOB_FOUND] = "UPDATE job "
		      "SET format = ?, procedure = ?, taxpayer = ?, period = ? "
		      "WHERE id = ?",
    [SQL_JOB_FINDINGS_SET] = "INSERT INTO findings(job, content) "
			     "VALUES(?, ?) ON CONFLICT(job) DO UPDATE "
			     "SET content = excluded.content",
    [SQL_JOB_FINDINGS_GET] = "SELECT content FROM findings WHERE job = ?",
    [SQL_JOB_OUTPUT] = "UPDATE job "
		       "SET output = ?, output_size = ?, output_sha256 = ? "
		       "WHERE id = ?",
    [SQL_JOB_CLEANED] = "UPDATE job SET original = ?, cleaned = 1 WHERE id = ?",
    [SQL_JOB_KEY] = "UPDATE job SET key = ? WHERE id = ?",
    [SQL_JOB_ALLOW] = "UPDATE job SET allow = ? WHERE id = ?",
    [SQL_JOB_BUSY] = "UPDATE job SET busy = ? WHERE id = ?",
    [SQL_JOB_BATCH] = "UPDATE job SET batch = ? WHERE id = ?",
    [SQL_JOB_RECOVER] =
	"UPDATE job SET attempts = attempts + 1, busy = 0 WHERE busy = 1",
    [SQL_JOB_GET] = "SELECT " JOB_COLUMNS " FROM job AS j "
		    "JOIN batch AS b ON b.id = j.batch "
		    "WHERE j.id = ?",
    [SQL_JOB_FIND] = "SELECT " JOB_COLUMNS " FROM job AS j "
		     "JOIN batch AS b ON b.id = j.batch "
		     "WHERE j.name = ?",
    [SQL_JOB_LIST_OPEN] =
	"SELECT id FROM job WHERE state IN (" OPEN_STATES ") ORDER BY id",
    [SQL_JOB_LIST_HELD] = "SELECT id FROM job WHERE state = 'held' ORDER BY id",
    [SQL_JOB_LIST_UNCLEANED] =
	"SELECT id FROM job WHERE cleaned = 0 "
	"AND state IN ('published', 'failed', 'discarded', 'returned') "
	"ORDER BY id",
    [SQL_JOB_LIST_BATCH] =
	"SELECT job FROM batch_job WHERE batch = ? ORDER BY job",
    [SQL_JOB_LIST_RECENT] = "SELECT id FROM job ORDER BY id DESC LIMIT ?",
    [SQL_JOB_COUNTS] = "SELECT state, count(*) FROM job GROUP BY state",
    [SQL_HISTORY_ADD] =
	"INSERT INTO history(job, seq, when_ms, state, code, "
	"detail) SELECT ?1, coalesce(max(seq), 0) + 1, ?2, ?3, ?4, ?5 "
	"FROM history WHERE job = ?1",
    [SQL_HISTORY_GET] = "SELECT when_ms, state, code, detail "
			"FROM history WHERE job = ? ORDER BY seq",

    /* parts and signatures */
    [SQL_PART_CLEAR] = "DELETE FROM part WHERE job = ?",
    [SQL_PART_ADD] =
	"INSERT INTO part(job, part, name, signed_info, plan, duplicate, "
	"signed_by) VALUES(?, ?, ?, ?, ?, ?, ?)",
    [SQL_PART_COUNT] = "SELECT count(*) FROM part WHERE job = ?",
    [SQL_PART_GET] = "SELECT name, signed_info, plan, duplicate, signed_by "
		     "FROM part WHERE job = ? AND part = ?",
    [SQL_SIGNATURE_SET] =
	"INSERT OR REPLACE INTO signature(job, part, signer, key, spki, "
	"signed_info, certificate, id, time_ms) "
	"VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [SQL_SIGNATURE_GET] =
	"SELECT key, spki, signed_info, certificate, id, time_ms, value "
	"FROM signature WHERE job = ? AND part = ? "
	"AND signer = ?",
    [SQL_SIGNATURE_VALUE] = "UPDATE signature SET value = ? "
			    "WHERE job = ? AND part = ? AND signer = ? "
			    "RETURNING 1",
    [SQL_SIGNATURE_COUNT] =
	"SELECT count(*), count(value) FROM signature WHERE job = ?",
    [SQL_SIGNATURE_CLEAR] = "DELETE FROM signature WHERE job = ?",
    [SQL_SIGNATURE_DROP] =
	"DELETE FROM signature WHERE job = ? AND part = ? AND signer = ?",
    [SQL_KEY_TIME_GET] = "SELECT last_ms FROM key_time WHERE key = ?",
    [SQL_KEY_TIME_SET] = "INSERT INTO key_time(key, last_ms) "
			 "VALUES(?, ?) ON CONFLICT(key) DO UPDATE "
			 "SET last_ms = excluded.last_ms",

    /* earlier filings */
    [SQL_FIND_DUPLICATE] = "SELECT " EARLIER_COLUMNS " FROM part AS p "
			   "JOIN signature AS s ON s.job = p.job "
			   "AND s.part = p.part "
			   "JOIN job AS j ON j.id = p.job "
			   "JOIN batch AS b ON b.id = j.batch "
			   "WHERE p.duplicate = ? AND s.spki = ? "
			   "AND j.id <> ? "
			   "AND j.state NOT IN (" DEAD_STATES ") "
			   "ORDER BY j.id DESC LIMIT 1",
    [SQL_FIND_DUPLICATE_BY] = "SELECT " EARLIER_COLUMNS " FROM part AS p "
			      "JOIN signature AS s ON s.job = p.job "
			      "AND s.part = p.part "
			      "JOIN job AS j ON j.id = p.job "
			      "JOIN batch AS b ON b.id = j.batch "
			      "WHERE p.duplicate = ? AND s.key = ? "
			      "AND j.id <> ? "
			      "AND j.state NOT IN (" DEAD_STATES ") "
			      "ORDER BY j.id DESC LIMIT 1",
    [SQL_FIND_INPUT] = "SELECT " EARLIER_COLUMNS " FROM job AS j "
		       "JOIN batch AS b ON b.id = j.batch "
		       "WHERE j.sha256 = ?1 AND j.id <> ?2 "
		       "AND j.state NOT IN (" DEAD_STATES ") "
		       "AND (j.state = 'published' OR j.id < ?2) "
		       "ORDER BY j.id DESC LIMIT 1",
    [SQL_FIND_OUTPUT] = "SELECT " EARLIER_COLUMNS " FROM job AS j "
			"JOIN batch AS b ON b.id = j.batch "
			"WHERE j.output_sha256 = ? AND j.id <> ? "
			"AND j.state NOT IN (" DEAD_STATES ") "
			"ORDER BY j.id DESC LIMIT 1",
    [SQL_FIND_FILING] = "SELECT " EARLIER_COLUMNS " FROM job AS j "
			"JOIN batch AS b ON b.id = j.batch "
			"WHERE j.taxpayer = ? AND j.procedure = ? "
			"AND j.period = ? AND j.id <> ? "
			"AND j.state = 'published' "
			"ORDER BY j.id DESC LIMIT 1",

    /* certificates */
    [SQL_CERTIFICATE_ADD] = "INSERT INTO certificate(sha256, spki, der) "
			    "VALUES(?, ?, ?) ON CONFLICT DO NOTHING",
    [SQL_CERTIFICATE_SEEN] =
	"INSERT INTO key_certificate(key, sha256, first_ms, last_ms) "
	"VALUES(?1, ?2, ?3, ?3) "
	"ON CONFLICT(key, sha256) DO UPDATE "
	"SET last_ms = max(last_ms, excluded.last_ms)",
    [SQL_CERTIFICATE_LAST] =
	"SELECT k.sha256, c.spki, k.first_ms, k.last_ms, c.der "
	"FROM key_certificate AS k "
	"JOIN certificate AS c ON c.sha256 = k.sha256 "
	"WHERE k.key = ? AND k.sha256 <> ? "
	"ORDER BY k.last_ms DESC, k.first_ms DESC LIMIT 1",
    [SQL_CERTIFICATE_GET] = "SELECT der FROM certificate WHERE sha256 = ?",

    /* forgetting */
    [SQL_PRUNE_FINDINGS] = "DELETE FROM findings WHERE job IN (" OLD_JOBS ")",
    [SQL_PRUNE_PARTS] = "UPDATE part "
			"SET signed_info = NULL, plan = NULL "
			"WHERE signed_info IS NOT NULL "
			"AND job IN (" OLD_JOBS ")",
    [SQL_PRUNE_SIGNATURES] = "UPDATE signature SET value = NULL "
			     "WHERE value IS NOT NULL "
			     "AND job IN (" OLD_JOBS ")",
};

const char *
sql_text(enum sql_id id)
{
	return texts[id];
}
