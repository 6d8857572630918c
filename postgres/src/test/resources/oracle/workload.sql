-- Makes Postgres write every kind of record of heap, heap2, btree, sequence and generic that it can.
-- One psql session drives it; what needs more than one runs over dblink. It expects a cluster with
-- wal_consistency_checking = all and autovacuum = off, and a database with dblink and bloom. It may
-- run several times in one cluster, in databases of their own.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SELECT format('host=%s port=%s user=%s dbname=%s', current_setting('unix_socket_directories'),
  current_setting('port'), current_user, current_database()) AS to_here \gset
SELECT dblink_connect('a', :'to_here');
SELECT dblink_connect('b', :'to_here');

-- Heap: inserts on new and old pages, cold and hot updates with and without common parts, deletes.
CREATE TABLE account (id int PRIMARY KEY, owner text, balance bigint, filler text) WITH (fillfactor = 70);
INSERT INTO account SELECT i, 'owner ' || i, 0, repeat('x', i % 150) FROM generate_series(1, 400) i;
UPDATE account SET balance = balance + id WHERE id % 3 = 0;
UPDATE account SET owner = 'someone quite else', balance = -1 WHERE id % 7 = 0;
UPDATE account SET id = id + 10000 WHERE id % 11 = 0;
UPDATE account SET filler = NULL WHERE id % 13 = 0;
UPDATE account SET filler = repeat('y', 900) WHERE id % 17 = 0;
DELETE FROM account WHERE id % 5 = 0;
SELECT count(*) FROM account WHERE balance > 0;
UPDATE account SET balance = balance + 1 WHERE id < 200;
UPDATE account SET balance = balance + 1 WHERE id < 200;
SELECT count(*) FROM account WHERE id < 300;
UPDATE account SET balance = balance + 1 WHERE id < 200;
VACUUM account;
INSERT INTO account SELECT i, 'after vacuum', 0, 'z' FROM generate_series(20001, 20060) i;
CHECKPOINT;
UPDATE account SET balance = 5 WHERE id BETWEEN 20001 AND 20010;
VACUUM (FREEZE, DISABLE_PAGE_SKIPPING) account;
-- Bits of the visibility map are cleared: by lock, insert, update of both pages, delete.
BEGIN; SELECT id FROM account WHERE id = 20002 FOR UPDATE; COMMIT;
BEGIN; SELECT id FROM account WHERE id = 20003 FOR SHARE; ROLLBACK;
UPDATE account SET filler = repeat('w', 700) WHERE id IN (1, 2, 20004);
DELETE FROM account WHERE id = 20005;
INSERT INTO account VALUES (30000, 'new', 1, '');

-- Aborted and nested transactions.
BEGIN; INSERT INTO account SELECT i, 'lost', 0, '' FROM generate_series(40000, 40050) i; ROLLBACK;
BEGIN;
INSERT INTO account VALUES (50001, 'kept', 0, '');
SAVEPOINT one; INSERT INTO account VALUES (50002, 'lost', 0, ''); ROLLBACK TO one;
SAVEPOINT two; UPDATE account SET balance = 77 WHERE id = 50001; RELEASE two;
SELECT id FROM account WHERE id = 50001 FOR UPDATE;
COMMIT;

-- Locks of several transactions on one row, and on a row's newer version.
CREATE TABLE locked (id int PRIMARY KEY, v int);
INSERT INTO locked SELECT i, 0 FROM generate_series(1, 50) i;
SELECT dblink_exec('a', 'BEGIN');
SELECT * FROM dblink('a', 'SELECT id FROM locked WHERE id <= 10 FOR KEY SHARE') AS t(id int);
BEGIN;
SELECT count(*) FROM (SELECT id FROM locked WHERE id <= 10 FOR SHARE) s;
UPDATE locked SET v = 1 WHERE id = 11;
SELECT dblink_exec('b', 'BEGIN');
SELECT * FROM dblink('b', 'SELECT id FROM locked WHERE id BETWEEN 5 AND 11 FOR KEY SHARE') AS t(id int);
COMMIT;
SELECT dblink_exec('a', 'COMMIT');
UPDATE locked SET v = v + 1 WHERE id BETWEEN 8 AND 12;
SELECT dblink_exec('b', 'COMMIT');
BEGIN; UPDATE locked SET v = 9 WHERE id = 20;
SELECT dblink_exec('b', 'BEGIN');
SELECT * FROM dblink('b', 'SELECT id FROM locked WHERE id = 20 FOR KEY SHARE') AS t(id int);
ROLLBACK;
SELECT dblink_exec('b', 'COMMIT');
-- A lock takes back the traces of an update that was aborted.
BEGIN; UPDATE locked SET v = 8 WHERE id IN (30, 31); ROLLBACK;
BEGIN; SELECT id FROM locked WHERE id IN (30, 31) FOR UPDATE; COMMIT;
VACUUM FREEZE locked;

