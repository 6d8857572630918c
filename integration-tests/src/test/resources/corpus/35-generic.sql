create table generic_rows (id int, a int, b int, c text)

insert into generic_rows select i, i % 100, i % 1000, md5(i::text) from generate_series(1, 3000) i

create index generic_bloom on generic_rows using bloom (a, b, c) with (length = 80, col1 = 2)

insert into generic_rows select i, i % 77, i % 999, md5(i::text) from generate_series(3001, 6000) i

delete from generic_rows where id % 3 = 0

vacuum generic_rows

insert into generic_rows select i, i % 50, i, md5(i::text) from generate_series(6001, 7000) i

drop table generic_rows
