-- The records that majors lay out in their own ways, and little else: for golden files of each.
-- Freezing and pruning in all their parts, bits of the visibility map, index deletes.
SET client_min_messages = warning;
CREATE TABLE small (id int PRIMARY KEY, n int, t text) WITH (fillfactor = 60);
CREATE INDEX ON small (n);
INSERT INTO small SELECT i, 0, repeat('s', i % 50) FROM generate_series(1, 150) i;
UPDATE small SET t = t || 'x' WHERE id % 2 = 0;
UPDATE small SET t = t || 'y' WHERE id % 2 = 0;
SELECT count(*) FROM small WHERE id > 0;
UPDATE small SET n = n + 1 WHERE id % 3 = 0;
DELETE FROM small WHERE id % 5 = 0;
SELECT count(*) FROM small WHERE id > 0;
VACUUM small;
-- Rows on one page that are frozen in different ways.
BEGIN; UPDATE small SET n = -1 WHERE id % 7 = 0; ROLLBACK;
BEGIN; SELECT id FROM small WHERE id % 11 = 0 FOR UPDATE; COMMIT;
BEGIN; SELECT id FROM small WHERE id % 13 = 0 FOR KEY SHARE; SAVEPOINT a;
SELECT id FROM small WHERE id % 13 = 0 FOR SHARE; COMMIT;
DELETE FROM small WHERE id % 17 = 0;
VACUUM (FREEZE, INDEX_CLEANUP OFF) small;
VACUUM (FREEZE, INDEX_CLEANUP ON) small;
-- Bits are cleared by lock, update within and across pages, insert, delete.
BEGIN; SELECT id FROM small WHERE id = 1 FOR UPDATE; COMMIT;
VACUUM small;
UPDATE small SET t = repeat('z', 1500) WHERE id IN (2, 3, 4);
DELETE FROM small WHERE id = 6;
INSERT INTO small VALUES (1000, 0, '');
VACUUM (FREEZE) small;
COPY small FROM PROGRAM 'seq 2000 2020 | sed "s/.*/&\t1\tcopied/"';
DELETE FROM small WHERE id > 50;
VACUUM small;
CREATE SEQUENCE counter;
SELECT nextval('counter');