-- Speculative insertion: confirmed, and taken back because another session was faster.
CREATE TABLE upsert (key text, data text);
CREATE FUNCTION wait_in_turn(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('spec.session', true) <> '' THEN
    IF pg_try_advisory_xact_lock(current_setting('spec.session')::int, 1) THEN
      PERFORM pg_advisory_xact_lock(current_setting('spec.session')::int, 2);
    ELSE
      PERFORM pg_advisory_xact_lock(current_setting('spec.session')::int, 3);
    END IF;
  END IF;
  RETURN $1;
END $$;
CREATE UNIQUE INDEX ON upsert (wait_in_turn(key));
INSERT INTO upsert VALUES ('plain', 'v') ON CONFLICT DO NOTHING;
INSERT INTO upsert VALUES ('plain', 'v') ON CONFLICT (wait_in_turn(key)) DO UPDATE SET data = 'w';
SELECT dblink_exec('a', 'SET spec.session = 1');
SELECT dblink_exec('b', 'SET spec.session = 2');
SELECT pg_advisory_lock(s, l) FROM generate_series(1, 2) s, generate_series(1, 3) l;
SELECT dblink_send_query('a', $$INSERT INTO upsert VALUES ('k1', 'from a') ON CONFLICT (wait_in_turn(key)) DO UPDATE SET data = upsert.data || ' and a'$$);
SELECT pg_sleep(0.2);
SELECT dblink_send_query('b', $$INSERT INTO upsert VALUES ('k1', 'from b') ON CONFLICT (wait_in_turn(key)) DO UPDATE SET data = upsert.data || ' and b'$$);
SELECT pg_sleep(0.2);
SELECT pg_advisory_unlock(1, 1); SELECT pg_advisory_unlock(2, 1);
SELECT pg_advisory_unlock(1, 3); SELECT pg_advisory_unlock(2, 3);
SELECT pg_sleep(0.3);
SELECT pg_advisory_unlock(2, 2);
SELECT pg_sleep(0.3);
SELECT pg_advisory_unlock(1, 2);
SELECT * FROM dblink_get_result('a') AS t(r text);
SELECT * FROM dblink_get_result('b') AS t(r text);
SELECT dblink_disconnect('a');
SELECT dblink_disconnect('b');

-- Rows that move to another partition.
CREATE TABLE parted (id int, v text) PARTITION BY RANGE (id);
CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (0) TO (100);
CREATE TABLE parted_high PARTITION OF parted FOR VALUES FROM (100) TO (200);
INSERT INTO parted SELECT i, 'p' FROM generate_series(1, 30) i;
UPDATE parted SET id = id + 100 WHERE id < 10;

-- COPY: many tuples a record, on new and old pages, frozen at once, and long values out of line.
CREATE TABLE copied (a int, b text);
COPY copied FROM PROGRAM 'seq 1 600 | sed "s/.*/&\tvalue &/"';
INSERT INTO copied VALUES (0, 'between');
COPY copied FROM PROGRAM 'seq 1 60 | sed "s/.*/&\tvalue &/"';
BEGIN;
CREATE TABLE frozen (a int, b text);
COPY frozen FROM PROGRAM 'seq 1 500 | sed "s/.*/&\tvalue &/"' WITH (FREEZE);
COMMIT;
INSERT INTO frozen VALUES (0, 'clears a bit');
VACUUM frozen;
CREATE TABLE long_values (id serial PRIMARY KEY, v text);
ALTER TABLE long_values ALTER v SET STORAGE EXTERNAL;
INSERT INTO long_values (v) SELECT repeat(chr(65 + i), 5000) FROM generate_series(1, 6) i;
UPDATE long_values SET v = repeat('!', 4500) WHERE id = 3;
DELETE FROM long_values WHERE id = 4;
VACUUM long_values;

-- Pruning with redirections, dead and unused items; vacuum of what pruning left; truncation.
CREATE TABLE churn (id int PRIMARY KEY, n int) WITH (fillfactor = 50);
INSERT INTO churn SELECT i, 0 FROM generate_series(1, 250) i;
DO $$ BEGIN FOR i IN 1..6 LOOP UPDATE churn SET n = n + 1 WHERE id % 4 <> 0; COMMIT; END LOOP; END $$;
DELETE FROM churn WHERE id % 3 = 0;
SELECT sum(n) FROM churn;
VACUUM churn;
INSERT INTO churn SELECT i, 0 FROM generate_series(1000, 1100) i;
DELETE FROM churn WHERE id > 150;
VACUUM churn;
INSERT INTO churn SELECT i, 0 FROM generate_series(2000, 2300) i;
TRUNCATE churn;
INSERT INTO churn SELECT i, 0 FROM generate_series(1, 20) i;

-- B-tree: three levels of few wide keys; then most of it deleted, so that pages and whole subtrees
-- go, the fast root comes down, and grows again.
CREATE TABLE wide (id int, k text, PRIMARY KEY (k));
ALTER TABLE wide ALTER k SET STORAGE PLAIN;
INSERT INTO wide SELECT i, lpad(i::text, 1800, '0') FROM generate_series(1, 250) i;
INSERT INTO wide SELECT i, lpad(i::text, 1800, '0') || 'b' FROM generate_series(300, 1, -3) i;
DELETE FROM wide WHERE id BETWEEN 20 AND 60;
VACUUM wide;
DELETE FROM wide WHERE id BETWEEN 2 AND 290;
VACUUM wide;
SELECT txid_current();
SELECT txid_current();
VACUUM wide;
DELETE FROM wide WHERE id < 290;
VACUUM wide;
SELECT txid_current();
VACUUM wide;
INSERT INTO wide SELECT i, lpad(i::text, 1800, '0') FROM generate_series(1000, 1100) i;
INSERT INTO wide SELECT i, lpad(i::text, 1800, '0') || 'a' FROM generate_series(1000, 1100) i;

-- B-tree: duplicates merged into posting lists, lists split by inserts, thinned out by vacuum.
CREATE TABLE dups (k int, v int);
CREATE INDEX dups_k ON dups (k);
INSERT INTO dups SELECT i % 5, i FROM generate_series(1, 1600) i;
DELETE FROM dups WHERE v % 3 = 0 OR v BETWEEN 500 AND 700;
VACUUM dups;
INSERT INTO dups SELECT i % 5, i FROM generate_series(1, 500) i;
CREATE INDEX dups_kv ON dups (k, v);
DELETE FROM dups WHERE v < 100;
VACUUM dups;

-- B-tree: few items deleted, of pages whose items do not lie in the order of their keys.
CREATE TABLE scattered (k int PRIMARY KEY);
INSERT INTO scattered SELECT i * 151 % 331 FROM generate_series(1, 330) i;
DELETE FROM scattered WHERE k IN (20, 200); VACUUM scattered;
DELETE FROM scattered WHERE k IN (50, 100, 250); VACUUM scattered;
DELETE FROM scattered WHERE k = 70; VACUUM scattered;

-- B-tree: dead items removed before a split would be needed, found dead by scans or by versions.
CREATE TABLE versions (id int PRIMARY KEY, a int, b int);
CREATE INDEX versions_a ON versions (a);
CREATE INDEX versions_b ON versions (b);
INSERT INTO versions SELECT i, i, i FROM generate_series(1, 160) i;
DO $$ BEGIN FOR i IN 1..8 LOOP UPDATE versions SET a = a + 1; COMMIT; END LOOP; END $$;
DELETE FROM versions WHERE id < 120;
SET enable_seqscan = off; SET enable_bitmapscan = off;
SELECT count(*) FROM versions WHERE id < 120;
SELECT count(*) FROM versions WHERE a < 120;
RESET enable_seqscan; RESET enable_bitmapscan;
INSERT INTO versions SELECT i % 119, i, i FROM generate_series(1, 118) i;
DO $$ BEGIN INSERT INTO versions VALUES (3, 3, 3); EXCEPTION WHEN unique_violation THEN NULL; END $$;

-- Sequences, an extension's index with its own kind of pages, rewrites, indexes built anew.
CREATE SEQUENCE counter CACHE 5;
SELECT nextval('counter') FROM generate_series(1, 80);
SELECT setval('counter', 5000);
CREATE TABLE bloomed (a int, b int);
INSERT INTO bloomed SELECT i, i * 2 FROM generate_series(1, 250) i;
CREATE INDEX ON bloomed USING bloom (a, b);
INSERT INTO bloomed SELECT i, i * 2 FROM generate_series(301, 500) i;
DELETE FROM bloomed WHERE a % 3 = 0;
VACUUM bloomed;
ALTER TABLE versions ALTER a TYPE bigint;
CREATE INDEX CONCURRENTLY account_owner ON account (owner);
REINDEX INDEX dups_k;
CLUSTER account USING account_pkey;
ALTER TABLE locked ADD c int DEFAULT 3;
DROP TABLE parted;
CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY);
INSERT INTO unlogged SELECT generate_series(1, 50);

-- Databases of both kinds.
SELECT current_database() || '_copy' AS copy \gset
CREATE DATABASE :"copy" STRATEGY file_copy TEMPLATE template1;
\c :"copy"
CREATE TABLE in_copy (id int PRIMARY KEY);
INSERT INTO in_copy SELECT generate_series(1, 200);
VACUUM in_copy;
