-- Made by `python -m schemas.sql` with PostgreSQL 18: change a migration, not this.

CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;

COMMENT ON EXTENSION pg_trgm IS 'text similarity measurement and index searching based on trigrams';

CREATE FUNCTION public.count_ledger_entry() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    is_organizers boolean := starts_with(NEW.account, 'organizer_payable:');
BEGIN
    INSERT INTO daily_figures (event_id, timezone, day, refunded_amount, organizer_refunds, penalty)
    SELECT e.id, e.timezone, (p.created_at AT TIME ZONE e.timezone)::date,
        CASE WHEN p.kind <> 'cancellation_penalty' THEN NEW.amount ELSE 0 END,
        CASE WHEN p.kind <> 'cancellation_penalty' AND is_organizers THEN NEW.amount ELSE 0 END,
        CASE WHEN p.kind = 'cancellation_penalty' AND is_organizers THEN NEW.amount ELSE 0 END
    FROM ledger_postings p JOIN events e ON e.id = p.event_id
    WHERE p.id = NEW.posting_id
        AND p.kind IN ('refund_owed', 'sale_taken_back', 'sale_rest_taken_back', 'cancellation_penalty');
    RETURN NULL;
END $$;

CREATE FUNCTION public.count_order() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    is_sale integer := (NEW.paid_at IS NOT NULL)::integer;
    was_sale integer := (OLD.paid_at IS NOT NULL)::integer;
    is_paid integer := (NEW.status IN ('paid', 'refunded'))::integer - (OLD.status IN ('paid', 'refunded'))::integer;
    is_expired integer := (NEW.status = 'expired')::integer - (OLD.status = 'expired')::integer;
    is_cancelled integer := (NEW.status = 'cancelled')::integer - (OLD.status = 'cancelled')::integer;
    zone text;
BEGIN
    IF is_paid = 0 AND is_expired = 0 AND is_cancelled = 0 AND NEW.paid_at IS NOT DISTINCT FROM OLD.paid_at THEN
        RETURN NULL;
    END IF;
    SELECT timezone INTO zone FROM events WHERE id = NEW.event_id;
    INSERT INTO daily_figures (event_id, timezone, day, tier_id, sold, refunded, gross, discount, platform_discount,
        fees, waived_fees, commission, value, paid, expired, cancelled)
    SELECT NEW.event_id, zone, moved.day, moved.tier_id, sum(moved.sold), sum(moved.refunded), sum(moved.gross),
        sum(moved.discount), sum(moved.platform_discount), sum(moved.fees), sum(moved.waived_fees),
        sum(moved.commission), sum(moved.value), sum(moved.paid), sum(moved.expired), sum(moved.cancelled)
    FROM (
        SELECT (NEW.created_at AT TIME ZONE zone)::date AS day, t.tier_id, 0 AS sold, 0 AS refunded, 0 AS gross,
            0 AS discount, 0 AS platform_discount, 0 AS fees, 0 AS waived_fees, 0 AS commission, 0 AS value,
            t.orders * is_paid AS paid, t.orders * is_expired AS expired, t.orders * is_cancelled AS cancelled
        FROM order_tiers(NEW.id) t WHERE is_paid <> 0 OR is_expired <> 0 OR is_cancelled <> 0
        UNION ALL
        SELECT (s.moment AT TIME ZONE zone)::date, i.tier_id, s.sign * (i.returned_at IS NULL)::integer,
            s.sign * (i.returned_at IS NOT NULL)::integer, s.sign * i.unit_price, s.sign * i.discount,
            s.sign * i.platform_discount, s.sign * i.platform_fee, s.sign * (i.waived_fee - i.platform_waived_fee),
            s.sign * i.commission,
            s.sign * (i.returned_at IS NULL)::integer * (i.unit_price - i.discount), 0, 0, 0
        FROM (VALUES (-was_sale, OLD.paid_at), (is_sale, NEW.paid_at)) AS s (sign, moment), order_items i
        WHERE i.order_id = NEW.id AND s.sign <> 0 AND NEW.paid_at IS DISTINCT FROM OLD.paid_at
    ) AS moved
    GROUP BY moved.day, moved.tier_id;
    RETURN NULL;
END $$;

CREATE FUNCTION public.count_payment() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO daily_payments (event_id, timezone, day, tier_id, status, method, gateway, payments, amount, received)
    SELECT e.id, e.timezone, (o.created_at AT TIME ZONE e.timezone)::date, t.tier_id, p.status, p.method, p.gateway,
        sum(p.sign * t.orders), sum(p.sign * t.orders * p.amount), sum(p.sign * t.orders * COALESCE(p.received, 0))
    FROM (VALUES
            (-1, OLD.order_id, OLD.status, OLD.payment_method, OLD.gateway, OLD.amount, OLD.received_amount),
            (1, NEW.order_id, NEW.status, NEW.payment_method, NEW.gateway, NEW.amount, NEW.received_amount)
        ) AS p (sign, order_id, status, method, gateway, amount, received)
        JOIN orders o ON o.id = p.order_id JOIN events e ON e.id = o.event_id, order_tiers(o.id) t
    GROUP BY 1, 2, 3, 4, 5, 6, 7
    HAVING sum(p.sign) <> 0 OR sum(p.sign * p.amount) <> 0 OR sum(p.sign * COALESCE(p.received, 0)) <> 0;
    RETURN NULL;
END $$;

CREATE FUNCTION public.count_returned_item() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    units integer := CASE WHEN NEW.returned_at IS NULL THEN 1 ELSE -1 END;
BEGIN
    INSERT INTO daily_figures (event_id, timezone, day, tier_id, sold, refunded, value)
    SELECT e.id, e.timezone, (o.paid_at AT TIME ZONE e.timezone)::date, NEW.tier_id, units, -units,
        units * (NEW.unit_price - NEW.discount)
    FROM orders o JOIN events e ON e.id = o.event_id
    WHERE o.id = NEW.order_id AND o.paid_at IS NOT NULL;
    RETURN NULL;
END $$;

CREATE FUNCTION public.count_units() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    NEW.units := CASE WHEN NEW.kind = 'digital' THEN
        (SELECT count(*) FROM digital_units WHERE tier_id = NEW.id AND burned_at IS NULL) END;
    RETURN NEW;
END $$;

CREATE FUNCTION public.end_chats_with_sessions() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    BEGIN
        PERFORM erase_chats(NEW.id);
        RETURN NULL;
    END $$;

CREATE FUNCTION public.erase_chats(account uuid) RETURNS void
    LANGUAGE sql
    AS $$
        WITH erased AS (
            UPDATE chat_senders SET messenger_id = NULL, phone = NULL, state = '{}', pending_action = NULL,
                order_id = NULL, notices = NULL, notices_changed_at = NULL, claimed_until = NULL
            WHERE user_id = account  -- Uses index: chat_senders_user
            RETURNING id),
        updates AS (DELETE FROM chat_updates WHERE sender_id IN (SELECT id FROM erased)),
        messages AS (DELETE FROM chat_messages WHERE sender_id IN (SELECT id FROM erased)),
        consents AS (DELETE FROM chat_consents WHERE sender_id IN (SELECT id FROM erased))
        DELETE FROM chat_email_codes WHERE sender_id IN (SELECT id FROM erased)
    $$;

