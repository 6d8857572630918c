create table plain (id int primary key, t text, n numeric)

insert into plain select i, repeat(md5(i::text), 1 + i % 5), i * 1.5 from generate_series(1, 5000) i

update plain set t = t || 'x' where id % 7 = 0

delete from plain where id % 11 = 0

vacuum plain

truncate plain

drop table plain
