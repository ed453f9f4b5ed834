-- What every run of the service begins with: ten resources of twenty rows.

create sequence number;

create table item (
  resource text not null,
  id int not null,
  name text not null,
  price numeric(12, 3) not null,
  qty int not null,
  note text,
  status text not null,
  tax numeric not null,
  active boolean not null,
  currency char(3) not null default 'EUR',
  amount numeric(12, 2) not null,
  created timestamptz not null,
  first_name text not null default 'Jürgen',
  last_name text not null default 'Müller',
  city text not null default 'Zürich',
  zip text not null default '08001',
  weight float8 not null,
  views int not null default 0,
  primary key (resource, id)
);

create table entry (
  id uuid primary key default gen_random_uuid(),
  number bigint not null default nextval('number'),
  resource text not null,
  reference text not null,
  qty int not null,
  total numeric(12, 2) not null,
  created_at timestamptz not null default clock_timestamp()
);

insert into item (resource, id, name, price, qty, note, status, tax, active, amount, created, weight)
select
  resource,
  id,
  format('Artikel Größe %s mit einem langen Namen', id),
  id * 3 + (id % 10) / 10.0,
  id % 5,
  case when id % 2 = 0 then null else '' end,
  case when id % 4 = 0 then 'paid' else 'open' end,
  id / 7.0,
  id % 3 = 0,
  1000 + id + 0.5,
  timestamptz '2026-03-01 08:15:30.250Z' + (id - 1) * interval '1 day',
  -- Of both signs, so that the last digits of a sum tell its order nearly always.
  (case when id % 2 = 0 then -1000 else 1000 end) * id / 7.0::float8 + id / 3.0
from
  unnest(array['orders', 'invoices', 'users', 'products', 'carts', 'payments', 'shipments', 'refunds', 'reviews', 'coupons']) as resource,
  generate_series(1, 20) as id;

analyze item;
