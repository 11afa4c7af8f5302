-- Every change of a state that a transaction of the product commits, counted by triggers of the simulation's own.

CREATE TABLE sim.transitions (machine text, before text, after text, UNIQUE (machine, before, after));

CREATE FUNCTION sim.note_transition() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    was text := CASE TG_OP WHEN 'UPDATE' THEN OLD.status ELSE 'new' END;
BEGIN
    IF was <> NEW.status THEN
        INSERT INTO sim.transitions VALUES (TG_TABLE_NAME, was, NEW.status) ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;
