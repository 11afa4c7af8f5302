-- Virtual time and identifiers under the seed. The search path is `public, sim, pg_catalog`, so these functions are found
-- before PostgreSQL's own, by the statements of the product, its triggers and the defaults of its columns.

CREATE SCHEMA sim;
GRANT USAGE ON SCHEMA sim TO PUBLIC;

CREATE FUNCTION sim.now() RETURNS timestamptz LANGUAGE sql STABLE AS
    $$ SELECT current_setting('sim.now')::timestamptz $$;
CREATE FUNCTION sim.clock_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS
    $$ SELECT current_setting('sim.now')::timestamptz $$;
CREATE FUNCTION sim.statement_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS
    $$ SELECT current_setting('sim.now')::timestamptz $$;
CREATE FUNCTION sim.transaction_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS
    $$ SELECT current_setting('sim.now')::timestamptz $$;

CREATE SEQUENCE sim.identifiers;
GRANT USAGE ON SEQUENCE sim.identifiers TO PUBLIC;
CREATE FUNCTION sim.gen_random_uuid() RETURNS uuid LANGUAGE sql VOLATILE AS
    $$ SELECT md5('karcis ' || nextval('sim.identifiers'))::uuid $$;
CREATE SEQUENCE sim.draws;
GRANT USAGE ON SEQUENCE sim.draws TO PUBLIC;
CREATE FUNCTION sim.random() RETURNS double precision LANGUAGE sql VOLATILE AS
    $$ SELECT (('x' || substr(md5('draw ' || nextval('sim.draws')), 1, 8))::bit(32)::bigint & 2147483647) / 2147483648.0::float8 $$;
