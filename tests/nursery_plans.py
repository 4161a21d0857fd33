"""A database with three large rounds of nursery enrolment: two that are over, one in its offers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncpg import Connection

CHILDREN = 10_000
"""Of each round; each ranks five of the programmes."""
PROGRAMMES = 40
SEATS = 150
"""Of each programme; a tenth of them kept for a group. 4,000 children have none."""
ROUNDS = 3
NOW_ROUND = ROUNDS

GROWING = {
    "enrolment",
    "enrolment_choice",
    "enrolment_claim",
    "enrolment_event",
    "enrolment_document",
    "enrolment_offer",
    "nursery_place",
    "programme_seat",
    "person",
    "care",
    "consent",
    "notice",
}

FILL = f"""
set session_replication_role = replica;
set jit = off;
create function pg_temp.id(kind integer, n bigint) returns uuid language sql immutable as $$
    select (lpad(kind::text, 8, '0') || '-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid $$;
create function pg_temp.of(round integer, n bigint) returns bigint language sql immutable as $$
    select round * 1000000::bigint + n $$;

insert into account (id, kind, created_at)
select pg_temp.id(1, n), 'resident', now() from generate_series(1, {CHILDREN}) n;
insert into person (id, name, document_kind, document_sealed, document_index, birth_date, sex, created_at)
select pg_temp.id(2, n), '测试', 'resident_id', '\\x00', int8send(n), date '2024-06-01' + (n % 300)::integer, 'female',
       now()
from generate_series(1, {CHILDREN}) n;
insert into care (id, account_id, person_id, relation, since)
select pg_temp.id(3, n), pg_temp.id(1, n), pg_temp.id(2, n), 'child', now() from generate_series(1, {CHILDREN}) n;
insert into consent (id, account_id, person_id, kind, document_version, given_at)
select pg_temp.id(4, n), pg_temp.id(1, n), pg_temp.id(2, n), 'child_enrolment', '1', now()
from generate_series(1, {CHILDREN}) n;
insert into area (id, level, code, name) values (pg_temp.id(5, 1), 'zone', 'test', '测试区');
insert into provider (id, area_id, kind, name, address, phone, summary)
select pg_temp.id(6, n), pg_temp.id(5, 1), 'nursery', '测试托育园 ' || n, '', '', '' from generate_series(1, 20) n;
insert into staff_grant (id, account_id, role, provider_id, area_id, granted_at)
values (pg_temp.id(7, 1), pg_temp.id(1, 1), 'clerk', null, pg_temp.id(5, 1), now()),
       (pg_temp.id(7, 2), pg_temp.id(1, 2), 'clerk', pg_temp.id(6, 2), null, now());
insert into nursery_class (id, provider_id, name, kind, from_months, until_months, seats, carers, created_at)
select pg_temp.id(8, n), pg_temp.id(6, n % 20 + 1), '托大班 ' || n, 'senior', 24, 36, {SEATS}, 4, now()
from generate_series(1, {PROGRAMMES}) n;
insert into enrolment_round (id, area_id, name, reference_date, starts_on, opens_at, closes_at, review_until,
                             value_source, value_due_at, stage, created_at)
select pg_temp.id(9, round), pg_temp.id(5, 1), '第 ' || round || ' 次', '2027-03-01', '2027-03-01', at, at + '7 days',
       at + '14 days', '测试', at + '15 days', case when round = {NOW_ROUND} then 'offers' else 'ended' end, at
from generate_series(1, {ROUNDS}) round
cross join lateral (select timestamptz '2026-11-01' - interval '1 year' * ({ROUNDS} - round) as at) as span;
insert into priority_group (id, round_id, code, position, name, proof)
select pg_temp.id(10, round), pg_temp.id(9, round), 'resettled', 1, '搬迁', '' from generate_series(1, {ROUNDS}) round;
insert into programme (id, round_id, class_id, from_months, until_months, seats)
select pg_temp.id(11, pg_temp.of(round, n)), pg_temp.id(9, round), pg_temp.id(8, n), 24, 36, {SEATS}
from generate_series(1, {ROUNDS}) round, generate_series(1, {PROGRAMMES}) n;
insert into programme_seat (id, programme_id, number, tiers)
select pg_temp.id(12, pg_temp.of(round, n * 1000 + number)), pg_temp.id(11, pg_temp.of(round, n)), number,
       case when number <= {SEATS} / 10 then '{{resettled,""}}'::text[] else '{{""}}' end
from generate_series(1, {ROUNDS}) round, generate_series(1, {PROGRAMMES}) n, generate_series(1, {SEATS}) number;
-- Child n got its first wish, as long as there were seats; the wishes after it are those of the next programmes.
insert into enrolment (id, public_id, salt, round_id, person_id, account_id, state, created_at, changed_at,
                       submitted_at, listed_at, number, seat_id)
select pg_temp.id(13, pg_temp.of(round, n)), upper(lpad(to_hex(round), 3, '0') || lpad(to_hex(n), 7, '0')),
       md5(round || '-' || n), pg_temp.id(9, round), pg_temp.id(2, n), pg_temp.id(1, n), 'accepted', now(), now(),
       now(), now(), encode(sha256(int8send(pg_temp.of(round, n))), 'hex'),
       case when n <= {PROGRAMMES} * {SEATS}
            then pg_temp.id(12, pg_temp.of(round, (n % {PROGRAMMES} + 1) * 1000 + (n - 1) / {PROGRAMMES} + 1)) end
from generate_series(1, {ROUNDS}) round, generate_series(1, {CHILDREN}) n;
insert into enrolment_choice (enrolment_id, rank, programme_id)
select pg_temp.id(13, pg_temp.of(round, n)), rank,
       pg_temp.id(11, pg_temp.of(round, (n + (rank - 1) * 7) % {PROGRAMMES} + 1))
from generate_series(1, {ROUNDS}) round, generate_series(1, {CHILDREN}) n, generate_series(1, 5) rank;
insert into enrolment_claim (enrolment_id, group_id, status)
select pg_temp.id(13, pg_temp.of(round, n)), pg_temp.id(10, round), case when n % 2 = 0 then 'granted' else 'denied' end
from generate_series(1, {ROUNDS}) round, generate_series(1, {CHILDREN}, 5) n;
insert into enrolment_event (id, enrolment_id, at, actor_id, was, state, because)
select pg_temp.id(14, pg_temp.of(round, n) * 10 + step), pg_temp.id(13, pg_temp.of(round, n)), now(),
       pg_temp.id(1, n), null, 'accepted', 'accepted'
from generate_series(1, {ROUNDS}) round, generate_series(1, {CHILDREN}) n, generate_series(1, 4) step;
insert into file (id, account_id, purpose, media_type, size, created_at)
select pg_temp.id(15, pg_temp.of(round, n)), pg_temp.id(1, n), 'enrolment_document', 'image/png', 70, now()
from generate_series(1, {ROUNDS}) round, generate_series(1, {CHILDREN}) n;
insert into enrolment_document (file_id, enrolment_id, kind, media_type, size, added_at)
select pg_temp.id(15, pg_temp.of(round, n)), pg_temp.id(13, pg_temp.of(round, n)), 'household', 'image/png', 70, now()
from generate_series(1, {ROUNDS}) round, generate_series(1, {CHILDREN}) n;
insert into enrolment_offer (id, enrolment_id, seat_id, way, status, offered_at, answer_by, answered_at)
select pg_temp.id(16, right(id::text, 12)::bigint), id, seat_id, 'draw', how.status, now(), '2026-12-01',
       case when how.status <> 'live' then now() end
from enrolment
cross join lateral (
    select case when round_id <> pg_temp.id(9, {NOW_ROUND}) or right(id::text, 4)::integer % 10 > 0 then 'accepted'
                else 'live' end as status
) as how
where seat_id is not null;
insert into nursery_place (id, person_id, class_id, enrolment_id, status, starts_on, ends_on, agreement_on,
                           health_check_on, vaccination_on, created_at, changed_at)
select pg_temp.id(17, pg_temp.of(round, n)), pg_temp.id(2, n), pg_temp.id(8, n % {PROGRAMMES} + 1),
       pg_temp.id(13, pg_temp.of(round, n)), 'ended', first, first + 300, first, first, first, now(), now()
from generate_series(1, {ROUNDS} - 1) round, generate_series(1, {PROGRAMMES} * {SEATS}) n
cross join lateral (select date '2026-01-01' - 365 * ({NOW_ROUND} - round) as first) as at;
insert into notice (id, person_id, kind, subject_id, facts, created_at)
select pg_temp.id(18, n), pg_temp.id(2, n), 'enrolment_drawn', pg_temp.id(13, pg_temp.of({NOW_ROUND}, n)), '{{}}', now()
from generate_series(1, {CHILDREN}) n;
set session_replication_role = origin;
"""


def of(round_number: int, n: int) -> int:
    """Return the number of the n-th of a round, as `pg_temp.of` of FILL gives it."""
    return round_number * 1_000_000 + n


async def fill(conn: Connection) -> None:
    """Fill an empty database with old and new rounds; it is analyzed afterwards."""
    await conn.execute(FILL, timeout=600)
    await conn.execute("vacuum analyze", timeout=600)
