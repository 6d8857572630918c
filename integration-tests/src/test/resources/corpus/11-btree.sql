-- Three levels of few wide keys; then most of it deleted, so that pages and whole subtrees go, the
-- fast root comes down, and grows again.
create table wide (id int, k text, primary key (k))

alter table wide alter k set storage plain

insert into wide select i, lpad(i::text, 1800, '0') from generate_series(1, 250) i

insert into wide select i, lpad(i::text, 1800, '0') || 'b' from generate_series(300, 1, -3) i

delete from wide where id between 20 and 60

vacuum wide

delete from wide where id between 2 and 290

vacuum wide

select txid_current()

select txid_current()

vacuum wide

delete from wide where id < 290

vacuum wide

select txid_current()

vacuum wide

insert into wide select i, lpad(i::text, 1800, '0') from generate_series(1000, 1100) i

insert into wide select i, lpad(i::text, 1800, '0') || 'a' from generate_series(1000, 1100) i

-- The same with pages in no order, so that subtrees lose pages at both ends.
create table wide_random (id int, k text, primary key (k))

alter table wide_random alter k set storage plain

insert into wide_random select i, lpad(i::text, 1500, '0')
  from (select i * 7919 % 1009 i from generate_series(1, 1008) i) s

delete from wide_random where id % 10 <> 0

vacuum wide_random

delete from wide_random where id between 100 and 900

vacuum wide_random

select txid_current()

vacuum wide_random

insert into wide_random select i, lpad(i::text, 1500, '0') || 'c' from generate_series(1, 300) i

-- Duplicates merged into posting lists, lists split by inserts, thinned out by vacuum.
create table dups (k int, v int)

create index dups_k on dups (k)

insert into dups select i % 5, i from generate_series(1, 1600) i

delete from dups where v % 3 = 0 or v between 500 and 700

vacuum dups

insert into dups select i % 5, i from generate_series(1, 500) i

create index dups_kv on dups (k, v)

delete from dups where v < 100

vacuum dups

insert into dups select i % 3, i from generate_series(1, 3000) i

delete from dups where v % 2 = 0

vacuum dups

insert into dups select i % 3, i from generate_series(1, 1500) i

-- Unique, null and included columns; keys cut short in the upper levels.
create table keys (a text, b int, c text)

create unique index keys_ab on keys (a, b) include (c)

create index keys_nulls on keys (b nulls first)

create index keys_plain on keys (a) with (deduplicate_items = off)

insert into keys select 'key ' || i / 10, nullif(i % 10, 3), repeat('c', i % 40)
  from generate_series(1, 3000) i

delete from keys where b = 5

vacuum keys

-- Few items deleted, of pages whose items do not lie in the order of their keys.
create table scattered (k int primary key)

insert into scattered select i * 151 % 331 from generate_series(1, 330) i

delete from scattered where k in (20, 200)

vacuum scattered

delete from scattered where k in (50, 100, 250)

vacuum scattered

delete from scattered where k = 70

vacuum scattered

-- Dead items removed before a split would be needed, found dead by scans or by versions.
create table versions (id int primary key, a int, b int)

create index versions_a on versions (a)

create index versions_b on versions (b)

insert into versions select i, i, i from generate_series(1, 160) i

do $$ begin
  for i in 1..12 loop
    update versions set a = a + 1;
    commit;
  end loop;
end $$

delete from versions where id < 120

set enable_seqscan = off

set enable_bitmapscan = off

select count(*) from versions where id < 120

select count(*) from versions where a < 120

reset enable_seqscan

reset enable_bitmapscan

insert into versions select i % 119, i, i from generate_series(1, 118) i

do $$ begin
  insert into versions values (3, 3, 3);
exception when unique_violation then null;
end $$

-- Versions of rows with equal keys, so that whole posting lists and parts of them go.
create table rounds (k int, n int)

create index rounds_k on rounds (k)

create index rounds_n on rounds (n)

insert into rounds select i % 4, 0 from generate_series(1, 400) i

do $$ begin
  for i in 1..15 loop
    update rounds set n = n + 1;
    commit;
  end loop;
end $$

-- Emptied to the root; filled from the left, the right and the middle; built anew.
create table emptied (k int primary key)

insert into emptied select generate_series(1, 3000)

delete from emptied

vacuum emptied

select txid_current()

vacuum emptied

insert into emptied select generate_series(9000, 6000, -1)

insert into emptied select generate_series(10000, 13000)

insert into emptied select i + 20000 from (select i * 677 % 3001 i from generate_series(1, 3000) i) s

reindex index emptied_pkey

create index concurrently emptied_again on emptied (k desc)

reindex index concurrently emptied_again

drop index concurrently emptied_again

create unlogged table not_logged (k int primary key)

insert into not_logged select generate_series(1, 100)
