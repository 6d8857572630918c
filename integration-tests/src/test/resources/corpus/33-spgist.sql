-- SP-GiST. Images of other pages are left out: other scripts have them.
SET wal_consistency_checking = 'spgist';

-- Text in a radix tree. The root is a leaf at first, and vacuumed as such.
CREATE TABLE spgist_text (id int, k text);

CREATE INDEX spgist_text_k ON spgist_text USING spgist (k);

INSERT INTO spgist_text SELECT i, 'early ' || i FROM generate_series(1, 20) i;

DELETE FROM spgist_text WHERE id % 3 = 0;

VACUUM spgist_text;

-- Nodes for new first letters, prefixes that a new key does not share, leafs that move away.
INSERT INTO spgist_text SELECT i, md5(i::text) FROM generate_series(100, 900) i;

INSERT INTO spgist_text SELECT i, 'http://example.org/' || (i % 40) || '/' || md5(i::text) FROM generate_series(1601, 2200) i;

INSERT INTO spgist_text SELECT i, chr(33 + i % 90) || chr(33 + i / 90) || i FROM generate_series(2601, 3100) i;

INSERT INTO spgist_text SELECT i, 'http://exam' || chr(97 + i % 26) || i FROM generate_series(3301, 3400) i;

INSERT INTO spgist_text SELECT i, 'htt' || i FROM generate_series(3401, 3420) i;

-- The same value again and again: all nodes of the inner tuple stand for the same.
INSERT INTO spgist_text SELECT i, 'always the same' FROM generate_series(4000, 4800) i;

INSERT INTO spgist_text SELECT i, 'always the same but for the end' || i % 3 FROM generate_series(5201, 5300) i;

INSERT INTO spgist_text SELECT i, NULL FROM generate_series(6000, 6500) i;

-- Redirections are left by moves, and go once no scan can follow them. Vacuum removes single leafs,
-- whole chains, and heads of chains in whose place the next one comes.
VACUUM spgist_text;

DELETE FROM spgist_text WHERE id % 2 = 0;

VACUUM spgist_text;

DELETE FROM spgist_text WHERE id BETWEEN 100 AND 600;

VACUUM spgist_text;

-- Dead tuples and placeholders are used again.
INSERT INTO spgist_text SELECT i, md5((i - 10000)::text) FROM generate_series(10100, 10500) i;

INSERT INTO spgist_text SELECT i, repeat(chr(97 + i % 26), i % 300) || i FROM generate_series(11000, 11400) i;

DELETE FROM spgist_text WHERE k IS NULL OR k LIKE 'always%';

VACUUM spgist_text;

INSERT INTO spgist_text SELECT i, 'always the same' FROM generate_series(12000, 12300) i;

-- Inner tuples with long prefixes on one page. Those that grow, node by node, move to another: one
-- whose parent is beside it, then that parent, whose own is the root.
CREATE TABLE spgist_nodes (k text);

CREATE INDEX spgist_nodes_k ON spgist_nodes USING spgist (k) WITH (fillfactor = 100);

INSERT INTO spgist_nodes SELECT chr(98 + i % 20) || md5(i::text) FROM generate_series(1, 400) i;

INSERT INTO spgist_nodes SELECT 'a' || repeat('p', 1500) || chr(65 + i) FROM generate_series(0, 7) i;

INSERT INTO spgist_nodes
  SELECT 'a' || repeat('p', 1500) || 'A' || repeat('q', 700) || chr(65 + i) FROM generate_series(0, 13) i;

INSERT INTO spgist_nodes
  SELECT 'a' || repeat('p', 1500) || below || repeat('r', 1500) || chr(65 + i)
  FROM unnest(ARRAY['B', 'C', 'D']) below, generate_series(0, 7) i
  ORDER BY below, i;

INSERT INTO spgist_nodes
  SELECT 'a' || repeat('p', 1500) || 'A' || repeat('q', 700) || chr(48 + i) FROM generate_series(0, 70) i;

INSERT INTO spgist_nodes SELECT 'a' || repeat('p', 1500) || chr(40 + i) FROM generate_series(0, 80) i;

INSERT INTO spgist_nodes SELECT 'a' || repeat('p', 1500) || chr(200 + i * 64) FROM generate_series(0, 26) i;

INSERT INTO spgist_nodes
  SELECT 'a' || repeat('p', 1500) || 'B' || repeat('r', 1500) || below || repeat('u', 1500) || chr(65 + i)
  FROM unnest(ARRAY['B', 'C']) below, generate_series(0, 7) i
  ORDER BY below, i;

INSERT INTO spgist_nodes
  SELECT 'a' || repeat('p', 1500) || 'C' || chr(33 + i) || 'v' FROM generate_series(0, 60) i;

