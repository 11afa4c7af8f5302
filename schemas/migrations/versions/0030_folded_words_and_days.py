"""Events are found whatever way their names are written, and by the days they have in their own zone (EM-014, EM-016).

`search_fold` takes accents, apostrophes and capitals away; shared/catalog/search_normalization.py does the same to
what is looked for. It needs no extension: unaccent would need its own wrapper to be immutable, and knows no
apostrophes. Words of two parts are held both ways: `17-an` as `17`, `an` and as `17an`. The columns `search` and
`place` of 0003 stay while code that reads them still runs; a later release drops them.
"""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_APOSTROPHES = "''\u2018\u2019\u201a\u201b\u02b9\u02bb\u02bc\u02be\u02bf\u02c8\u2032\u2035`\u00b4\uff07"
_DASHES = "\\-\u00ad\u2010-\u2015\u2212\ufe63\uff0d"

FOLDING = f"""
CREATE FUNCTION search_fold(words text) RETURNS text IMMUTABLE PARALLEL SAFE STRICT
    RETURN replace(replace(replace(replace(translate(lower(normalize(regexp_replace(normalize(
        regexp_replace(words, '[{_APOSTROPHES}]', '', 'g'), NFKD), '[\u0300-\u036f]', '', 'g'), NFC)),
        'øłđðħı', 'olddhi'), 'æ', 'ae'), 'œ', 'oe'), 'ß', 'ss'), 'þ', 'th');
CREATE FUNCTION search_compact(words text) RETURNS text IMMUTABLE PARALLEL SAFE STRICT
    RETURN regexp_replace(public.search_fold(words), '[\\s{_DASHES}]+', '', 'g');
CREATE FUNCTION search_words(config regconfig, words text) RETURNS tsvector IMMUTABLE PARALLEL SAFE STRICT
    RETURN to_tsvector(config, regexp_replace(words, '[{_DASHES}]+', ' ', 'g'))
        || CASE WHEN words ~ '\\S[{_DASHES}]\\S'
            THEN to_tsvector(config, regexp_replace(words, '(\\S)[{_DASHES}]+(?=\\S)', '\\1', 'g'))
            ELSE ''::tsvector END;
"""

COLUMNS = """
UPDATE events SET timezone = 'Asia/Jakarta' WHERE timezone NOT IN (SELECT name FROM pg_timezone_names);
ALTER TABLE events
    ADD COLUMN search_folded tsvector NOT NULL GENERATED ALWAYS AS (
        setweight(search_words('simple', search_fold(title)), 'A')
        || setweight(search_words('indonesian', search_fold(title)), 'A')
        || setweight(search_words('simple', search_fold(location || ' ' || COALESCE(venue, ''))), 'B')
        || setweight(search_words('indonesian', search_fold(location || ' ' || COALESCE(venue, ''))), 'B')
        || setweight(search_words('indonesian', search_fold(category)), 'C')
        || setweight(search_words('indonesian', search_fold(description)), 'D')) STORED,
    ADD COLUMN place_compact text NOT NULL
        GENERATED ALWAYS AS (search_compact(location || ' ' || COALESCE(venue, ''))) STORED,
    ADD COLUMN category_compact text NOT NULL GENERATED ALWAYS AS (search_compact(category)) STORED,
    ADD COLUMN first_day date NOT NULL GENERATED ALWAYS AS ((start_date AT TIME ZONE timezone)::date) STORED,
    ADD COLUMN last_day date NOT NULL GENERATED ALWAYS AS (GREATEST(
        ((end_date AT TIME ZONE timezone) - interval '1 microsecond')::date,
        (start_date AT TIME ZONE timezone)::date)) STORED;
"""

INDEXES = """
CREATE INDEX events_search_folded ON events USING gin (search_folded) WHERE status = 'published';
CREATE INDEX events_place_compact ON events USING gin (place_compact gin_trgm_ops) WHERE status = 'published';
CREATE INDEX events_category_compact ON events (category_compact, start_date, id) INCLUDE (end_date)
    WHERE status = 'published';
CREATE INDEX events_ending ON events (end_date, last_day, first_day) WHERE status = 'published';
"""


def upgrade() -> None:
    """Make the functions, the columns and their indexes."""
    op.get_bind().exec_driver_sql(FOLDING)
    op.execute(COLUMNS)
    op.execute(INDEXES)
