"""Many events in one statement: Indonesian words, ten towns, eight categories, two tiers each, early-bird prices."""

from sqlalchemy import Connection

_FILL = """
    INSERT INTO users (email, full_name, role, is_email_verified, terms_version, terms_accepted_at)
    VALUES ('penyelenggara-banyak@example.com', 'Banyak Acara', 'organizer', true, '1', now());
    CREATE TEMP TABLE made AS
    SELECT n, gen_random_uuid() AS id,
        (ARRAY['Konser','Festival','Pameran','Lari','Seminar','Pasar','Lokakarya','Turnamen','Pertunjukan','Kuliner'])
            [1 + (n * 7) % 10] AS kind,
        (ARRAY['Senja','Nusantara','Merdeka','Jazz','Gamelan','Bahari','Purnama','Kopi','Batik','Wayang','Dangdut',
            'Rakyat','Kampus','Anak','Keluarga','Robotika','Fotografi','Sastra','Sepeda','Layang'])
            [1 + n / 10 % 20] AS theme,
        (ARRAY['Jakarta','Bandung','Surabaya','Yogyakarta','Semarang','Medan','Makassar','Denpasar','Malang','Solo'])
            [1 + n / 200 % 10] AS town,
        (ARRAY['musik','olahraga','seni','kuliner','pendidikan','keluarga','teknologi','budaya'])
            [1 + n / 7 % 8] AS category,
        now() + ((n::bigint * 7919) % 31536000) * interval '1 second' AS starts
    FROM generate_series(1, {events}) n;
    INSERT INTO events (id, organizer_id, title, slug, description, category, location, venue, start_date, end_date,
        capacity, status)
    SELECT id, (SELECT id FROM users WHERE email = 'penyelenggara-banyak@example.com'),
        kind || ' ' || theme || ' ' || town || ' ' || n, 'acara-banyak-' || n,
        'Sebuah acara ' || lower(kind) || ' untuk semua orang di ' || town || ', dengan pertunjukan, permainan dan '
            || 'makanan khas. Nomor ' || md5(n::text) || '. ' || repeat('Datanglah bersama keluarga dan teman. ', 6),
        category, town, 'Gedung ' || theme || ' ' || n / 3 % 200, starts, starts + interval '4 hours', 1000,
        CASE WHEN n % 20 = 0 THEN 'draft' ELSE 'published' END
    FROM made;
    INSERT INTO ticket_tiers (event_id, organizer_id, name, price, quota, early_bird_price, early_bird_end,
        event_ends_at, is_on_sale, position)
    SELECT made.id, users.id, tier.name, CASE WHEN n % 7 = 0 THEN 0 ELSE tier.extra + (n * 17) % 400 * 5000 END, 500,
        CASE WHEN n % 3 = 0 AND n % 7 > 0 THEN tier.extra / 2 END,
        CASE WHEN n % 3 = 0 THEN now() + interval '5 days' END,
        starts + interval '4 hours', n % 20 <> 0, tier.position
    FROM made, users, (VALUES ('Reguler', 50000, 0), ('VIP', 500000, 1)) AS tier (name, extra, position)
    WHERE users.email = 'penyelenggara-banyak@example.com';
    DROP TABLE made;
"""


def fill(connection: Connection, events: int) -> None:
    """Add that many events, of which nineteen in twenty are published; all begin within a year."""
    for statement in _FILL.format(events=int(events)).split(";\n"):
        if statement.strip():
            connection.exec_driver_sql(statement)