INSERT INTO spgist_nodes
  SELECT 'a' || repeat('p', 1500) || 'B' || repeat('r', 1500) || chr(40 + i) FROM generate_series(0, 80) i;

VACUUM spgist_nodes;

-- Keys longer than a page: on a page of its own each is split at once.
INSERT INTO spgist_nodes SELECT chr(76 + i) || repeat(md5(i::text), 400) FROM generate_series(1, 6) i;

-- Prefixes that a new key does not share: the lower half stays, or goes to another page, or to the
-- first one below the root.
INSERT INTO spgist_nodes SELECT 'a' || repeat('p', 100 + i * 40) || 'x' FROM generate_series(1, 30) i;

INSERT INTO spgist_nodes SELECT 'a' || chr(97 + i) || repeat('y', i * 9) FROM generate_series(0, 14) i;

CREATE TABLE spgist_prefix (k text);

CREATE INDEX spgist_prefix_k ON spgist_prefix USING spgist (k);

INSERT INTO spgist_prefix SELECT 'http://example.org/' || chr(97 + i % 20) || repeat('w', 90 + i) FROM generate_series(1, 70) i;

INSERT INTO spgist_prefix SELECT left('http://example.org/', i) || i FROM generate_series(18, 1, -3) i;

DELETE FROM spgist_nodes WHERE length(k) > 2000;

VACUUM spgist_nodes;

-- Points in a quad tree and in a k-d tree, with copies of one point.
CREATE TABLE spgist_point (id int, p point);

CREATE INDEX spgist_point_quad ON spgist_point USING spgist (p);

CREATE INDEX spgist_point_kd ON spgist_point USING spgist (p kd_point_ops);

INSERT INTO spgist_point SELECT i, point(i * 7919 % 10007, i * 6271 % 10009) FROM generate_series(1, 700) i;

INSERT INTO spgist_point SELECT i, point(5, 5) FROM generate_series(3001, 3400) i;

INSERT INTO spgist_point SELECT i, NULL FROM generate_series(4001, 4050) i;

DELETE FROM spgist_point WHERE id % 5 < 3;

VACUUM spgist_point;

INSERT INTO spgist_point SELECT i, point(i * 31 % 997, i * 17 % 991) FROM generate_series(5001, 5500) i;

DELETE FROM spgist_point;

VACUUM spgist_point;

INSERT INTO spgist_point SELECT i, point(i * 31 % 997, i * 17 % 991) FROM generate_series(7001, 7200) i;

-- Ranges, networks, boxes and polygons; included columns, some of them null.
CREATE TABLE spgist_other (id int, r int4range, n inet, b box, g polygon, note text);

CREATE INDEX spgist_other_r ON spgist_other USING spgist (r) INCLUDE (id, note);

CREATE INDEX spgist_other_n ON spgist_other USING spgist (n);

CREATE INDEX spgist_other_b ON spgist_other USING spgist (b);

CREATE INDEX spgist_other_g ON spgist_other USING spgist (g);

INSERT INTO spgist_other
  SELECT i, int4range(i % 300, i % 300 + i % 17 + 1), ('10.' || i % 4 || '.' || i % 250 || '.' || i % 99 || '/' || 20 + i % 13)::inet,
    box(point(i % 50, i % 70), point(i % 50 + 3, i % 70 + i % 11)), polygon(box(point(i, i % 7), point(i + 3, 9))),
    CASE WHEN i % 3 > 0 THEN 'note ' || i END
  FROM generate_series(1, 400) i;

INSERT INTO spgist_other SELECT i, 'empty', '::1', NULL, NULL, NULL FROM generate_series(901, 1000) i;

INSERT INTO spgist_other SELECT i, int4range(7, 9), '192.168.1.1', NULL, NULL, 'same' FROM generate_series(2001, 2250) i;

DELETE FROM spgist_other WHERE id % 3 = 1;

VACUUM spgist_other;

UPDATE spgist_other SET r = int4range(id, id + 5), n = n + 1 WHERE id % 4 = 0;

VACUUM spgist_other;

-- Built from what is there, concurrently too; then changed.
CREATE INDEX spgist_text_built ON spgist_text USING spgist (k) WITH (fillfactor = 100);

CREATE INDEX CONCURRENTLY spgist_point_later ON spgist_point USING spgist (p);

INSERT INTO spgist_text SELECT i, md5(i::text) FROM generate_series(20000, 20300) i;

REINDEX INDEX CONCURRENTLY spgist_text_k;

INSERT INTO spgist_point SELECT i, point(i * 31 % 997, i * 17 % 991) FROM generate_series(8001, 8200) i;

BEGIN;

INSERT INTO spgist_text SELECT i, 'lost ' || i FROM generate_series(30000, 30200) i;

ROLLBACK;

VACUUM spgist_text;