CREATE FUNCTION public.folded_email(address text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    SELECT CASE WHEN domain IN ('gmail.com', 'googlemail.com') THEN replace(mailbox, '.', '') || '@gmail.com'
        ELSE mailbox || '@' || domain END
    FROM (SELECT COALESCE(NULLIF(split_part(split_part(lower(address), '@', 1), '+', 1), ''),
            split_part(lower(address), '@', 1)) AS mailbox,
        split_part(lower(address), '@', 2) AS domain) AS parts
$$;

CREATE FUNCTION public.forget_with_account() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    DELETE FROM one_time_codes WHERE user_id = NEW.id;
    DELETE FROM second_factors WHERE user_id = NEW.id;
    DELETE FROM event_staff WHERE user_id = NEW.id;
    RETURN NULL;
END $$;

CREATE FUNCTION public.keep_name_on_tickets() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    UPDATE order_items i SET attendee_name = OLD.full_name
    FROM orders o, ticket_tiers c  -- Uses indexes: orders_user, order_items_position
    WHERE o.user_id = NEW.id AND o.status = 'paid' AND i.order_id = o.id AND i.attendee_name IS NULL
        AND c.id = i.tier_id AND c.kind IN ('ticket', 'registration');
    RETURN NULL;
END $$;

CREATE FUNCTION public.limit_uses_of_person() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.uses - NEW.late_uses <= OLD.uses - OLD.late_uses THEN RETURN NULL; END IF;
    IF (SELECT sum(u.uses - u.late_uses)
        FROM users b JOIN users a ON folded_email(a.email) = folded_email(b.email) AND NOT a.is_deleted
            JOIN promo_users u ON u.promo_id = NEW.promo_id AND u.user_id = a.id  -- Uses index: users_mailbox
        WHERE b.id = NEW.user_id) > NEW.most THEN
        RAISE EXCEPTION 'the person of account % has used the code as often as they may', NEW.user_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'promo_not_exhausted_for_user';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION public.move_event_prices() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE event_prices SET start_date = NEW.start_date WHERE event_id = NEW.id;
    RETURN NULL;
END $$;

CREATE FUNCTION public.new_tier_code() RETURNS text
    LANGUAGE plpgsql
    AS $$
DECLARE
    letters constant text := '23456789BCDFGHJKMNPQRSTVWXYZ';
    drawn text;
BEGIN
    LOOP
        SELECT string_agg(substr(letters, 1 + floor(random() * length(letters))::int, 1), '')
            INTO drawn FROM generate_series(1, 6);
        EXIT WHEN NOT EXISTS (SELECT 1 FROM ticket_tiers WHERE code = drawn);
    END LOOP;
    RETURN drawn;
END $$;

CREATE FUNCTION public.number_ticket_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    NEW.changed_in := pg_current_xact_id();
    RETURN NEW;
END $$;

CREATE FUNCTION public.order_tiers(of_order uuid) RETURNS TABLE(tier_id uuid, orders bigint)
    LANGUAGE sql STABLE
    AS $$
    SELECT i.tier_id, 1::bigint FROM order_items i WHERE i.order_id = of_order GROUP BY i.tier_id
    UNION ALL
    SELECT NULL, 1 - count(DISTINCT i.tier_id) FROM order_items i WHERE i.order_id = of_order
    HAVING count(DISTINCT i.tier_id) > 1
$$;

CREATE FUNCTION public.price_event_of_tier() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM price_events(ARRAY[NEW.event_id]);
    RETURN NULL;
END $$;

CREATE FUNCTION public.price_events(ids uuid[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM 1 FROM events WHERE id = ANY(ids) ORDER BY id FOR NO KEY UPDATE;  -- one after the other
    DELETE FROM event_prices WHERE event_id = ANY(ids);
    INSERT INTO event_prices (event_id, start_date, starts_at, ends_at, price)
    SELECT moment.event_id, e.start_date, moment.at,
        COALESCE(lead(moment.at) OVER (PARTITION BY moment.event_id ORDER BY moment.at), 'infinity'),
        (SELECT COALESCE(min(price) FILTER (WHERE is_entry AND has_begun AND NOT has_ended),
            min(price) FILTER (WHERE is_entry AND NOT has_ended), min(price) FILTER (WHERE is_entry),
            min(price) FILTER (WHERE has_begun AND NOT has_ended), min(price) FILTER (WHERE NOT has_ended), min(price))
        FROM (
            SELECT t.kind IN ('ticket', 'registration') AS is_entry,
                COALESCE(t.sale_start <= moment.at, true) AS has_begun,
                COALESCE(t.sale_end <= moment.at, false) AS has_ended,
                CASE WHEN t.early_bird_price IS NOT NULL
                    AND COALESCE(t.early_bird_start <= moment.at, true) AND t.early_bird_end > moment.at
                THEN t.early_bird_price ELSE t.price END AS price
            FROM ticket_tiers t WHERE t.event_id = moment.event_id) AS tiers)
    FROM (
        SELECT id AS event_id, timestamptz '-infinity' AS at FROM events WHERE id = ANY(ids)
        UNION SELECT event_id, early_bird_start FROM ticket_tiers
            WHERE event_id = ANY(ids) AND early_bird_price IS NOT NULL AND early_bird_start IS NOT NULL
        UNION SELECT event_id, early_bird_end FROM ticket_tiers
            WHERE event_id = ANY(ids) AND early_bird_price IS NOT NULL
        UNION SELECT event_id, sale_start FROM ticket_tiers WHERE event_id = ANY(ids) AND sale_start IS NOT NULL
        UNION SELECT event_id, sale_end FROM ticket_tiers
            WHERE event_id = ANY(ids) AND sale_end IS NOT NULL) AS moment
    JOIN events e ON e.id = moment.event_id;
END $$;

CREATE FUNCTION public.price_events_of_tiers() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM price_events(ARRAY(SELECT DISTINCT event_id FROM changed));
    RETURN NULL;
END $$;

CREATE FUNCTION public.price_new_events() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO event_prices (event_id, start_date, starts_at, ends_at)
    SELECT id, start_date, '-infinity', 'infinity' FROM changed;
    RETURN NULL;
END $$;

CREATE FUNCTION public.recognise_person() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NEW.is_deleted THEN
        NEW.person_id := gen_random_uuid();
        RETURN NEW;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(folded_email(NEW.email), 0));
    NEW.person_id := COALESCE(
        (SELECT person_id FROM users WHERE folded_email(email) = folded_email(NEW.email) AND NOT is_deleted
            AND id <> NEW.id ORDER BY created_at, id LIMIT 1),
        NEW.person_id);
    RETURN NEW;
END $$;

CREATE FUNCTION public.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'append_only';
END $$;

CREATE FUNCTION public.refuse_deleted_account() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    person uuid;
BEGIN
    IF TG_ARGV[0] = 'user_id' THEN person := NEW.user_id;
    ELSIF TG_ARGV[0] = 'organizer_id' THEN person := NEW.organizer_id;
    ELSE person := NEW.created_by;
    END IF;
    PERFORM FROM users WHERE id = person AND NOT is_deleted FOR KEY SHARE;
    IF NOT FOUND AND person IS NOT NULL THEN
        RAISE EXCEPTION 'account % is gone', person
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'account_is_there';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION public.refuse_empty_posting() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM ledger_entries WHERE posting_id = NEW.id) THEN
        RAISE EXCEPTION 'posting % has no entries', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_balances';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION public.refuse_excessive_refund() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    bought_nothing uuid[];
    received bigint;
    returned bigint;
BEGIN
    IF NEW.kind = 'by_gateway' OR NEW.amount = 0 THEN
        RETURN NULL;
    END IF;
    SELECT COALESCE(array_agg(payment_id), '{}') INTO bought_nothing FROM refunds
        WHERE order_id = NEW.order_id AND kind IN ('unusable_payment', 'review') AND status <> 'rejected';
    SELECT COALESCE(sum(received_amount), 0) INTO received FROM payments
        WHERE order_id = NEW.order_id AND CASE WHEN NEW.payment_id = ANY(bought_nothing) THEN id = NEW.payment_id
            ELSE id <> ALL(bought_nothing) END;
    SELECT COALESCE(sum(amount), 0) INTO returned FROM refunds
        WHERE order_id = NEW.order_id AND CASE WHEN NEW.payment_id = ANY(bought_nothing)
                THEN payment_id = NEW.payment_id ELSE payment_id <> ALL(bought_nothing) END
            AND status <> 'rejected' AND (TG_OP = 'INSERT' OR kind <> 'by_gateway');
    IF returned > received THEN
        RAISE EXCEPTION 'order % took in % and would give back %', NEW.order_id, received, returned
            USING ERRCODE = 'check_violation', CONSTRAINT = 'refunds_within_payments';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION public.refuse_transfer_to_held_account() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM bank_accounts WHERE id = NEW.bank_account_id
            AND (is_frozen OR waits_until > clock_timestamp())) THEN
        RAISE EXCEPTION 'bank account % waits or is frozen', NEW.bank_account_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'disbursements_account_usable';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION public.refuse_unbalanced_posting() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF (SELECT COALESCE(sum(amount), 0) <> 0 OR count(*) < 2 FROM ledger_entries
        WHERE posting_id = NEW.posting_id) THEN
        RAISE EXCEPTION 'posting % does not balance', NEW.posting_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_balances';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION public.search_fold(words text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN replace(replace(replace(replace(translate(lower(NORMALIZE(regexp_replace(NORMALIZE(regexp_replace(words, '[''‘’‚‛ʹʻʼʾʿˈ′‵`´＇]'::text, ''::text, 'g'::text), NFKD), '[̀-ͯ]'::text, ''::text, 'g'::text), NFC)), 'øłđðħı'::text, 'olddhi'::text), 'æ'::text, 'ae'::text), 'œ'::text, 'oe'::text), 'ß'::text, 'ss'::text), 'þ'::text, 'th'::text);

CREATE FUNCTION public.search_compact(words text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN regexp_replace(public.search_fold(words), '[\s\-­‐-―−﹣－]+'::text, ''::text, 'g'::text);

CREATE FUNCTION public.search_words(config regconfig, words text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (to_tsvector(config, regexp_replace(words, '[\-­‐-―−﹣－]+'::text, ' '::text, 'g'::text)) || CASE WHEN (words ~ '\S[\-­‐-―−﹣－]\S'::text) THEN to_tsvector(config, regexp_replace(words, '(\S)[\-­‐-―−﹣－]+(?=\S)'::text, '\1'::text, 'g'::text)) ELSE ''::tsvector END);

CREATE TABLE public.address_claims (
    address_key text NOT NULL,
    password_hash text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    fingerprint integer,
    CONSTRAINT address_claims_fingerprint_check CHECK (((fingerprint >= 0) AND (fingerprint <= 255)))
);

CREATE TABLE public.approvals (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    action text NOT NULL,
    subject_id uuid NOT NULL,
    reason text NOT NULL,
    details jsonb DEFAULT '{}'::jsonb NOT NULL,
    requested_by uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone DEFAULT (now() + '24:00:00'::interval) NOT NULL,
    decision text,
    decided_by uuid,
    decided_at timestamp with time zone,
    CONSTRAINT approvals_action_check CHECK ((action = ANY (ARRAY['event_cancellation'::text, 'second_factor_reset'::text]))),
    CONSTRAINT approvals_check CHECK (((decision IS NULL) = (decided_at IS NULL))),
    CONSTRAINT approvals_check1 CHECK (((decision = ANY (ARRAY['approved'::text, 'declined'::text])) = (decided_by IS NOT NULL))),
    CONSTRAINT approvals_decision_check CHECK ((decision = ANY (ARRAY['approved'::text, 'declined'::text, 'expired'::text]))),
    CONSTRAINT approvals_reason_check CHECK (((char_length(reason) >= 1) AND (char_length(reason) <= 1000))),
    CONSTRAINT approved_by_another CHECK (((decision <> 'approved'::text) OR (decided_by <> requested_by))),
    CONSTRAINT approved_in_time CHECK (((decision <> 'approved'::text) OR (decided_at < expires_at)))
);

CREATE TABLE public.arrival_matches (
    expected_id uuid NOT NULL,
    arrival_id uuid NOT NULL,
    matched_by uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.audit_log (
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    actor_id uuid,
    action text NOT NULL,
    subject text NOT NULL,
    subject_id text,
    details jsonb NOT NULL,
    correlation_id text NOT NULL
);

ALTER TABLE public.audit_log ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.bank_accounts (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    user_id uuid NOT NULL,
    bank_code text NOT NULL,
    account_number_sealed text NOT NULL,
    account_number_ending text NOT NULL,
    account_holder_name text NOT NULL,
    status text NOT NULL,
    check_id text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    replaced_at timestamp with time zone,
    waits_until timestamp with time zone,
    is_frozen boolean DEFAULT false NOT NULL,
    has_payee_name boolean,
    CONSTRAINT bank_accounts_account_holder_name_check CHECK (((length(account_holder_name) >= 1) AND (length(account_holder_name) <= 255))),
    CONSTRAINT bank_accounts_account_number_ending_check CHECK ((length(account_number_ending) <= 4)),
    CONSTRAINT bank_accounts_status_check CHECK ((status = ANY (ARRAY['checking'::text, 'verified'::text, 'refused'::text])))
);

CREATE TABLE public.bank_arrivals (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    gateway text NOT NULL,
    arrived_on date NOT NULL,
    amount bigint NOT NULL,
    reference text NOT NULL,
    occurrence integer NOT NULL,
    entered_by uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT bank_arrivals_amount_check CHECK ((amount > 0)),
    CONSTRAINT bank_arrivals_gateway_check CHECK ((gateway = ANY (ARRAY['xendit'::text, 'midtrans'::text]))),
    CONSTRAINT bank_arrivals_occurrence_check CHECK ((occurrence > 0))
);

CREATE TABLE public.bib_counters (
    tier_id uuid NOT NULL,
    given integer NOT NULL,
    CONSTRAINT bib_counters_given_check CHECK ((given > 0))
);

CREATE TABLE public.bib_numbers (
    tier_id uuid NOT NULL,
    number integer NOT NULL,
    item_id uuid NOT NULL,
    given_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT bib_numbers_number_check CHECK ((number > 0))
);

CREATE TABLE public.chat_consents (
    id bigint NOT NULL,
    sender_id uuid NOT NULL,
    choice text NOT NULL,
    source text NOT NULL,
    wording text NOT NULL,
    chosen_at timestamp with time zone NOT NULL,
    CONSTRAINT chat_consents_choice_check CHECK ((choice = ANY (ARRAY['on'::text, 'off'::text, 'stopped'::text]))),
    CONSTRAINT chat_consents_source_check CHECK ((source = ANY (ARRAY['button'::text, 'typed'::text, 'account'::text, 'preference'::text, 'refused'::text])))
);

ALTER TABLE public.chat_consents ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.chat_consents_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.chat_email_codes (
    sender_id uuid NOT NULL,
    address text NOT NULL,
    code_hash text NOT NULL,
    tries_left integer NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT chat_email_codes_address_check CHECK ((length(address) <= 255)),
    CONSTRAINT chat_email_codes_tries_left_check CHECK ((tries_left >= 0))
);

CREATE TABLE public.chat_messages (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    number bigint NOT NULL,
    dedupe_key text NOT NULL,
    sender_id uuid NOT NULL,
    content jsonb NOT NULL,
    status text DEFAULT 'queued'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    provider_message_id text,
    error_code text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    sent_at timestamp with time zone,
    status_at timestamp with time zone,
    CONSTRAINT chat_messages_status_check CHECK ((status = ANY (ARRAY['queued'::text, 'sent'::text, 'delivered'::text, 'read'::text, 'failed'::text, 'dropped'::text])))
);

ALTER TABLE public.chat_messages ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.chat_messages_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.chat_notices (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    dedupe_key text NOT NULL,
    template text NOT NULL,
    order_id uuid NOT NULL,
    context jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    settled_at timestamp with time zone,
    outcome text,
    CONSTRAINT chat_notices_check CHECK (((settled_at IS NULL) = (outcome IS NULL))),
    CONSTRAINT chat_notices_outcome_check CHECK ((outcome = ANY (ARRAY['enqueued'::text, 'nobody'::text, 'unwanted'::text, 'too_many'::text, 'over_budget'::text, 'obsolete'::text])))
);

CREATE TABLE public.chat_orders (
    order_id uuid NOT NULL,
    sender_id uuid NOT NULL
);

CREATE TABLE public.chat_senders (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    messenger_id text,
    phone text,
    user_id uuid,
    order_id uuid,
    state jsonb DEFAULT '{}'::jsonb NOT NULL,
    pending_action jsonb,
    last_message_at timestamp with time zone,
    send_after timestamp with time zone,
    claimed_until timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    swept_at timestamp with time zone,
    notices text,
    notices_changed_at timestamp with time zone,
    CONSTRAINT chat_senders_messenger_id_check CHECK ((length(messenger_id) <= 150)),
    CONSTRAINT chat_senders_notices_check CHECK ((notices = ANY (ARRAY['on'::text, 'off'::text, 'stopped'::text]))),
    CONSTRAINT chat_senders_phone_check CHECK ((phone ~ '^[1-9][0-9]{6,14}$'::text))
);

CREATE TABLE public.chat_templates (
    name text NOT NULL,
    language text NOT NULL,
    review_status text NOT NULL,
    reason text,
    changed_at timestamp with time zone NOT NULL
);

CREATE TABLE public.chat_updates (
    id bigint NOT NULL,
    update_key text NOT NULL,
    sender_id uuid NOT NULL,
    content jsonb NOT NULL,
    sent_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    processed_at timestamp with time zone
);

ALTER TABLE public.chat_updates ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.chat_updates_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.chat_usage (
    day date NOT NULL,
    part smallint NOT NULL,
    messages integer NOT NULL,
    CONSTRAINT chat_usage_messages_check CHECK ((messages >= 0)),
    CONSTRAINT chat_usage_part_check CHECK (((part >= 0) AND (part <= 15)))
);

CREATE TABLE public.cookie_consents (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    user_id uuid,
    version text NOT NULL,
    categories text[] NOT NULL,
    chosen_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.daily_figures (
    event_id uuid NOT NULL,
    timezone text NOT NULL,
    day date NOT NULL,
    tier_id uuid,
    sold bigint DEFAULT 0 NOT NULL,
    refunded bigint DEFAULT 0 NOT NULL,
    gross bigint DEFAULT 0 NOT NULL,
    discount bigint DEFAULT 0 NOT NULL,
    platform_discount bigint DEFAULT 0 NOT NULL,
    fees bigint DEFAULT 0 NOT NULL,
    waived_fees bigint DEFAULT 0 NOT NULL,
    commission bigint DEFAULT 0 NOT NULL,
    refunded_amount bigint DEFAULT 0 NOT NULL,
    organizer_refunds bigint DEFAULT 0 NOT NULL,
    penalty bigint DEFAULT 0 NOT NULL,
    paid bigint DEFAULT 0 NOT NULL,
    expired bigint DEFAULT 0 NOT NULL,
    cancelled bigint DEFAULT 0 NOT NULL,
    is_sum boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    value bigint DEFAULT 0 NOT NULL
);

CREATE TABLE public.daily_payments (
    event_id uuid NOT NULL,
    timezone text NOT NULL,
    day date NOT NULL,
    tier_id uuid,
    status text NOT NULL,
    method text NOT NULL,
    gateway text NOT NULL,
    payments bigint NOT NULL,
    amount bigint NOT NULL,
    received bigint NOT NULL,
    is_sum boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT daily_payments_status_check CHECK ((status = ANY (ARRAY['opening'::text, 'pending'::text, 'paid'::text, 'expired'::text, 'failed'::text, 'refunded'::text])))
);

CREATE TABLE public.daily_platform_books (
    day date NOT NULL,
    postings bigint DEFAULT 0 NOT NULL,
    refunded_amount bigint DEFAULT 0 NOT NULL,
    platform_fees bigint DEFAULT 0 NOT NULL,
    commissions bigint DEFAULT 0 NOT NULL,
    penalties bigint DEFAULT 0 NOT NULL,
    differences bigint DEFAULT 0 NOT NULL,
    promotions bigint DEFAULT 0 NOT NULL
);

COMMENT ON TABLE public.daily_platform_books IS 'A row for each day that is closed';

CREATE TABLE public.daily_platform_sales (
    day date NOT NULL,
    method text NOT NULL,
    gateway text NOT NULL,
    transactions bigint NOT NULL,
    turnover bigint NOT NULL
);

CREATE TABLE public.dead_letters (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    kind text NOT NULL,
    source text NOT NULL,
    target text NOT NULL,
    payload jsonb NOT NULL,
    attempts integer,
    message_id text NOT NULL,
    error text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    decision text,
    reason text,
    decided_by text,
    decided_at timestamp with time zone,
    CONSTRAINT dead_letters_decided CHECK (((decision IS NULL) = (decided_at IS NULL))),
    CONSTRAINT dead_letters_decision_check CHECK ((decision = ANY (ARRAY['replayed'::text, 'discarded'::text]))),
    CONSTRAINT dead_letters_kind_check CHECK ((kind = ANY (ARRAY['message'::text, 'task'::text])))
);

CREATE TABLE public.digest_sales (
    order_id uuid NOT NULL,
    organizer_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    told_at timestamp with time zone
);

CREATE TABLE public.digital_units (
    id uuid NOT NULL,
    tier_id uuid NOT NULL,
    secret_index text NOT NULL,
    secret_sealed text NOT NULL,
    item_id uuid,
    given_at timestamp with time zone,
    burned_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    revealed_at timestamp with time zone,
    CONSTRAINT digital_units_burned CHECK (((burned_at IS NULL) OR (given_at IS NOT NULL))),
    CONSTRAINT digital_units_given CHECK (((item_id IS NULL) = (given_at IS NULL))),
    CONSTRAINT digital_units_secret_index_check CHECK ((secret_index ~ '^[0-9a-f]{64}$'::text))
);

COMMENT ON COLUMN public.digital_units.revealed_at IS 'its buyer was shown it for the first time';

CREATE TABLE public.disbursements (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    refund_id uuid,
    payout_id uuid,
    attempt integer NOT NULL,
    bank_account_id uuid NOT NULL,
    amount bigint NOT NULL,
    status text DEFAULT 'sending'::text NOT NULL,
    gateway_reference text,
    failure text,
    may_retry boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT disbursements_amount_check CHECK ((amount > 0)),
    CONSTRAINT disbursements_attempt_check CHECK ((attempt > 0)),
    CONSTRAINT disbursements_purpose CHECK (((refund_id IS NULL) <> (payout_id IS NULL))),
    CONSTRAINT disbursements_status_check CHECK ((status = ANY (ARRAY['sending'::text, 'succeeded'::text, 'failed'::text, 'reversed'::text])))
);

CREATE TABLE public.emails (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    template text NOT NULL,
    once_key text NOT NULL,
    to_address text NOT NULL,
    language text NOT NULL,
    context jsonb NOT NULL,
    order_id uuid,
    status text DEFAULT 'queued'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    claimed_until timestamp with time zone,
    provider_message_id text,
    error_message text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    sent_at timestamp with time zone,
    status_at timestamp with time zone,
    CONSTRAINT emails_status_check CHECK ((status = ANY (ARRAY['queued'::text, 'sent'::text, 'delivered'::text, 'opened'::text, 'dropped'::text, 'bounced'::text, 'spam_reported'::text, 'failed'::text])))
);

CREATE TABLE public.event_buyers (
    event_id uuid NOT NULL,
    person_id uuid NOT NULL,
    units integer NOT NULL,
    max_units integer,
    orders integer NOT NULL,
    max_orders integer,
    abandoned_score integer DEFAULT 0 NOT NULL,
    last_abandoned_at timestamp with time zone,
    hold_again_at timestamp with time zone,
    CONSTRAINT event_buyers_orders_check CHECK ((orders >= 0)),
    CONSTRAINT event_buyers_units_check CHECK ((units >= 0)),
    CONSTRAINT max_orders_per_person CHECK ((orders <= max_orders)),
    CONSTRAINT max_units_per_person CHECK ((units <= max_units))
)
WITH (fillfactor='70');

CREATE TABLE public.event_cancellations (
    event_id uuid NOT NULL,
    requested_by uuid NOT NULL,
    reason text NOT NULL,
    penalty_percent integer NOT NULL,
    penalty bigint,
    orders integer NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT cancellations_penalty CHECK (((finished_at IS NULL) = (penalty IS NULL))),
    CONSTRAINT event_cancellations_orders_check CHECK ((orders >= 0)),
    CONSTRAINT event_cancellations_penalty_check CHECK ((penalty >= 0)),
    CONSTRAINT event_cancellations_penalty_percent_check CHECK (((penalty_percent >= 0) AND (penalty_percent <= 100))),
    CONSTRAINT event_cancellations_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 1000)))
);

CREATE TABLE public.event_changes (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    event_id uuid NOT NULL,
    before jsonb NOT NULL,
    after jsonb NOT NULL,
    offers_refund boolean NOT NULL,
    allows_refund boolean GENERATED ALWAYS AS ((offers_refund AND ((before - '{title,tiers}'::text[]) <> (after - '{title,tiers}'::text[])))) STORED NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    due_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone,
    last_order_id uuid,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    moved_at timestamp with time zone,
    CONSTRAINT event_changes_in_order CHECK (((finished_at IS NULL) OR (started_at IS NOT NULL)))
);

CREATE TABLE public.event_prices (
    event_id uuid NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    price bigint,
    start_date timestamp with time zone NOT NULL,
    CONSTRAINT valid_span CHECK ((ends_at > starts_at))
);

CREATE TABLE public.event_reminders (
    event_id uuid NOT NULL,
    starts_on date NOT NULL,
    last_order_id uuid,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone
);

CREATE TABLE public.event_staff (
    event_id uuid NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.events (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    organizer_id uuid NOT NULL,
    title text NOT NULL,
    slug text NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    category text NOT NULL,
    location text NOT NULL,
    venue text,
    start_date timestamp with time zone NOT NULL,
    end_date timestamp with time zone NOT NULL,
    timezone text DEFAULT 'Asia/Jakarta'::text NOT NULL,
    capacity integer NOT NULL,
    terms text DEFAULT ''::text NOT NULL,
    banner_url text,
    status text DEFAULT 'draft'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    search tsvector GENERATED ALWAYS AS ((((((setweight(to_tsvector('simple'::regconfig, title), 'A'::"char") || setweight(to_tsvector('indonesian'::regconfig, title), 'A'::"char")) || setweight(to_tsvector('simple'::regconfig, ((location || ' '::text) || COALESCE(venue, ''::text))), 'B'::"char")) || setweight(to_tsvector('indonesian'::regconfig, ((location || ' '::text) || COALESCE(venue, ''::text))), 'B'::"char")) || setweight(to_tsvector('indonesian'::regconfig, category), 'C'::"char")) || setweight(to_tsvector('indonesian'::regconfig, description), 'D'::"char"))) STORED NOT NULL,
    place text GENERATED ALWAYS AS (lower(((location || ' '::text) || COALESCE(venue, ''::text)))) STORED NOT NULL,
    refund_after_change boolean DEFAULT true NOT NULL,
    max_per_person integer,
    one_purchase_per_person boolean DEFAULT false NOT NULL,
    gates_open_at timestamp with time zone,
    scan_from timestamp with time zone GENERATED ALWAYS AS (COALESCE(gates_open_at, (((start_date AT TIME ZONE 'UTC'::text) - '06:00:00'::interval) AT TIME ZONE 'UTC'::text))) STORED NOT NULL,
    scan_until timestamp with time zone GENERATED ALWAYS AS ((((end_date AT TIME ZONE 'UTC'::text) + '12:00:00'::interval) AT TIME ZONE 'UTC'::text)) STORED NOT NULL,
    cancelled_as_draft boolean DEFAULT false NOT NULL,
    name_change_deadline timestamp with time zone,
    search_folded tsvector GENERATED ALWAYS AS ((((((setweight(public.search_words('simple'::regconfig, public.search_fold(title)), 'A'::"char") || setweight(public.search_words('indonesian'::regconfig, public.search_fold(title)), 'A'::"char")) || setweight(public.search_words('simple'::regconfig, public.search_fold(((location || ' '::text) || COALESCE(venue, ''::text)))), 'B'::"char")) || setweight(public.search_words('indonesian'::regconfig, public.search_fold(((location || ' '::text) || COALESCE(venue, ''::text)))), 'B'::"char")) || setweight(public.search_words('indonesian'::regconfig, public.search_fold(category)), 'C'::"char")) || setweight(public.search_words('indonesian'::regconfig, public.search_fold(description)), 'D'::"char"))) STORED NOT NULL,
    place_compact text GENERATED ALWAYS AS (public.search_compact(((location || ' '::text) || COALESCE(venue, ''::text)))) STORED NOT NULL,
    category_compact text GENERATED ALWAYS AS (public.search_compact(category)) STORED NOT NULL,
    first_day date GENERATED ALWAYS AS (((start_date AT TIME ZONE timezone))::date) STORED NOT NULL,
    last_day date GENERATED ALWAYS AS (GREATEST((((end_date AT TIME ZONE timezone) - '00:00:00.000001'::interval))::date, ((start_date AT TIME ZONE timezone))::date)) STORED NOT NULL,
    banner jsonb,
    location_compact text GENERATED ALWAYS AS (public.search_compact(location)) STORED NOT NULL,
    allows_reentry boolean DEFAULT false NOT NULL,
    is_synthetic boolean DEFAULT false NOT NULL,
    waiting_room_opens_at timestamp with time zone,
    CONSTRAINT events_capacity_check CHECK ((capacity > 0)),
    CONSTRAINT events_category_check CHECK ((length(category) <= 50)),
    CONSTRAINT events_location_check CHECK ((length(location) <= 255)),
    CONSTRAINT events_max_per_person_check CHECK ((max_per_person > 0)),
    CONSTRAINT events_status_check CHECK ((status = ANY (ARRAY['draft'::text, 'published'::text, 'cancelled'::text]))),
    CONSTRAINT events_title_check CHECK (((length(title) >= 1) AND (length(title) <= 255))),
    CONSTRAINT events_venue_check CHECK ((length(venue) <= 255)),
    CONSTRAINT synthetic_events_are_drafts CHECK (((NOT is_synthetic) OR (status = 'draft'::text))),
    CONSTRAINT valid_dates CHECK ((end_date >= start_date)),
    CONSTRAINT valid_gates CHECK ((gates_open_at < end_date)),
    CONSTRAINT valid_waiting_room CHECK ((waiting_room_opens_at < end_date))
);

CREATE TABLE public.expected_arrivals (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    batch_id uuid NOT NULL,
    line_id uuid,
    gateway text NOT NULL,
    sent_on date NOT NULL,
    amount bigint NOT NULL,
    reference text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT expected_arrivals_amount_check CHECK ((amount <> 0)),
    CONSTRAINT expected_arrivals_gateway_check CHECK ((gateway = ANY (ARRAY['xendit'::text, 'midtrans'::text])))
);

CREATE TABLE public.gateway_circuits (
    gateway text NOT NULL,
    api text NOT NULL,
    failures integer NOT NULL,
    failed_at timestamp with time zone DEFAULT now() NOT NULL,
    open_until timestamp with time zone,
    CONSTRAINT gateway_circuits_failures_check CHECK ((failures >= 0))
);

CREATE TABLE public.idempotency_keys (
    caller uuid NOT NULL,
    key text NOT NULL,
    request_hash text NOT NULL,
    locked_until timestamp with time zone,
    status integer,
    content_type text,
    body text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT idempotency_keys_key_check CHECK ((length(key) <= 255))
);

CREATE TABLE public.ledger_entries (
    id bigint NOT NULL,
    posting_id uuid NOT NULL,
    account text NOT NULL,
    amount bigint NOT NULL,
    CONSTRAINT ledger_entries_account_check CHECK ((account ~ '^[a-z_]+(:[a-z0-9-]+)?$'::text)),
    CONSTRAINT ledger_entries_amount_check CHECK ((amount <> 0))
);

ALTER TABLE public.ledger_entries ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.ledger_entries_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.ledger_postings (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    kind text NOT NULL,
    reference_id uuid NOT NULL,
    order_id uuid,
    event_id uuid,
    organizer_id uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.login_attempts (
    address_key text NOT NULL,
    tries integer NOT NULL,
    next_try_at timestamp with time zone NOT NULL,
    CONSTRAINT login_attempts_tries_check CHECK ((tries > 0))
);

CREATE TABLE public.mail_events (
    event_id text NOT NULL,
    email_id uuid NOT NULL,
    kind text NOT NULL,
    happened_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.mail_quotas (
    subject text NOT NULL,
    day date DEFAULT CURRENT_DATE NOT NULL,
    used integer NOT NULL,
    most integer NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT mail_quota_not_exceeded CHECK ((used <= most)),
    CONSTRAINT mail_quotas_used_check CHECK ((used > 0))
);

CREATE TABLE public.mail_suppressions (
    address_key text NOT NULL,
    reason text NOT NULL,
    email_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    lifted_at timestamp with time zone,
    CONSTRAINT mail_suppressions_reason_check CHECK ((reason = ANY (ARRAY['bounced'::text, 'spam_reported'::text])))
);

CREATE TABLE public.manual_tasks (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    subject_id text NOT NULL,
    details jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    done_at timestamp with time zone,
    done_by uuid
);

CREATE TABLE public.one_time_codes (
    user_id uuid NOT NULL,
    purpose text NOT NULL,
    code_hash text NOT NULL,
    tries_left integer DEFAULT 5 NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    asked_from text DEFAULT ''::text NOT NULL,
    tries_elsewhere integer DEFAULT 5 NOT NULL,
    CONSTRAINT one_time_codes_purpose_check CHECK ((purpose = ANY (ARRAY['verify_email'::text, 'reset_password'::text, 'confirm_identity'::text]))),
    CONSTRAINT one_time_codes_tries_elsewhere_check CHECK ((tries_elsewhere >= 0)),
    CONSTRAINT one_time_codes_tries_left_check CHECK ((tries_left >= 0))
);

CREATE TABLE public.order_items (
    id uuid NOT NULL,
    order_id uuid NOT NULL,
    tier_id uuid NOT NULL,
    "position" integer NOT NULL,
    unit_price bigint NOT NULL,
    discount bigint DEFAULT 0 NOT NULL,
    platform_fee bigint NOT NULL,
    commission bigint NOT NULL,
    attendee_name text,
    attendee_email text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    returned_at timestamp with time zone,
    platform_discount bigint DEFAULT 0 NOT NULL,
    waived_fee bigint DEFAULT 0 NOT NULL,
    platform_waived_fee bigint DEFAULT 0 NOT NULL,
    CONSTRAINT order_items_attendee_email_check CHECK ((length(attendee_email) <= 255)),
    CONSTRAINT order_items_attendee_name_check CHECK (((length(attendee_name) >= 1) AND (length(attendee_name) <= 255))),
    CONSTRAINT order_items_check CHECK (((discount >= 0) AND (discount <= unit_price))),
    CONSTRAINT order_items_check1 CHECK (((commission >= 0) AND (commission <= unit_price))),
    CONSTRAINT order_items_platform_discount CHECK (((platform_discount >= 0) AND (platform_discount <= discount))),
    CONSTRAINT order_items_platform_fee_check CHECK ((platform_fee >= 0)),
    CONSTRAINT order_items_platform_waived_fee CHECK (((platform_waived_fee >= 0) AND (platform_waived_fee <= waived_fee))),
    CONSTRAINT order_items_unit_price_check CHECK ((unit_price >= 0)),
    CONSTRAINT order_items_waived_fee CHECK (((waived_fee >= 0) AND ((waived_fee = 0) OR (platform_fee = 0))))
);

COMMENT ON COLUMN public.order_items.returned_at IS 'its refund was approved: the ticket is void, the stock is free again';

CREATE TABLE public.orders (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    event_id uuid NOT NULL,
    organizer_id uuid NOT NULL,
    status text DEFAULT 'reserved'::text NOT NULL,
    subtotal bigint NOT NULL,
    discount_amount bigint DEFAULT 0 NOT NULL,
    platform_fee bigint NOT NULL,
    total_amount bigint NOT NULL,
    promo_code text,
    idempotency_key text,
    reservation_expires_at timestamp with time zone NOT NULL,
    paid_at timestamp with time zone,
    ended_at timestamp with time zone,
    tickets_issued_at timestamp with time zone,
    capacity_released_at timestamp with time zone,
    stock_released_at timestamp with time zone,
    review_reason text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    promo_id uuid,
    promo_counted boolean DEFAULT false NOT NULL,
    person_id uuid,
    promo_uses integer DEFAULT 1 NOT NULL,
    promo_spent bigint DEFAULT 0 NOT NULL,
    is_promo_late boolean DEFAULT false NOT NULL,
    CONSTRAINT orders_check CHECK (((discount_amount >= 0) AND (discount_amount <= subtotal))),
    CONSTRAINT orders_ended CHECK (((status = ANY (ARRAY['expired'::text, 'cancelled'::text, 'refunded'::text])) = (ended_at IS NOT NULL))),
    CONSTRAINT orders_held_or_released CHECK (((status = ANY (ARRAY['expired'::text, 'cancelled'::text, 'refunded'::text])) = (capacity_released_at IS NOT NULL))),
    CONSTRAINT orders_paid CHECK (((status = ANY (ARRAY['paid'::text, 'refunded'::text])) = (paid_at IS NOT NULL))),
    CONSTRAINT orders_platform_fee_check CHECK ((platform_fee >= 0)),
    CONSTRAINT orders_promo CHECK (((promo_id IS NULL) = (promo_code IS NULL))),
    CONSTRAINT orders_promo_counted CHECK (((NOT promo_counted) OR ((promo_id IS NOT NULL) AND (status = ANY (ARRAY['reserved'::text, 'pending_payment'::text, 'paid'::text]))))),
    CONSTRAINT orders_promo_spent_check CHECK ((promo_spent >= 0)),
    CONSTRAINT orders_promo_uses_check CHECK ((promo_uses > 0)),
    CONSTRAINT orders_status_check CHECK ((status = ANY (ARRAY['reserved'::text, 'pending_payment'::text, 'paid'::text, 'expired'::text, 'cancelled'::text, 'refunded'::text]))),
    CONSTRAINT orders_subtotal_check CHECK ((subtotal >= 0)),
    CONSTRAINT orders_total CHECK ((total_amount = ((subtotal - discount_amount) + platform_fee))),
    CONSTRAINT orders_total_amount_check CHECK ((total_amount >= 0))
);

CREATE TABLE public.outbox (
    id bigint NOT NULL,
    topic text NOT NULL,
    payload jsonb NOT NULL,
    attributes jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    claimed_until timestamp with time zone,
    published_at timestamp with time zone
);

ALTER TABLE public.outbox ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.outbox_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.payments (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    order_id uuid NOT NULL,
    attempt integer NOT NULL,
    gateway text NOT NULL,
    external_id text NOT NULL,
    gateway_reference text,
    payment_method text NOT NULL,
    status text DEFAULT 'opening'::text NOT NULL,
    amount bigint NOT NULL,
    received_amount bigint,
    channel text,
    transaction_id text,
    redirect_url text,
    snap_token text,
    qr_string text,
    va_number text,
    expires_at timestamp with time zone NOT NULL,
    paid_at timestamp with time zone,
    ended_at timestamp with time zone,
    must_end_at_gateway boolean DEFAULT false NOT NULL,
    last_asked_at timestamp with time zone,
    failure text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    unique_code integer,
    reviewed_at timestamp with time zone,
    reviewed_by uuid,
    review_decision text,
    claimed_until timestamp with time zone,
    duplicate_of uuid,
    biller_code text,
    CONSTRAINT payments_amount_check CHECK ((amount >= 0)),
    CONSTRAINT payments_attempt_check CHECK ((attempt > 0)),
    CONSTRAINT payments_gateway_check CHECK ((gateway = ANY (ARRAY['xendit'::text, 'midtrans'::text, 'none'::text]))),
    CONSTRAINT payments_paid CHECK (((status <> 'paid'::text) OR ((paid_at IS NOT NULL) AND (received_amount IS NOT NULL)))),
    CONSTRAINT payments_received_amount_check CHECK ((received_amount >= 0)),
    CONSTRAINT payments_review_decision_check CHECK ((review_decision = ANY (ARRAY['accepted'::text, 'refunded'::text, 'topped_up'::text]))),
    CONSTRAINT payments_status_check CHECK ((status = ANY (ARRAY['opening'::text, 'pending'::text, 'paid'::text, 'expired'::text, 'failed'::text, 'refunded'::text]))),
    CONSTRAINT payments_unique_code_check CHECK (((unique_code >= 1) AND (unique_code <= 999)))
);

COMMENT ON COLUMN public.payments.claimed_until IS 'while it is opening: a checkout is asking the gateway until then';

COMMENT ON COLUMN public.payments.duplicate_of IS 'another invoice at the gateway under the external id of that payment';

CREATE TABLE public.payouts (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    organizer_id uuid NOT NULL,
    event_id uuid NOT NULL,
    amount bigint NOT NULL,
    status text NOT NULL,
    failure text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    completed_at timestamp with time zone,
    tries integer DEFAULT 0 NOT NULL,
    is_remainder boolean DEFAULT false NOT NULL,
    CONSTRAINT payouts_amount_check CHECK ((amount >= 0)),
    CONSTRAINT payouts_carried_over CHECK (((amount = 0) = (status = 'carried_over'::text))),
    CONSTRAINT payouts_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'processing'::text, 'completed'::text, 'failed'::text, 'carried_over'::text]))),
    CONSTRAINT payouts_tries_check CHECK ((tries >= 0))
);

COMMENT ON COLUMN public.payouts.tries IS 'transfers since it was made, or a person had it sent again';

COMMENT ON COLUMN public.payouts.is_remainder IS 'became payable after the payout of the event was made';

CREATE TABLE public.pickups (
    order_id uuid NOT NULL,
    event_id uuid NOT NULL,
    code text NOT NULL,
    status text DEFAULT 'waiting'::text NOT NULL,
    picked_up_at timestamp with time zone,
    picked_up_from uuid,
    gate text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT pickups_code_check CHECK ((code ~ '^[0-9A-Z]{4}-[0-9A-Z]{4}$'::text)),
    CONSTRAINT pickups_picked_up CHECK (((status = 'picked_up'::text) = (picked_up_at IS NOT NULL))),
    CONSTRAINT pickups_status_check CHECK ((status = ANY (ARRAY['waiting'::text, 'picked_up'::text, 'void'::text])))
);

CREATE TABLE public.promo_users (
    promo_id uuid NOT NULL,
    user_id uuid NOT NULL,
    uses integer NOT NULL,
    most integer,
    late_uses integer DEFAULT 0 NOT NULL,
    CONSTRAINT promo_not_exhausted_for_user CHECK (((uses - late_uses) <= most)),
    CONSTRAINT promo_users_late_uses_check CHECK ((late_uses >= 0)),
    CONSTRAINT promo_users_uses_check CHECK ((uses >= 0))
);

CREATE TABLE public.promos (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    code text NOT NULL,
    organizer_id uuid,
    funded_by text GENERATED ALWAYS AS (
CASE
    WHEN (organizer_id IS NULL) THEN 'platform'::text
    ELSE 'organizer'::text
END) STORED NOT NULL,
    event_id uuid,
    tier_ids uuid[],
    percent integer,
    amount bigint,
    max_discount bigint,
    minimum_spend bigint DEFAULT 0 NOT NULL,
    starts_at timestamp with time zone,
    ends_at timestamp with time zone,
    max_uses integer,
    max_uses_per_user integer,
    uses integer DEFAULT 0 NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    applies_to text DEFAULT 'order'::text NOT NULL,
    organizer_ids uuid[],
    budget bigint,
    spent bigint DEFAULT 0 NOT NULL,
    late_uses integer DEFAULT 0 NOT NULL,
    late_spent bigint DEFAULT 0 NOT NULL,
    waives_fee boolean DEFAULT false NOT NULL,
    CONSTRAINT promo_cap CHECK (((max_discount IS NULL) OR (percent IS NOT NULL))),
    CONSTRAINT promo_not_exhausted CHECK (((uses - late_uses) <= max_uses)),
    CONSTRAINT promo_organizers CHECK (((organizer_ids IS NULL) OR (organizer_id IS NULL))),
    CONSTRAINT promo_takes_off CHECK ((num_nonnulls(percent, amount) = 1)),
    CONSTRAINT promo_tiers CHECK (((tier_ids IS NULL) OR ((event_id IS NOT NULL) AND (cardinality(tier_ids) > 0)))),
    CONSTRAINT promo_window CHECK ((ends_at > starts_at)),
    CONSTRAINT promo_within_budget CHECK (((spent - late_spent) <= budget)),
    CONSTRAINT promos_amount_check CHECK (((amount >= 1) AND (amount <= 1000000000))),
    CONSTRAINT promos_applies_to_check CHECK ((applies_to = ANY (ARRAY['order'::text, 'ticket'::text]))),
    CONSTRAINT promos_budget_check CHECK ((budget > 0)),
    CONSTRAINT promos_code_check CHECK ((code ~ '^[A-Z0-9][A-Z0-9_-]{2,49}$'::text)),
    CONSTRAINT promos_late_spent_check CHECK ((late_spent >= 0)),
    CONSTRAINT promos_late_uses_check CHECK ((late_uses >= 0)),
    CONSTRAINT promos_max_discount_check CHECK (((max_discount >= 1) AND (max_discount <= 1000000000))),
    CONSTRAINT promos_max_uses_check CHECK ((max_uses > 0)),
    CONSTRAINT promos_max_uses_per_user_check CHECK ((max_uses_per_user > 0)),
    CONSTRAINT promos_minimum_spend_check CHECK (((minimum_spend >= 0) AND (minimum_spend <= 1000000000))),
    CONSTRAINT promos_organizer_ids_check CHECK ((cardinality(organizer_ids) > 0)),
    CONSTRAINT promos_percent_check CHECK (((percent >= 1) AND (percent <= 100))),
    CONSTRAINT promos_spent_check CHECK ((spent >= 0)),
    CONSTRAINT promos_uses_check CHECK ((uses >= 0))
)
WITH (fillfactor='70');

CREATE TABLE public.queue_pass_orders (
    pass_id uuid NOT NULL,
    order_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.reconcile_runs (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    thorough boolean NOT NULL,
    requested_by uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    totals jsonb DEFAULT '{}'::jsonb NOT NULL,
    correlation_id text DEFAULT ''::text NOT NULL,
    CONSTRAINT reconcile_runs_check CHECK (((finished_at IS NULL) OR (started_at IS NOT NULL)))
);

CREATE TABLE public.recovery_codes (
    user_id uuid NOT NULL,
    code_hash text NOT NULL
);

CREATE TABLE public.refresh_tokens (
    token_hash text NOT NULL,
    family_id uuid NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    spent_at timestamp with time zone,
    ended_at timestamp with time zone,
    proven_at timestamp with time zone
);

CREATE TABLE public.refund_items (
    refund_id uuid NOT NULL,
    order_item_id uuid NOT NULL,
    amount bigint NOT NULL,
    is_rejected boolean DEFAULT false NOT NULL,
    CONSTRAINT refund_items_amount_check CHECK ((amount >= 0))
);

CREATE TABLE public.refunds (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    order_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    user_id uuid NOT NULL,
    kind text NOT NULL,
    amount bigint NOT NULL,
    reason text NOT NULL,
    status text NOT NULL,
    approved_by uuid,
    rejection_reason text,
    gateway_refund_id text,
    failure text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    method text,
    decided_at timestamp with time zone,
    sent_at timestamp with time zone,
    CONSTRAINT refunds_amount_check CHECK (((amount > 0) OR ((amount = 0) AND (kind = ANY (ARRAY['requested'::text, 'cancellation'::text]))))),
    CONSTRAINT refunds_kind_check CHECK ((kind = ANY (ARRAY['requested'::text, 'cancellation'::text, 'unusable_payment'::text, 'by_gateway'::text, 'review'::text]))),
    CONSTRAINT refunds_method_check CHECK ((method = ANY (ARRAY['gateway'::text, 'disbursement'::text]))),
    CONSTRAINT refunds_status_check CHECK ((status = ANY (ARRAY['requested'::text, 'approved'::text, 'rejected'::text, 'processing'::text, 'completed'::text, 'failed'::text])))
);

CREATE TABLE public.registrations (
    item_id uuid NOT NULL,
    order_id uuid NOT NULL,
    tier_id uuid NOT NULL,
    identity_index text NOT NULL,
    identity_sealed text NOT NULL,
    identity_ending text NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    event_identity_index text,
    CONSTRAINT registrations_identity_ending_check CHECK ((length(identity_ending) = 4)),
    CONSTRAINT registrations_identity_index_check CHECK ((identity_index ~ '^[0-9a-f]{64}$'::text))
);

CREATE TABLE public.reserve_load (
    instance_id uuid NOT NULL,
    requests integer NOT NULL,
    failures integer NOT NULL,
    milliseconds integer NOT NULL,
    measured_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.scans (
    id uuid NOT NULL,
    kind text NOT NULL,
    event_id uuid NOT NULL,
    ticket_id uuid,
    order_id uuid,
    staff_id uuid NOT NULL,
    gate text,
    code_hash bytea NOT NULL,
    direction text NOT NULL,
    result text NOT NULL,
    is_reentry boolean NOT NULL,
    is_replaced boolean NOT NULL,
    is_offline boolean NOT NULL,
    is_admitted boolean NOT NULL,
    scanned_at timestamp with time zone NOT NULL,
    judged_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    used_gate text,
    used_by uuid,
    gates_open_at timestamp with time zone,
    gates_close_at timestamp with time zone,
    undone_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT scans_admitted CHECK ((is_offline OR (is_admitted = ((result = 'valid'::text) OR (result = 'exited'::text))))),
    CONSTRAINT scans_code_hash_check CHECK ((octet_length(code_hash) = 32)),
    CONSTRAINT scans_direction_check CHECK ((direction = ANY (ARRAY['in'::text, 'out'::text]))),
    CONSTRAINT scans_kind_check CHECK ((kind = ANY (ARRAY['ticket'::text, 'pickup'::text]))),
    CONSTRAINT scans_result_check CHECK ((result = ANY (ARRAY['valid'::text, 'already_used'::text, 'wrong_event'::text, 'refunded'::text, 'forged'::text, 'not_open'::text, 'wrong_gate'::text, 'exited'::text, 'not_inside'::text, 'unknown'::text])))
);

CREATE TABLE public.second_factors (
    user_id uuid NOT NULL,
    secret_sealed text NOT NULL,
    last_step bigint NOT NULL,
    enrolled_at timestamp with time zone DEFAULT now() NOT NULL,
    reset_due_at timestamp with time zone
);

CREATE TABLE public.settlement_batches (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    gateway text NOT NULL,
    report text NOT NULL,
    file_hash text NOT NULL,
    rows_read integer NOT NULL,
    lines_known integer NOT NULL,
    amounts_rounded integer NOT NULL,
    rows_left_out jsonb NOT NULL,
    columns_ignored jsonb NOT NULL,
    imported_by uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT settlement_batches_amounts_rounded_check CHECK ((amounts_rounded >= 0)),
    CONSTRAINT settlement_batches_file_hash_check CHECK ((file_hash ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT settlement_batches_gateway_check CHECK ((gateway = ANY (ARRAY['xendit'::text, 'midtrans'::text]))),
    CONSTRAINT settlement_batches_lines_known_check CHECK ((lines_known >= 0)),
    CONSTRAINT settlement_batches_rows_read_check CHECK ((rows_read >= 0))
);

CREATE TABLE public.settlement_differences (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    kind text NOT NULL,
    subject_key text NOT NULL,
    gateway text NOT NULL,
    expected bigint NOT NULL,
    found bigint NOT NULL,
    reference text NOT NULL,
    batch_id uuid,
    line_id uuid,
    payment_id uuid,
    expected_arrival_id uuid,
    arrival_id uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT settlement_differences_gateway_check CHECK ((gateway = ANY (ARRAY['xendit'::text, 'midtrans'::text]))),
    CONSTRAINT settlement_differences_kind_check CHECK ((kind = ANY (ARRAY['payment_unknown'::text, 'movement_unknown'::text, 'gross_differs'::text, 'settled_twice'::text, 'line_changed'::text, 'net_differs'::text, 'adjustment'::text, 'fees_differ'::text, 'payment_missing'::text, 'report_missing'::text, 'arrival_differs'::text, 'arrival_unknown'::text, 'arrival_missing'::text])))
);

CREATE TABLE public.settlement_lines (
    id uuid NOT NULL,
    batch_id uuid NOT NULL,
    gateway text NOT NULL,
    line_key text NOT NULL,
    row_number integer NOT NULL,
    kind text NOT NULL,
    reference text NOT NULL,
    channel text NOT NULL,
    gross bigint NOT NULL,
    fee bigint NOT NULL,
    tax bigint NOT NULL,
    net bigint NOT NULL,
    expected_deduction bigint,
    settled_at timestamp with time zone NOT NULL,
    payment_id uuid,
    transfer_id uuid,
    CONSTRAINT settlement_lines_gateway_check CHECK ((gateway = ANY (ARRAY['xendit'::text, 'midtrans'::text]))),
    CONSTRAINT settlement_lines_kind_check CHECK ((kind = ANY (ARRAY['payment'::text, 'refund'::text, 'transfer'::text, 'reversal'::text, 'chargeback'::text, 'withdrawal'::text, 'adjustment'::text]))),
    CONSTRAINT settlement_lines_net CHECK ((net = ((gross - fee) - tax))),
    CONSTRAINT settlement_lines_row_number_check CHECK ((row_number > 0))
);

CREATE TABLE public.sign_in_codes (
    address_key text NOT NULL,
    code_hash text NOT NULL,
    tries_left integer NOT NULL,
    tries_elsewhere integer NOT NULL,
    asked_from text NOT NULL,
    accepts_terms boolean DEFAULT false NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT sign_in_codes_tries_elsewhere_check CHECK ((tries_elsewhere >= 0)),
    CONSTRAINT sign_in_codes_tries_left_check CHECK ((tries_left >= 0))
);

CREATE TABLE public.staff_invitations (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    organizer_id uuid NOT NULL,
    email text NOT NULL,
    full_name text NOT NULL,
    event_ids uuid[] NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT staff_invitations_email_check CHECK (((email = lower(email)) AND (length(email) <= 255))),
    CONSTRAINT staff_invitations_full_name_check CHECK (((length(full_name) >= 1) AND (length(full_name) <= 255)))
);

CREATE TABLE public.stale_objects (
    id bigint NOT NULL,
    bucket text NOT NULL,
    prefix text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT stale_objects_prefix_check CHECK ((length(prefix) >= 8))
);

ALTER TABLE public.stale_objects ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.stale_objects_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.ticket_tiers (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    event_id uuid NOT NULL,
    organizer_id uuid NOT NULL,
    kind text DEFAULT 'ticket'::text NOT NULL,
    name text NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    price bigint NOT NULL,
    early_bird_price bigint,
    early_bird_start timestamp with time zone,
    early_bird_end timestamp with time zone,
    sale_start timestamp with time zone,
    sale_end timestamp with time zone,
    event_ends_at timestamp with time zone NOT NULL,
    is_on_sale boolean DEFAULT false NOT NULL,
    max_per_order integer DEFAULT 5 NOT NULL,
    requires_identity boolean DEFAULT false NOT NULL,
    quota integer NOT NULL,
    reserved integer DEFAULT 0 NOT NULL,
    sold integer DEFAULT 0 NOT NULL,
    "position" integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    units integer,
    refundable_after_reveal boolean DEFAULT false NOT NULL,
    code text DEFAULT public.new_tier_code(),
    CONSTRAINT digital_tiers_have_units CHECK (((kind = 'digital'::text) = (units IS NOT NULL))),
    CONSTRAINT no_overselling CHECK (((reserved + sold) <= LEAST(quota, units))),
    CONSTRAINT ticket_tiers_code_check CHECK (((code IS NOT NULL) AND (code ~ '^[A-Z0-9][A-Z0-9-]{2,15}$'::text))),
    CONSTRAINT ticket_tiers_early_bird_price_check CHECK (((early_bird_price >= 0) AND (early_bird_price <= 1000000000))),
    CONSTRAINT ticket_tiers_kind_check CHECK ((kind = ANY (ARRAY['ticket'::text, 'registration'::text, 'product'::text, 'digital'::text]))),
    CONSTRAINT ticket_tiers_max_per_order_check CHECK (((max_per_order >= 1) AND (max_per_order <= 100))),
    CONSTRAINT ticket_tiers_name_check CHECK (((length(name) >= 1) AND (length(name) <= 100))),
    CONSTRAINT ticket_tiers_price_check CHECK (((price >= 0) AND (price <= 1000000000))),
    CONSTRAINT ticket_tiers_quota_check CHECK ((quota > 0)),
    CONSTRAINT ticket_tiers_reserved_check CHECK ((reserved >= 0)),
    CONSTRAINT ticket_tiers_sold_check CHECK ((sold >= 0)),
    CONSTRAINT ticket_tiers_units_check CHECK ((units >= 0)),
    CONSTRAINT valid_early_bird CHECK (((early_bird_price IS NULL) OR (early_bird_end IS NOT NULL))),
    CONSTRAINT valid_sale_window CHECK (((sale_end IS NULL) OR (sale_start IS NULL) OR (sale_end > sale_start)))
)
WITH (fillfactor='70');

CREATE TABLE public.tickets (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    order_id uuid NOT NULL,
    order_item_id uuid NOT NULL,
    event_id uuid NOT NULL,
    status text DEFAULT 'issued'::text NOT NULL,
    pdf_object text,
    validated_at timestamp with time zone,
    validated_by uuid,
    gate text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    print_claimed_until timestamp with time zone,
    revision integer DEFAULT 1 NOT NULL,
    exited_at timestamp with time zone,
    qr_issued_at timestamp with time zone,
    qr_hash bytea,
    replaced_qr_hashes bytea DEFAULT '\x'::bytea NOT NULL,
    changed_in xid8 DEFAULT pg_current_xact_id() NOT NULL,
    CONSTRAINT tickets_exited CHECK (((exited_at IS NULL) OR (status <> 'issued'::text))),
    CONSTRAINT tickets_qr CHECK (((qr_issued_at IS NULL) = (qr_hash IS NULL))),
    CONSTRAINT tickets_qr_hash_check CHECK ((octet_length(qr_hash) = 6)),
    CONSTRAINT tickets_replaced_qr_hashes_check CHECK ((mod(octet_length(replaced_qr_hashes), 6) = 0)),
    CONSTRAINT tickets_revision_check CHECK (((revision >= 1) AND (revision <= 65535))),
    CONSTRAINT tickets_status_check CHECK ((status = ANY (ARRAY['issued'::text, 'used'::text, 'void'::text]))),
    CONSTRAINT tickets_used CHECK (((status <> 'used'::text) OR (validated_at IS NOT NULL)))
);

CREATE TABLE public.tier_buyers (
    tier_id uuid NOT NULL,
    person_id uuid NOT NULL,
    units integer NOT NULL,
    max_units integer,
    CONSTRAINT max_tier_units_per_person CHECK ((units <= max_units)),
    CONSTRAINT tier_buyers_units_check CHECK ((units >= 0))
)
WITH (fillfactor='70');

CREATE TABLE public.used_id_tokens (
    token_hash text NOT NULL,
    expires_at timestamp with time zone NOT NULL
);

CREATE TABLE public.users (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    email text NOT NULL,
    password_hash text,
    full_name text NOT NULL,
    phone text,
    role text NOT NULL,
    organizer_id uuid,
    is_email_verified boolean DEFAULT false NOT NULL,
    oauth_provider text,
    oauth_id text,
    terms_version text,
    terms_accepted_at timestamp with time zone,
    language text DEFAULT 'id'::text NOT NULL,
    is_deleted boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    marketing_opt_in boolean DEFAULT false NOT NULL,
    marketing_changed_at timestamp with time zone,
    deleted_at timestamp with time zone,
    photo_object text,
    person_id uuid DEFAULT gen_random_uuid() NOT NULL,
    legal_name text,
    payee_name text,
    sale_notices text DEFAULT 'first_sales'::text NOT NULL,
    sessions_ended_at timestamp with time zone,
    CONSTRAINT users_accepted_terms CHECK ((((terms_version IS NULL) = (terms_accepted_at IS NULL)) AND ((terms_version IS NOT NULL) OR (role = 'staff'::text)))),
    CONSTRAINT users_email_check CHECK (((email = lower(email)) AND (length(email) <= 255))),
    CONSTRAINT users_full_name_check CHECK (((length(full_name) >= 1) AND (length(full_name) <= 255))),
    CONSTRAINT users_language_check CHECK ((language = ANY (ARRAY['id'::text, 'en'::text]))),
    CONSTRAINT users_legal_name_check CHECK (((length(legal_name) >= 1) AND (length(legal_name) <= 255))),
    CONSTRAINT users_payee_name_check CHECK (((length(payee_name) >= 1) AND (length(payee_name) <= 255))),
    CONSTRAINT users_phone_check CHECK ((length(phone) <= 20)),
    CONSTRAINT users_role_check CHECK ((role = ANY (ARRAY['customer'::text, 'organizer'::text, 'staff'::text, 'admin'::text]))),
    CONSTRAINT users_sale_notices_check CHECK ((sale_notices = ANY (ARRAY['first_sales'::text, 'digest'::text, 'off'::text]))),
    CONSTRAINT users_staff_has_organizer CHECK (((role = 'staff'::text) = (organizer_id IS NOT NULL)))
);

COMMENT ON COLUMN public.users.sessions_ended_at IS 'when all sessions were ended last: the chats of an account end too';

CREATE TABLE public.waiting_room_calls (
    room_id uuid NOT NULL,
    serving_number integer NOT NULL,
    called_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT waiting_room_calls_serving_number_check CHECK ((serving_number > 0))
);

CREATE TABLE public.waiting_room_places (
    room_id uuid NOT NULL,
    person_id uuid NOT NULL,
    user_id uuid NOT NULL,
    number integer NOT NULL,
    joined_at timestamp with time zone DEFAULT now() NOT NULL,
    pass_id uuid,
    entered_at timestamp with time zone,
    pass_expires_at timestamp with time zone,
    CONSTRAINT waiting_room_places_entered CHECK ((((pass_id IS NULL) = (entered_at IS NULL)) AND ((pass_id IS NULL) = (pass_expires_at IS NULL)))),
    CONSTRAINT waiting_room_places_number_check CHECK ((number > 0))
);

CREATE TABLE public.waiting_rooms (
    id uuid NOT NULL,
    event_id uuid NOT NULL,
    phase text DEFAULT 'not_open'::text NOT NULL,
    joined integer DEFAULT 0 NOT NULL,
    serving_number integer DEFAULT 0 NOT NULL,
    call_credit real DEFAULT 0 NOT NULL,
    calls_per_minute integer NOT NULL,
    calls_lately integer,
    revision bigint DEFAULT 0 NOT NULL,
    ticked_at timestamp with time zone DEFAULT now() NOT NULL,
    key_version text NOT NULL,
    commitment text NOT NULL,
    draw_key text,
    draw_size integer,
    drawn_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    closed_at timestamp with time zone,
    CONSTRAINT waiting_rooms_called CHECK (((serving_number >= 0) AND (serving_number <= joined))),
    CONSTRAINT waiting_rooms_called_after_draw CHECK (((serving_number = 0) OR (drawn_at IS NOT NULL))),
    CONSTRAINT waiting_rooms_calls_per_minute_check CHECK ((calls_per_minute > 0)),
    CONSTRAINT waiting_rooms_drawn CHECK ((((drawn_at IS NULL) = (draw_key IS NULL)) AND ((drawn_at IS NULL) = (draw_size IS NULL)) AND (draw_size <= joined))),
    CONSTRAINT waiting_rooms_phase_check CHECK ((phase = ANY (ARRAY['not_open'::text, 'gathering'::text, 'serving'::text, 'all_held'::text, 'paused'::text, 'sold_out'::text, 'ended'::text, 'cancelled'::text, 'lifted'::text])))
);

CREATE TABLE public.webhook_events (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    gateway text NOT NULL,
    webhook_id text NOT NULL,
    event_type text NOT NULL,
    payment_id uuid,
    payload jsonb NOT NULL,
    outcome text,
    processed boolean DEFAULT false NOT NULL,
    retry_count integer DEFAULT 0 NOT NULL,
    error_message text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    processed_at timestamp with time zone,
    refund_id uuid,
    disbursement_id uuid,
    gateway_reference text
);

ALTER TABLE ONLY public.address_claims
    ADD CONSTRAINT address_claims_pkey PRIMARY KEY (address_key);

ALTER TABLE ONLY public.approvals
    ADD CONSTRAINT approvals_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.bank_accounts
    ADD CONSTRAINT bank_accounts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.bank_arrivals
    ADD CONSTRAINT bank_arrivals_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.bib_counters
    ADD CONSTRAINT bib_counters_pkey PRIMARY KEY (tier_id);

ALTER TABLE ONLY public.bib_numbers
    ADD CONSTRAINT bib_numbers_pkey PRIMARY KEY (tier_id, number);

ALTER TABLE ONLY public.chat_consents
    ADD CONSTRAINT chat_consents_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.chat_email_codes
    ADD CONSTRAINT chat_email_codes_pkey PRIMARY KEY (sender_id);

ALTER TABLE ONLY public.chat_messages
    ADD CONSTRAINT chat_messages_dedupe_key_key UNIQUE (dedupe_key);

ALTER TABLE ONLY public.chat_messages
    ADD CONSTRAINT chat_messages_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.chat_notices
    ADD CONSTRAINT chat_notices_dedupe_key_key UNIQUE (dedupe_key);

ALTER TABLE ONLY public.chat_notices
    ADD CONSTRAINT chat_notices_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.chat_orders
    ADD CONSTRAINT chat_orders_pkey PRIMARY KEY (order_id);

ALTER TABLE ONLY public.chat_senders
    ADD CONSTRAINT chat_senders_messenger_id_key UNIQUE (messenger_id);

ALTER TABLE ONLY public.chat_senders
    ADD CONSTRAINT chat_senders_order_id_key UNIQUE (order_id);

ALTER TABLE ONLY public.chat_senders
    ADD CONSTRAINT chat_senders_phone_key UNIQUE (phone);

ALTER TABLE ONLY public.chat_senders
    ADD CONSTRAINT chat_senders_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.chat_templates
    ADD CONSTRAINT chat_templates_pkey PRIMARY KEY (name, language);

ALTER TABLE ONLY public.chat_updates
    ADD CONSTRAINT chat_updates_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.chat_updates
    ADD CONSTRAINT chat_updates_update_key_key UNIQUE (update_key);

ALTER TABLE ONLY public.chat_usage
    ADD CONSTRAINT chat_usage_pkey PRIMARY KEY (day, part);

ALTER TABLE ONLY public.cookie_consents
    ADD CONSTRAINT cookie_consents_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.daily_platform_books
    ADD CONSTRAINT daily_platform_books_pkey PRIMARY KEY (day);

ALTER TABLE ONLY public.daily_platform_sales
    ADD CONSTRAINT daily_platform_sales_pkey PRIMARY KEY (day, method, gateway);

ALTER TABLE ONLY public.dead_letters
    ADD CONSTRAINT dead_letters_once UNIQUE (message_id);

ALTER TABLE ONLY public.dead_letters
    ADD CONSTRAINT dead_letters_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.digest_sales
    ADD CONSTRAINT digest_sales_pkey PRIMARY KEY (order_id);

ALTER TABLE ONLY public.digital_units
    ADD CONSTRAINT digital_units_once UNIQUE (secret_index);

ALTER TABLE ONLY public.digital_units
    ADD CONSTRAINT digital_units_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.disbursements
    ADD CONSTRAINT disbursements_payout_attempt UNIQUE (payout_id, attempt);

ALTER TABLE ONLY public.disbursements
    ADD CONSTRAINT disbursements_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.disbursements
    ADD CONSTRAINT disbursements_refund_attempt UNIQUE (refund_id, attempt);

ALTER TABLE ONLY public.emails
    ADD CONSTRAINT emails_once UNIQUE (once_key);

ALTER TABLE ONLY public.emails
    ADD CONSTRAINT emails_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.event_buyers
    ADD CONSTRAINT event_buyers_pkey PRIMARY KEY (event_id, person_id);

ALTER TABLE ONLY public.event_cancellations
    ADD CONSTRAINT event_cancellations_pkey PRIMARY KEY (event_id);

ALTER TABLE ONLY public.event_changes
    ADD CONSTRAINT event_changes_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.event_prices
    ADD CONSTRAINT event_prices_pkey PRIMARY KEY (event_id, starts_at) INCLUDE (ends_at, price);

ALTER TABLE ONLY public.event_reminders
    ADD CONSTRAINT event_reminders_pkey PRIMARY KEY (event_id, starts_on);

ALTER TABLE ONLY public.event_staff
    ADD CONSTRAINT event_staff_pkey PRIMARY KEY (event_id, user_id);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_slug UNIQUE (slug);

ALTER TABLE ONLY public.expected_arrivals
    ADD CONSTRAINT expected_arrivals_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.gateway_circuits
    ADD CONSTRAINT gateway_circuits_pkey PRIMARY KEY (gateway, api);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (caller, key);

ALTER TABLE ONLY public.ledger_entries
    ADD CONSTRAINT ledger_entries_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.ledger_postings
    ADD CONSTRAINT ledger_postings_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.login_attempts
    ADD CONSTRAINT login_attempts_pkey PRIMARY KEY (address_key);

ALTER TABLE ONLY public.mail_events
    ADD CONSTRAINT mail_events_pkey PRIMARY KEY (event_id);

ALTER TABLE ONLY public.mail_quotas
    ADD CONSTRAINT mail_quotas_pkey PRIMARY KEY (subject, day);

ALTER TABLE ONLY public.mail_suppressions
    ADD CONSTRAINT mail_suppressions_pkey PRIMARY KEY (address_key);

ALTER TABLE ONLY public.manual_tasks
    ADD CONSTRAINT manual_tasks_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.expected_arrivals
    ADD CONSTRAINT one_arrival_per_withdrawal UNIQUE (line_id);

ALTER TABLE ONLY public.bank_arrivals
    ADD CONSTRAINT one_bank_arrival UNIQUE (gateway, arrived_on, amount, reference, occurrence);

ALTER TABLE ONLY public.settlement_batches
    ADD CONSTRAINT one_batch_per_file UNIQUE (file_hash);

ALTER TABLE ONLY public.bib_numbers
    ADD CONSTRAINT one_bib_per_item UNIQUE (item_id);

ALTER TABLE ONLY public.settlement_lines
    ADD CONSTRAINT one_line_per_key UNIQUE (gateway, line_key);

ALTER TABLE ONLY public.arrival_matches
    ADD CONSTRAINT one_match_per_expected_arrival PRIMARY KEY (expected_id);

ALTER TABLE ONLY public.queue_pass_orders
    ADD CONSTRAINT one_order_per_queue_pass PRIMARY KEY (pass_id);

ALTER TABLE ONLY public.settlement_differences
    ADD CONSTRAINT one_settlement_difference UNIQUE (kind, subject_key);

ALTER TABLE ONLY public.tickets
    ADD CONSTRAINT one_ticket_per_item UNIQUE (order_item_id);

ALTER TABLE ONLY public.one_time_codes
    ADD CONSTRAINT one_time_codes_pkey PRIMARY KEY (user_id, purpose);

ALTER TABLE ONLY public.digital_units
    ADD CONSTRAINT one_unit_per_item UNIQUE (item_id);

ALTER TABLE ONLY public.order_items
    ADD CONSTRAINT order_items_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.order_items
    ADD CONSTRAINT order_items_position UNIQUE (order_id, "position");

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_attempt UNIQUE (order_id, attempt);

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.payouts
    ADD CONSTRAINT payouts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.pickups
    ADD CONSTRAINT pickups_code UNIQUE (event_id, code);

ALTER TABLE ONLY public.pickups
    ADD CONSTRAINT pickups_pkey PRIMARY KEY (order_id);

ALTER TABLE ONLY public.ledger_postings
    ADD CONSTRAINT posted_once UNIQUE (kind, reference_id);

ALTER TABLE ONLY public.promo_users
    ADD CONSTRAINT promo_users_pkey PRIMARY KEY (promo_id, user_id);

ALTER TABLE ONLY public.promos
    ADD CONSTRAINT promos_code UNIQUE NULLS NOT DISTINCT (organizer_id, code);

ALTER TABLE ONLY public.promos
    ADD CONSTRAINT promos_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.queue_pass_orders
    ADD CONSTRAINT queue_pass_orders_order_id_key UNIQUE (order_id);

ALTER TABLE ONLY public.reconcile_runs
    ADD CONSTRAINT reconcile_runs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.recovery_codes
    ADD CONSTRAINT recovery_codes_pkey PRIMARY KEY (user_id, code_hash);

ALTER TABLE ONLY public.refresh_tokens
    ADD CONSTRAINT refresh_tokens_pkey PRIMARY KEY (token_hash);

ALTER TABLE ONLY public.refund_items
    ADD CONSTRAINT refund_items_pkey PRIMARY KEY (refund_id, order_item_id);

ALTER TABLE ONLY public.refunds
    ADD CONSTRAINT refunds_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.registrations
    ADD CONSTRAINT registrations_pkey PRIMARY KEY (item_id);

ALTER TABLE ONLY public.reserve_load
    ADD CONSTRAINT reserve_load_pkey PRIMARY KEY (instance_id);

ALTER TABLE ONLY public.scans
    ADD CONSTRAINT scans_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.second_factors
    ADD CONSTRAINT second_factors_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY public.settlement_batches
    ADD CONSTRAINT settlement_batches_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.settlement_differences
    ADD CONSTRAINT settlement_differences_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.settlement_lines
    ADD CONSTRAINT settlement_lines_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.sign_in_codes
    ADD CONSTRAINT sign_in_codes_pkey PRIMARY KEY (address_key);

ALTER TABLE ONLY public.staff_invitations
    ADD CONSTRAINT staff_invitations_once UNIQUE (organizer_id, email);

ALTER TABLE ONLY public.staff_invitations
    ADD CONSTRAINT staff_invitations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.stale_objects
    ADD CONSTRAINT stale_objects_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.ticket_tiers
    ADD CONSTRAINT ticket_tiers_code UNIQUE (code);

ALTER TABLE ONLY public.ticket_tiers
    ADD CONSTRAINT ticket_tiers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.tickets
    ADD CONSTRAINT tickets_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.tier_buyers
    ADD CONSTRAINT tier_buyers_pkey PRIMARY KEY (tier_id, person_id);

ALTER TABLE ONLY public.used_id_tokens
    ADD CONSTRAINT used_id_tokens_pkey PRIMARY KEY (token_hash);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.waiting_room_calls
    ADD CONSTRAINT waiting_room_calls_pkey PRIMARY KEY (room_id, serving_number);

ALTER TABLE ONLY public.waiting_room_places
    ADD CONSTRAINT waiting_room_places_pass_id_key UNIQUE (pass_id);

ALTER TABLE ONLY public.waiting_room_places
    ADD CONSTRAINT waiting_room_places_pkey PRIMARY KEY (room_id, person_id);

ALTER TABLE ONLY public.waiting_room_places
    ADD CONSTRAINT waiting_room_places_room_id_number_key UNIQUE (room_id, number);

ALTER TABLE ONLY public.waiting_rooms
    ADD CONSTRAINT waiting_rooms_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.webhook_events
    ADD CONSTRAINT webhook_events_once UNIQUE (gateway, webhook_id);

ALTER TABLE ONLY public.webhook_events
    ADD CONSTRAINT webhook_events_pkey PRIMARY KEY (id);

CREATE INDEX arrival_matches_arrival ON public.arrival_matches USING btree (arrival_id);

CREATE INDEX audit_log_action ON public.audit_log USING btree (action, at);

CREATE INDEX audit_log_actor ON public.audit_log USING btree (actor_id, at) WHERE (actor_id IS NOT NULL);

CREATE INDEX audit_log_subject ON public.audit_log USING btree (subject, subject_id, at);

CREATE INDEX bank_accounts_checking ON public.bank_accounts USING btree (created_at) WHERE ((status = 'checking'::text) AND (replaced_at IS NULL));

CREATE INDEX bank_arrivals_age ON public.bank_arrivals USING btree (arrived_on);

CREATE INDEX chat_consents_sender ON public.chat_consents USING btree (sender_id);

CREATE INDEX chat_email_codes_expiry ON public.chat_email_codes USING btree (expires_at);

CREATE INDEX chat_messages_age ON public.chat_messages USING btree (created_at);

CREATE INDEX chat_messages_provider ON public.chat_messages USING btree (provider_message_id) WHERE (provider_message_id IS NOT NULL);

CREATE INDEX chat_messages_queued ON public.chat_messages USING btree (sender_id, number) WHERE (status = 'queued'::text);

CREATE INDEX chat_messages_sender ON public.chat_messages USING btree (sender_id, created_at);

CREATE INDEX chat_notices_age ON public.chat_notices USING btree (created_at);

CREATE INDEX chat_notices_order ON public.chat_notices USING btree (order_id);

CREATE INDEX chat_orders_sender ON public.chat_orders USING btree (sender_id);

CREATE INDEX chat_senders_age ON public.chat_senders USING btree (COALESCE(last_message_at, created_at));

CREATE INDEX chat_senders_pending ON public.chat_senders USING btree (id) WHERE (pending_action IS NOT NULL);

CREATE INDEX chat_senders_user ON public.chat_senders USING btree (user_id) WHERE (user_id IS NOT NULL);

CREATE INDEX chat_updates_age ON public.chat_updates USING btree (created_at);

CREATE INDEX chat_updates_sender ON public.chat_updates USING btree (sender_id, created_at);

CREATE INDEX chat_updates_waiting ON public.chat_updates USING btree (sender_id, id) WHERE (processed_at IS NULL);

CREATE INDEX cookie_consents_nameless ON public.cookie_consents USING btree (chosen_at) WHERE (user_id IS NULL);

CREATE INDEX cookie_consents_user ON public.cookie_consents USING btree (user_id) WHERE (user_id IS NOT NULL);

CREATE INDEX daily_figures_day ON public.daily_figures USING btree (day);

CREATE INDEX daily_figures_event ON public.daily_figures USING btree (event_id, day);

CREATE INDEX daily_figures_movements ON public.daily_figures USING btree (created_at) WHERE (NOT is_sum);

CREATE INDEX daily_payments_event ON public.daily_payments USING btree (event_id, day);

CREATE INDEX daily_payments_movements ON public.daily_payments USING btree (created_at) WHERE (NOT is_sum);

CREATE INDEX dead_letters_open ON public.dead_letters USING btree (created_at) WHERE (decision IS NULL);

CREATE INDEX digest_sales_told ON public.digest_sales USING btree (told_at) WHERE (told_at IS NOT NULL);

CREATE INDEX digest_sales_untold ON public.digest_sales USING btree (organizer_id) WHERE (told_at IS NULL);

CREATE INDEX digital_units_free ON public.digital_units USING btree (tier_id, created_at, id) WHERE (item_id IS NULL);

CREATE UNIQUE INDEX disbursements_gateway_reference ON public.disbursements USING btree (gateway_reference) WHERE (gateway_reference IS NOT NULL);

CREATE INDEX disbursements_open ON public.disbursements USING btree (updated_at) WHERE (status = 'sending'::text);

CREATE INDEX emails_context ON public.emails USING btree (created_at) WHERE (context <> '{}'::jsonb);

CREATE INDEX emails_farewell ON public.emails USING btree (created_at) WHERE ((template = 'account_deleted'::text) AND (to_address <> ''::text));

CREATE INDEX emails_order ON public.emails USING btree (order_id) WHERE (order_id IS NOT NULL);

CREATE INDEX emails_provider ON public.emails USING btree (provider_message_id) WHERE (provider_message_id IS NOT NULL);

CREATE INDEX emails_queued ON public.emails USING btree (created_at) WHERE (status = 'queued'::text);

CREATE INDEX emails_to ON public.emails USING btree (to_address);

CREATE INDEX emails_undelivered ON public.emails USING btree (created_at) WHERE (status = ANY (ARRAY['failed'::text, 'bounced'::text, 'dropped'::text, 'spam_reported'::text]));

CREATE INDEX emails_unproved ON public.emails USING btree (created_at) WHERE ((template = ANY (ARRAY['verify_email'::text, 'reset_password'::text, 'sign_in'::text, 'link_chat'::text, 'staff_invitation'::text])) AND (to_address <> ''::text));

CREATE INDEX event_cancellations_open ON public.event_cancellations USING btree (updated_at) WHERE (finished_at IS NULL);

CREATE INDEX event_changes_event ON public.event_changes USING btree (event_id, changed_at);

CREATE INDEX event_changes_open ON public.event_changes USING btree (due_at) WHERE (finished_at IS NULL);

CREATE INDEX event_prices_price ON public.event_prices USING btree (price, start_date, event_id) INCLUDE (starts_at, ends_at);

CREATE INDEX event_staff_user ON public.event_staff USING btree (user_id);

CREATE INDEX events_category ON public.events USING btree (category, start_date, id) INCLUDE (end_date) WHERE (status = 'published'::text);

CREATE INDEX events_category_compact ON public.events USING btree (category_compact, start_date, id) INCLUDE (end_date) WHERE (status = 'published'::text);

CREATE INDEX events_ending ON public.events USING btree (end_date, last_day, first_day) WHERE (status = 'published'::text);

CREATE INDEX events_location_compact ON public.events USING btree (location_compact, start_date, id) INCLUDE (end_date) WHERE (status = 'published'::text);

CREATE INDEX events_organizer ON public.events USING btree (organizer_id, start_date);

CREATE INDEX events_place ON public.events USING gin (place public.gin_trgm_ops) WHERE (status = 'published'::text);

CREATE INDEX events_place_compact ON public.events USING gin (place_compact public.gin_trgm_ops) WHERE (status = 'published'::text);

CREATE INDEX events_search ON public.events USING gin (search) WHERE (status = 'published'::text);

CREATE INDEX events_search_folded ON public.events USING gin (search_folded) WHERE (status = 'published'::text);

CREATE INDEX events_synthetic ON public.events USING btree (id) WHERE is_synthetic;

CREATE INDEX events_unpublished_search ON public.events USING gin (search_folded) WHERE (status <> 'published'::text);

CREATE INDEX events_upcoming ON public.events USING btree (start_date, id) INCLUDE (end_date) WHERE (status = 'published'::text);

CREATE INDEX expected_arrivals_sent ON public.expected_arrivals USING btree (gateway, sent_on);

CREATE INDEX idempotency_keys_age ON public.idempotency_keys USING btree (created_at);

CREATE UNIQUE INDEX item_refunded_once ON public.refund_items USING btree (order_item_id) WHERE (NOT is_rejected);

CREATE INDEX ledger_entries_account ON public.ledger_entries USING btree (account);

CREATE INDEX ledger_entries_posting ON public.ledger_entries USING btree (posting_id);

CREATE INDEX ledger_postings_age ON public.ledger_postings USING btree (created_at);

CREATE INDEX ledger_postings_event ON public.ledger_postings USING btree (event_id);

CREATE INDEX ledger_postings_order ON public.ledger_postings USING btree (order_id);

CREATE INDEX login_attempts_age ON public.login_attempts USING btree (next_try_at);

CREATE INDEX mail_events_age ON public.mail_events USING btree (created_at);

CREATE INDEX mail_quotas_age ON public.mail_quotas USING btree (created_at);

CREATE INDEX mail_suppressions_age ON public.mail_suppressions USING btree (created_at) WHERE (lifted_at IS NULL);

CREATE INDEX manual_tasks_subject ON public.manual_tasks USING btree (subject_id);

CREATE UNIQUE INDEX one_arrival_per_day ON public.expected_arrivals USING btree (batch_id, sent_on) WHERE (line_id IS NULL);

CREATE UNIQUE INDEX one_bank_account ON public.bank_accounts USING btree (user_id) WHERE (replaced_at IS NULL);

CREATE UNIQUE INDEX one_live_reservation ON public.orders USING btree (user_id, event_id) WHERE (status = ANY (ARRAY['reserved'::text, 'pending_payment'::text]));

CREATE UNIQUE INDEX one_open_approval ON public.approvals USING btree (action, subject_id) WHERE (decision IS NULL);

CREATE UNIQUE INDEX one_open_manual_task ON public.manual_tasks USING btree (kind, subject_id) WHERE (done_at IS NULL);

CREATE UNIQUE INDEX one_open_payment ON public.payments USING btree (order_id) WHERE (status = ANY (ARRAY['opening'::text, 'pending'::text]));

CREATE UNIQUE INDEX one_open_unique_amount ON public.payments USING btree (amount) WHERE ((unique_code IS NOT NULL) AND (status = ANY (ARRAY['opening'::text, 'pending'::text])));

CREATE UNIQUE INDEX one_payment_per_external_id ON public.payments USING btree (external_id) WHERE (duplicate_of IS NULL);

CREATE UNIQUE INDEX one_payout_per_event ON public.payouts USING btree (event_id) WHERE (NOT is_remainder);

CREATE UNIQUE INDEX one_registration ON public.registrations USING btree (tier_id, identity_index) WHERE is_active;

CREATE UNIQUE INDEX one_registration_per_event ON public.registrations USING btree (event_identity_index) WHERE (is_active AND (event_identity_index IS NOT NULL));

CREATE UNIQUE INDEX one_remainder_at_a_time ON public.payouts USING btree (organizer_id) WHERE (is_remainder AND (status = ANY (ARRAY['pending'::text, 'processing'::text, 'failed'::text])));

CREATE UNIQUE INDEX one_transfer_per_payout ON public.disbursements USING btree (payout_id) WHERE (status = ANY (ARRAY['sending'::text, 'succeeded'::text]));

CREATE UNIQUE INDEX one_transfer_per_refund ON public.disbursements USING btree (refund_id) WHERE (status = ANY (ARRAY['sending'::text, 'succeeded'::text]));

CREATE UNIQUE INDEX one_waiting_event_change ON public.event_changes USING btree (event_id) WHERE (started_at IS NULL);

CREATE UNIQUE INDEX one_waiting_reconcile_run ON public.reconcile_runs USING btree ((true)) WHERE (started_at IS NULL);

CREATE INDEX order_items_tier ON public.order_items USING btree (tier_id);

CREATE INDEX orders_due ON public.orders USING btree (reservation_expires_at) WHERE (status = ANY (ARRAY['reserved'::text, 'pending_payment'::text]));

CREATE INDEX orders_event_created ON public.orders USING btree (event_id, status, created_at, id);

CREATE INDEX orders_event_paid ON public.orders USING btree (event_id, id) WHERE (status = 'paid'::text);

CREATE UNIQUE INDEX orders_idempotency ON public.orders USING btree (user_id, idempotency_key) WHERE (idempotency_key IS NOT NULL);

CREATE INDEX orders_paid ON public.orders USING btree (paid_at) WHERE (status = 'paid'::text);

CREATE INDEX orders_promo_id ON public.orders USING btree (promo_id) WHERE (promo_id IS NOT NULL);

CREATE INDEX orders_unissued ON public.orders USING btree (paid_at) WHERE ((status = 'paid'::text) AND (tickets_issued_at IS NULL));

CREATE INDEX orders_user ON public.orders USING btree (user_id, created_at DESC);

CREATE INDEX outbox_published ON public.outbox USING btree (published_at) WHERE (published_at IS NOT NULL);

CREATE INDEX outbox_unpublished ON public.outbox USING btree (id) WHERE (published_at IS NULL);

CREATE INDEX payments_external_id ON public.payments USING btree (external_id);

CREATE INDEX payments_gateway_created ON public.payments USING btree (gateway, created_at);

CREATE UNIQUE INDEX payments_gateway_reference ON public.payments USING btree (gateway, gateway_reference) WHERE (gateway_reference IS NOT NULL);

CREATE INDEX payments_open ON public.payments USING btree (expires_at) WHERE (status = ANY (ARRAY['opening'::text, 'pending'::text]));

CREATE INDEX payments_to_end ON public.payments USING btree (updated_at) WHERE must_end_at_gateway;

CREATE INDEX payments_to_review ON public.payments USING btree (paid_at) WHERE ((received_amount <> amount) AND (review_decision IS NULL));

CREATE INDEX payments_transaction_id ON public.payments USING btree (transaction_id) WHERE (transaction_id IS NOT NULL);

CREATE INDEX payments_va_number ON public.payments USING btree (va_number) WHERE (va_number IS NOT NULL);

CREATE INDEX payouts_event ON public.payouts USING btree (event_id);

CREATE INDEX payouts_open ON public.payouts USING btree (updated_at) WHERE (status = ANY (ARRAY['pending'::text, 'processing'::text, 'failed'::text]));

CREATE INDEX payouts_organizer ON public.payouts USING btree (organizer_id, created_at);

CREATE INDEX pickups_code_first ON public.pickups USING btree (code);

CREATE INDEX promos_code_first ON public.promos USING btree (code);

CREATE INDEX promos_event ON public.promos USING btree (event_id);

CREATE INDEX queue_pass_orders_age ON public.queue_pass_orders USING btree (created_at);

CREATE INDEX reconcile_runs_age ON public.reconcile_runs USING btree (created_at);

CREATE INDEX refresh_tokens_expiry ON public.refresh_tokens USING btree (expires_at);

CREATE INDEX refresh_tokens_family ON public.refresh_tokens USING btree (family_id);

CREATE INDEX refresh_tokens_user ON public.refresh_tokens USING btree (user_id);

CREATE INDEX refunds_failed ON public.refunds USING btree (updated_at) WHERE (status = 'failed'::text);

CREATE INDEX refunds_gateway_refund_id ON public.refunds USING btree (gateway_refund_id) WHERE (gateway_refund_id IS NOT NULL);

CREATE INDEX refunds_open ON public.refunds USING btree (updated_at) WHERE (status = ANY (ARRAY['approved'::text, 'processing'::text]));

CREATE INDEX refunds_order ON public.refunds USING btree (order_id);

CREATE INDEX refunds_payment ON public.refunds USING btree (payment_id);

CREATE UNIQUE INDEX refunds_review ON public.refunds USING btree (payment_id) WHERE ((kind = 'review'::text) AND (status <> 'rejected'::text));

CREATE INDEX refunds_undecided ON public.refunds USING btree (order_id) WHERE (status = 'requested'::text);

CREATE UNIQUE INDEX refunds_unusable_payment ON public.refunds USING btree (payment_id) WHERE (kind = 'unusable_payment'::text);

CREATE INDEX refunds_user ON public.refunds USING btree (user_id, created_at);

CREATE INDEX registrations_order ON public.registrations USING btree (order_id);

CREATE INDEX registrations_over ON public.registrations USING btree (created_at) WHERE (NOT is_active);

CREATE INDEX reserve_load_age ON public.reserve_load USING btree (measured_at);

CREATE INDEX scans_age ON public.scans USING btree (created_at);

CREATE INDEX scans_double_entries ON public.scans USING btree (event_id, judged_at, id) WHERE (is_admitted AND (kind = 'ticket'::text) AND (direction = 'in'::text) AND (result <> 'valid'::text));

CREATE INDEX scans_ticket ON public.scans USING btree (ticket_id, judged_at);

CREATE INDEX second_factors_reset ON public.second_factors USING btree (reset_due_at) WHERE (reset_due_at IS NOT NULL);

CREATE INDEX settlement_batches_age ON public.settlement_batches USING btree (created_at);

CREATE INDEX settlement_differences_age ON public.settlement_differences USING btree (created_at);

CREATE INDEX settlement_differences_batch ON public.settlement_differences USING btree (batch_id) WHERE (batch_id IS NOT NULL);

CREATE INDEX settlement_lines_batch ON public.settlement_lines USING btree (batch_id, row_number);

CREATE INDEX settlement_lines_payment ON public.settlement_lines USING btree (payment_id) WHERE (payment_id IS NOT NULL);

CREATE INDEX settlement_lines_reference ON public.settlement_lines USING btree (gateway, reference);

CREATE INDEX settlement_lines_settled ON public.settlement_lines USING btree (gateway, settled_at);

CREATE INDEX sign_in_codes_expiry ON public.sign_in_codes USING btree (expires_at);

CREATE INDEX staff_invitations_email ON public.staff_invitations USING btree (email);

CREATE INDEX stale_objects_due ON public.stale_objects USING btree (due_at);

CREATE INDEX ticket_tiers_event ON public.ticket_tiers USING btree (event_id, "position", id);

CREATE INDEX tickets_changed ON public.tickets USING btree (event_id, changed_in);

CREATE INDEX tickets_event ON public.tickets USING btree (event_id, status);

CREATE INDEX tickets_order ON public.tickets USING btree (order_id);

CREATE INDEX used_id_tokens_expiry ON public.used_id_tokens USING btree (expires_at);

CREATE INDEX users_chat_phone ON public.users USING btree (phone) WHERE (email ~~ '%@chat.invalid'::text);

CREATE UNIQUE INDEX users_email ON public.users USING btree (email) WHERE (NOT is_deleted);

CREATE INDEX users_mailbox ON public.users USING btree (public.folded_email(email)) WHERE (NOT is_deleted);

CREATE UNIQUE INDEX users_oauth ON public.users USING btree (oauth_provider, oauth_id) WHERE ((oauth_id IS NOT NULL) AND (NOT is_deleted));

CREATE INDEX users_organizer ON public.users USING btree (organizer_id) WHERE (organizer_id IS NOT NULL);

CREATE INDEX users_unproved ON public.users USING btree (updated_at) WHERE ((NOT is_email_verified) AND (NOT is_deleted));

CREATE INDEX waiting_room_places_passes ON public.waiting_room_places USING btree (room_id, pass_expires_at) WHERE (pass_id IS NOT NULL);

CREATE INDEX waiting_room_places_user ON public.waiting_room_places USING btree (user_id);

CREATE INDEX waiting_rooms_age ON public.waiting_rooms USING btree (closed_at);

CREATE UNIQUE INDEX waiting_rooms_open ON public.waiting_rooms USING btree (event_id) WHERE (closed_at IS NULL);

CREATE INDEX webhook_events_disbursement ON public.webhook_events USING btree (disbursement_id) WHERE (disbursement_id IS NOT NULL);

CREATE INDEX webhook_events_payloads ON public.webhook_events USING btree (created_at) WHERE (payload <> '{}'::jsonb);

CREATE INDEX webhook_events_payment ON public.webhook_events USING btree (payment_id);

CREATE INDEX webhook_events_refund ON public.webhook_events USING btree (refund_id) WHERE (refund_id IS NOT NULL);

CREATE INDEX webhook_events_type ON public.webhook_events USING btree (event_type, created_at);

CREATE INDEX webhook_events_waiting ON public.webhook_events USING btree (created_at) WHERE (NOT processed);

CREATE TRIGGER account_is_there BEFORE INSERT ON public.bank_accounts FOR EACH ROW EXECUTE FUNCTION public.refuse_deleted_account('user_id');

CREATE TRIGGER account_is_there BEFORE INSERT ON public.cookie_consents FOR EACH ROW EXECUTE FUNCTION public.refuse_deleted_account('user_id');

CREATE TRIGGER account_is_there BEFORE INSERT ON public.event_staff FOR EACH ROW EXECUTE FUNCTION public.refuse_deleted_account('user_id');

CREATE TRIGGER account_is_there BEFORE INSERT ON public.events FOR EACH ROW EXECUTE FUNCTION public.refuse_deleted_account('organizer_id');

CREATE TRIGGER account_is_there BEFORE INSERT ON public.orders FOR EACH ROW EXECUTE FUNCTION public.refuse_deleted_account('user_id');

CREATE TRIGGER account_is_there BEFORE INSERT ON public.promos FOR EACH ROW EXECUTE FUNCTION public.refuse_deleted_account('created_by');

CREATE TRIGGER account_is_there BEFORE INSERT ON public.users FOR EACH ROW WHEN ((new.role = 'staff'::text)) EXECUTE FUNCTION public.refuse_deleted_account('organizer_id');

CREATE TRIGGER account_is_usable BEFORE INSERT ON public.disbursements FOR EACH ROW EXECUTE FUNCTION public.refuse_transfer_to_held_account();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.arrival_matches FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_log FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.bank_arrivals FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.expected_arrivals FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.ledger_entries FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.ledger_postings FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.settlement_batches FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.settlement_differences FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.settlement_lines FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER chats_end_with_sessions AFTER UPDATE OF sessions_ended_at ON public.users FOR EACH ROW WHEN ((new.sessions_ended_at IS DISTINCT FROM old.sessions_ended_at)) EXECUTE FUNCTION public.end_chats_with_sessions();

CREATE TRIGGER counted AFTER INSERT ON public.ledger_entries FOR EACH ROW WHEN ((starts_with(new.account, 'organizer_payable:'::text) OR (new.account = ANY (ARRAY['commission_revenue'::text, 'platform_fee_revenue'::text, 'promotion_cost'::text, 'payment_differences'::text])))) EXECUTE FUNCTION public.count_ledger_entry();

CREATE TRIGGER counted AFTER UPDATE OF returned_at ON public.order_items FOR EACH ROW WHEN (((old.returned_at IS NULL) <> (new.returned_at IS NULL))) EXECUTE FUNCTION public.count_returned_item();

CREATE TRIGGER counted AFTER UPDATE OF status, paid_at ON public.orders FOR EACH ROW EXECUTE FUNCTION public.count_order();

CREATE TRIGGER counted AFTER INSERT OR UPDATE OF status, payment_method, amount, received_amount ON public.payments FOR EACH ROW EXECUTE FUNCTION public.count_payment();

CREATE TRIGGER event_moved AFTER UPDATE OF start_date ON public.events FOR EACH ROW WHEN ((old.start_date IS DISTINCT FROM new.start_date)) EXECUTE FUNCTION public.move_event_prices();

CREATE TRIGGER forget_with_account AFTER UPDATE OF is_deleted ON public.users FOR EACH ROW WHEN ((new.is_deleted AND (NOT old.is_deleted))) EXECUTE FUNCTION public.forget_with_account();

CREATE TRIGGER keep_name_on_tickets AFTER UPDATE OF full_name ON public.users FOR EACH ROW WHEN (((new.full_name <> old.full_name) AND (NOT new.is_deleted))) EXECUTE FUNCTION public.keep_name_on_tickets();

CREATE CONSTRAINT TRIGGER ledger_balances AFTER INSERT ON public.ledger_entries DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.refuse_unbalanced_posting();

CREATE CONSTRAINT TRIGGER ledger_postings_filled AFTER INSERT ON public.ledger_postings DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.refuse_empty_posting();

CREATE TRIGGER numbered BEFORE UPDATE OF status, exited_at, revision, qr_hash, replaced_qr_hashes ON public.tickets FOR EACH ROW EXECUTE FUNCTION public.number_ticket_change();

CREATE TRIGGER price_changed AFTER UPDATE OF kind, price, early_bird_price, early_bird_start, early_bird_end, sale_start, sale_end ON public.ticket_tiers FOR EACH ROW WHEN ((((((((old.kind IS DISTINCT FROM new.kind) OR (old.price IS DISTINCT FROM new.price)) OR (old.early_bird_price IS DISTINCT FROM new.early_bird_price)) OR (old.early_bird_start IS DISTINCT FROM new.early_bird_start)) OR (old.early_bird_end IS DISTINCT FROM new.early_bird_end)) OR (old.sale_start IS DISTINCT FROM new.sale_start)) OR (old.sale_end IS DISTINCT FROM new.sale_end))) EXECUTE FUNCTION public.price_event_of_tier();

CREATE TRIGGER price_deleted AFTER DELETE ON public.ticket_tiers REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.price_events_of_tiers();

CREATE TRIGGER price_inserted AFTER INSERT ON public.ticket_tiers REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.price_events_of_tiers();

CREATE TRIGGER price_new_events AFTER INSERT ON public.events REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.price_new_events();

CREATE TRIGGER publisher_is_there BEFORE UPDATE OF status ON public.events FOR EACH ROW WHEN (((new.status = 'published'::text) AND (old.status <> 'published'::text))) EXECUTE FUNCTION public.refuse_deleted_account('organizer_id');

CREATE TRIGGER recognise_person BEFORE INSERT OR UPDATE OF email ON public.users FOR EACH ROW EXECUTE FUNCTION public.recognise_person();

CREATE TRIGGER refunds_within_payments AFTER INSERT OR UPDATE OF amount, status ON public.refunds FOR EACH ROW EXECUTE FUNCTION public.refuse_excessive_refund();

CREATE TRIGGER units_of_changed_tier BEFORE UPDATE OF kind ON public.ticket_tiers FOR EACH ROW WHEN ((old.kind <> new.kind)) EXECUTE FUNCTION public.count_units();

CREATE TRIGGER units_of_new_tier BEFORE INSERT ON public.ticket_tiers FOR EACH ROW EXECUTE FUNCTION public.count_units();

CREATE TRIGGER uses_of_person_are_limited AFTER INSERT OR UPDATE OF uses ON public.promo_users FOR EACH ROW WHEN (((new.most IS NOT NULL) AND (new.uses > new.late_uses))) EXECUTE FUNCTION public.limit_uses_of_person();

ALTER TABLE ONLY public.approvals
    ADD CONSTRAINT approvals_decided_by_fkey FOREIGN KEY (decided_by) REFERENCES public.users(id);

ALTER TABLE ONLY public.approvals
    ADD CONSTRAINT approvals_requested_by_fkey FOREIGN KEY (requested_by) REFERENCES public.users(id);

ALTER TABLE ONLY public.arrival_matches
    ADD CONSTRAINT arrival_matches_arrival_id_fkey FOREIGN KEY (arrival_id) REFERENCES public.bank_arrivals(id);

ALTER TABLE ONLY public.arrival_matches
    ADD CONSTRAINT arrival_matches_expected_id_fkey FOREIGN KEY (expected_id) REFERENCES public.expected_arrivals(id);

ALTER TABLE ONLY public.arrival_matches
    ADD CONSTRAINT arrival_matches_matched_by_fkey FOREIGN KEY (matched_by) REFERENCES public.users(id);

ALTER TABLE ONLY public.bank_accounts
    ADD CONSTRAINT bank_accounts_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.bank_arrivals
    ADD CONSTRAINT bank_arrivals_entered_by_fkey FOREIGN KEY (entered_by) REFERENCES public.users(id);

ALTER TABLE ONLY public.bib_counters
    ADD CONSTRAINT bib_counters_tier_id_fkey FOREIGN KEY (tier_id) REFERENCES public.ticket_tiers(id);

ALTER TABLE ONLY public.bib_numbers
    ADD CONSTRAINT bib_numbers_item_id_fkey FOREIGN KEY (item_id) REFERENCES public.order_items(id);

ALTER TABLE ONLY public.bib_numbers
    ADD CONSTRAINT bib_numbers_tier_id_fkey FOREIGN KEY (tier_id) REFERENCES public.ticket_tiers(id);

ALTER TABLE ONLY public.chat_consents
    ADD CONSTRAINT chat_consents_sender_id_fkey FOREIGN KEY (sender_id) REFERENCES public.chat_senders(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.chat_email_codes
    ADD CONSTRAINT chat_email_codes_sender_id_fkey FOREIGN KEY (sender_id) REFERENCES public.chat_senders(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.chat_messages
    ADD CONSTRAINT chat_messages_sender_id_fkey FOREIGN KEY (sender_id) REFERENCES public.chat_senders(id);

ALTER TABLE ONLY public.chat_notices
    ADD CONSTRAINT chat_notices_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.chat_orders
    ADD CONSTRAINT chat_orders_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.chat_orders
    ADD CONSTRAINT chat_orders_sender_id_fkey FOREIGN KEY (sender_id) REFERENCES public.chat_senders(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.chat_senders
    ADD CONSTRAINT chat_senders_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.chat_senders
    ADD CONSTRAINT chat_senders_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.chat_updates
    ADD CONSTRAINT chat_updates_sender_id_fkey FOREIGN KEY (sender_id) REFERENCES public.chat_senders(id);

ALTER TABLE ONLY public.cookie_consents
    ADD CONSTRAINT cookie_consents_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.digest_sales
    ADD CONSTRAINT digest_sales_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.digest_sales
    ADD CONSTRAINT digest_sales_organizer_id_fkey FOREIGN KEY (organizer_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.digital_units
    ADD CONSTRAINT digital_units_item_id_fkey FOREIGN KEY (item_id) REFERENCES public.order_items(id);

ALTER TABLE ONLY public.digital_units
    ADD CONSTRAINT digital_units_tier_id_fkey FOREIGN KEY (tier_id) REFERENCES public.ticket_tiers(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.disbursements
    ADD CONSTRAINT disbursements_bank_account_id_fkey FOREIGN KEY (bank_account_id) REFERENCES public.bank_accounts(id);

ALTER TABLE ONLY public.disbursements
    ADD CONSTRAINT disbursements_payout_id_fkey FOREIGN KEY (payout_id) REFERENCES public.payouts(id);

ALTER TABLE ONLY public.disbursements
    ADD CONSTRAINT disbursements_refund_id_fkey FOREIGN KEY (refund_id) REFERENCES public.refunds(id);

ALTER TABLE ONLY public.emails
    ADD CONSTRAINT emails_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.event_cancellations
    ADD CONSTRAINT event_cancellations_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.events(id);

ALTER TABLE ONLY public.event_cancellations
    ADD CONSTRAINT event_cancellations_requested_by_fkey FOREIGN KEY (requested_by) REFERENCES public.users(id);

ALTER TABLE ONLY public.event_changes
    ADD CONSTRAINT event_changes_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.events(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.event_prices
    ADD CONSTRAINT event_prices_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.events(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.event_reminders
    ADD CONSTRAINT event_reminders_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.events(id);

ALTER TABLE ONLY public.event_staff
    ADD CONSTRAINT event_staff_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.events(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.event_staff
    ADD CONSTRAINT event_staff_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_organizer_id_fkey FOREIGN KEY (organizer_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.expected_arrivals
    ADD CONSTRAINT expected_arrivals_batch_id_fkey FOREIGN KEY (batch_id) REFERENCES public.settlement_batches(id);

ALTER TABLE ONLY public.expected_arrivals
    ADD CONSTRAINT expected_arrivals_line_id_fkey FOREIGN KEY (line_id) REFERENCES public.settlement_lines(id);

ALTER TABLE ONLY public.ledger_entries
    ADD CONSTRAINT ledger_entries_posting_id_fkey FOREIGN KEY (posting_id) REFERENCES public.ledger_postings(id);

ALTER TABLE ONLY public.ledger_postings
    ADD CONSTRAINT ledger_postings_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.events(id);

ALTER TABLE ONLY public.ledger_postings
    ADD CONSTRAINT ledger_postings_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.ledger_postings
    ADD CONSTRAINT ledger_postings_organizer_id_fkey FOREIGN KEY (organizer_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.mail_events
    ADD CONSTRAINT mail_events_email_id_fkey FOREIGN KEY (email_id) REFERENCES public.emails(id);

ALTER TABLE ONLY public.mail_suppressions
    ADD CONSTRAINT mail_suppressions_email_id_fkey FOREIGN KEY (email_id) REFERENCES public.emails(id);

ALTER TABLE ONLY public.manual_tasks
    ADD CONSTRAINT manual_tasks_done_by_fkey FOREIGN KEY (done_by) REFERENCES public.users(id);

ALTER TABLE ONLY public.one_time_codes
    ADD CONSTRAINT one_time_codes_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.order_items
    ADD CONSTRAINT order_items_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.order_items
    ADD CONSTRAINT order_items_tier_id_fkey FOREIGN KEY (tier_id) REFERENCES public.ticket_tiers(id);

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.events(id);

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_organizer_id_fkey FOREIGN KEY (organizer_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_promo_id_fkey FOREIGN KEY (promo_id) REFERENCES public.promos(id);

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_duplicate_of_fkey FOREIGN KEY (duplicate_of) REFERENCES public.payments(id);

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_reviewed_by_fkey FOREIGN KEY (reviewed_by) REFERENCES public.users(id);

ALTER TABLE ONLY public.payouts
    ADD CONSTRAINT payouts_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.events(id);

ALTER TABLE ONLY public.payouts
    ADD CONSTRAINT payouts_organizer_id_fkey FOREIGN KEY (organizer_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.pickups
    ADD CONSTRAINT pickups_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.events(id);

ALTER TABLE ONLY public.pickups
    ADD CONSTRAINT pickups_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.pickups
    ADD CONSTRAINT pickups_picked_up_from_fkey FOREIGN KEY (picked_up_from) REFERENCES public.users(id);

ALTER TABLE ONLY public.promo_users
    ADD CONSTRAINT promo_users_promo_id_fkey FOREIGN KEY (promo_id) REFERENCES public.promos(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.promo_users
    ADD CONSTRAINT promo_users_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.promos
    ADD CONSTRAINT promos_created_by_fkey FOREIGN KEY (created_by) REFERENCES public.users(id);

ALTER TABLE ONLY public.promos
    ADD CONSTRAINT promos_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.events(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.promos
    ADD CONSTRAINT promos_organizer_id_fkey FOREIGN KEY (organizer_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.queue_pass_orders
    ADD CONSTRAINT queue_pass_orders_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.reconcile_runs
    ADD CONSTRAINT reconcile_runs_requested_by_fkey FOREIGN KEY (requested_by) REFERENCES public.users(id);

ALTER TABLE ONLY public.recovery_codes
    ADD CONSTRAINT recovery_codes_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.second_factors(user_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.refresh_tokens
    ADD CONSTRAINT refresh_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.refund_items
    ADD CONSTRAINT refund_items_order_item_id_fkey FOREIGN KEY (order_item_id) REFERENCES public.order_items(id);

ALTER TABLE ONLY public.refund_items
    ADD CONSTRAINT refund_items_refund_id_fkey FOREIGN KEY (refund_id) REFERENCES public.refunds(id);

ALTER TABLE ONLY public.refunds
    ADD CONSTRAINT refunds_approved_by_fkey FOREIGN KEY (approved_by) REFERENCES public.users(id);

ALTER TABLE ONLY public.refunds
    ADD CONSTRAINT refunds_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.refunds
    ADD CONSTRAINT refunds_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES public.payments(id);

ALTER TABLE ONLY public.refunds
    ADD CONSTRAINT refunds_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.registrations
    ADD CONSTRAINT registrations_item_id_fkey FOREIGN KEY (item_id) REFERENCES public.order_items(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.registrations
    ADD CONSTRAINT registrations_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.registrations
    ADD CONSTRAINT registrations_tier_id_fkey FOREIGN KEY (tier_id) REFERENCES public.ticket_tiers(id);

ALTER TABLE ONLY public.scans
    ADD CONSTRAINT scans_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.events(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.scans
    ADD CONSTRAINT scans_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.scans
    ADD CONSTRAINT scans_staff_id_fkey FOREIGN KEY (staff_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.scans
    ADD CONSTRAINT scans_ticket_id_fkey FOREIGN KEY (ticket_id) REFERENCES public.tickets(id);

ALTER TABLE ONLY public.scans
    ADD CONSTRAINT scans_used_by_fkey FOREIGN KEY (used_by) REFERENCES public.users(id);

ALTER TABLE ONLY public.second_factors
    ADD CONSTRAINT second_factors_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.settlement_batches
    ADD CONSTRAINT settlement_batches_imported_by_fkey FOREIGN KEY (imported_by) REFERENCES public.users(id);

ALTER TABLE ONLY public.settlement_differences
    ADD CONSTRAINT settlement_differences_arrival_id_fkey FOREIGN KEY (arrival_id) REFERENCES public.bank_arrivals(id);

ALTER TABLE ONLY public.settlement_differences
    ADD CONSTRAINT settlement_differences_batch_id_fkey FOREIGN KEY (batch_id) REFERENCES public.settlement_batches(id);

ALTER TABLE ONLY public.settlement_differences
    ADD CONSTRAINT settlement_differences_expected_arrival_id_fkey FOREIGN KEY (expected_arrival_id) REFERENCES public.expected_arrivals(id);

ALTER TABLE ONLY public.settlement_differences
    ADD CONSTRAINT settlement_differences_line_id_fkey FOREIGN KEY (line_id) REFERENCES public.settlement_lines(id);

ALTER TABLE ONLY public.settlement_differences
    ADD CONSTRAINT settlement_differences_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES public.payments(id);

ALTER TABLE ONLY public.settlement_lines
    ADD CONSTRAINT settlement_lines_batch_id_fkey FOREIGN KEY (batch_id) REFERENCES public.settlement_batches(id);

ALTER TABLE ONLY public.settlement_lines
    ADD CONSTRAINT settlement_lines_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES public.payments(id);

ALTER TABLE ONLY public.settlement_lines
    ADD CONSTRAINT settlement_lines_transfer_id_fkey FOREIGN KEY (transfer_id) REFERENCES public.disbursements(id);

ALTER TABLE ONLY public.staff_invitations
    ADD CONSTRAINT staff_invitations_organizer_id_fkey FOREIGN KEY (organizer_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.ticket_tiers
    ADD CONSTRAINT ticket_tiers_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.events(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.ticket_tiers
    ADD CONSTRAINT ticket_tiers_organizer_id_fkey FOREIGN KEY (organizer_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.tickets
    ADD CONSTRAINT tickets_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.events(id);

ALTER TABLE ONLY public.tickets
    ADD CONSTRAINT tickets_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.tickets
    ADD CONSTRAINT tickets_order_item_id_fkey FOREIGN KEY (order_item_id) REFERENCES public.order_items(id);

ALTER TABLE ONLY public.tickets
    ADD CONSTRAINT tickets_validated_by_fkey FOREIGN KEY (validated_by) REFERENCES public.users(id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_organizer_id_fkey FOREIGN KEY (organizer_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.waiting_room_calls
    ADD CONSTRAINT waiting_room_calls_room_id_fkey FOREIGN KEY (room_id) REFERENCES public.waiting_rooms(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.waiting_room_places
    ADD CONSTRAINT waiting_room_places_room_id_fkey FOREIGN KEY (room_id) REFERENCES public.waiting_rooms(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.waiting_room_places
    ADD CONSTRAINT waiting_room_places_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.waiting_rooms
    ADD CONSTRAINT waiting_rooms_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.events(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.webhook_events
    ADD CONSTRAINT webhook_events_disbursement_id_fkey FOREIGN KEY (disbursement_id) REFERENCES public.disbursements(id);

ALTER TABLE ONLY public.webhook_events
    ADD CONSTRAINT webhook_events_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES public.payments(id);

ALTER TABLE ONLY public.webhook_events
    ADD CONSTRAINT webhook_events_refund_id_fkey FOREIGN KEY (refund_id) REFERENCES public.refunds(id);
