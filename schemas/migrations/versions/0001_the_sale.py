"""The sale: accounts, events and tiers, orders, payments, tickets, ledger, outbox.

The schema is the last line of defence. It refuses these, whatever the code above does:
overselling, two live reservations of a buyer for an event, two tickets for a seat, an unbalanced
posting, an event of a gateway taken in twice, a changed ledger or audit line.

Money is BIGINT whole rupiah: exact, and small enough to read. Times are TIMESTAMPTZ.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

IDENTITY = """
CREATE TABLE users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email text NOT NULL CHECK (email = lower(email) AND length(email) <= 255),
    password_hash text,
    full_name text NOT NULL CHECK (length(full_name) BETWEEN 1 AND 255),
    phone text CHECK (length(phone) <= 20),
    role text NOT NULL CHECK (role IN ('customer', 'organizer', 'staff', 'admin')),
    organizer_id uuid REFERENCES users (id),  -- whose staff this is
    is_email_verified boolean NOT NULL DEFAULT false,
    oauth_provider text,
    oauth_id text,
    terms_version text NOT NULL,
    terms_accepted_at timestamptz NOT NULL,
    language text NOT NULL DEFAULT 'id' CHECK (language IN ('id', 'en')),
    is_deleted boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT users_staff_has_organizer CHECK ((role = 'staff') = (organizer_id IS NOT NULL))
);
CREATE UNIQUE INDEX users_email ON users (email) WHERE NOT is_deleted;
CREATE UNIQUE INDEX users_oauth ON users (oauth_provider, oauth_id) WHERE oauth_id IS NOT NULL AND NOT is_deleted;
CREATE INDEX users_organizer ON users (organizer_id) WHERE organizer_id IS NOT NULL;

CREATE TABLE one_time_codes (
    user_id uuid NOT NULL REFERENCES users (id),
    purpose text NOT NULL CHECK (purpose IN ('verify_email', 'reset_password')),
    code_hash text NOT NULL,
    tries_left integer NOT NULL DEFAULT 5 CHECK (tries_left >= 0),
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, purpose)
);

CREATE TABLE refresh_tokens (
    token_hash text PRIMARY KEY,
    family_id uuid NOT NULL,
    user_id uuid NOT NULL REFERENCES users (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    spent_at timestamptz,
    ended_at timestamptz
);
CREATE INDEX refresh_tokens_family ON refresh_tokens (family_id);
CREATE INDEX refresh_tokens_user ON refresh_tokens (user_id);
"""

CATALOG = """
CREATE TABLE events (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organizer_id uuid NOT NULL REFERENCES users (id),
    title text NOT NULL CHECK (length(title) BETWEEN 1 AND 255),
    slug text NOT NULL,
    description text NOT NULL DEFAULT '',
    category text NOT NULL CHECK (length(category) <= 50),
    location text NOT NULL CHECK (length(location) <= 255),
    venue text CHECK (length(venue) <= 255),
    start_date timestamptz NOT NULL,
    end_date timestamptz NOT NULL,
    timezone text NOT NULL DEFAULT 'Asia/Jakarta',
    capacity integer NOT NULL CHECK (capacity > 0),
    terms text NOT NULL DEFAULT '',
    banner_url text,
    status text NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'published', 'cancelled')),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT events_slug UNIQUE (slug),
    CONSTRAINT valid_dates CHECK (end_date >= start_date)
);
CREATE INDEX events_organizer ON events (organizer_id, start_date);
CREATE INDEX events_upcoming ON events (start_date, id) WHERE status = 'published';
CREATE INDEX events_category ON events (category, start_date) WHERE status = 'published';
CREATE INDEX events_search ON events
    USING gin (to_tsvector('indonesian', title || ' ' || description)) WHERE status = 'published';

-- What a reservation must know of its event stands here too, so that it reads and locks this row only.
CREATE TABLE ticket_tiers (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    event_id uuid NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    organizer_id uuid NOT NULL REFERENCES users (id),
    kind text NOT NULL DEFAULT 'ticket' CHECK (kind IN ('ticket', 'registration', 'product', 'digital')),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    description text NOT NULL DEFAULT '',
    price bigint NOT NULL CHECK (price BETWEEN 0 AND 1000000000),
    early_bird_price bigint CHECK (early_bird_price BETWEEN 0 AND 1000000000),
    early_bird_start timestamptz,
    early_bird_end timestamptz,
    sale_start timestamptz,
    sale_end timestamptz,
    event_ends_at timestamptz NOT NULL,
    is_on_sale boolean NOT NULL DEFAULT false,  -- the event is published
    max_per_order integer NOT NULL DEFAULT 5 CHECK (max_per_order BETWEEN 1 AND 100),
    requires_identity boolean NOT NULL DEFAULT false,
    quota integer NOT NULL CHECK (quota > 0),
    reserved integer NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    sold integer NOT NULL DEFAULT 0 CHECK (sold >= 0),
    position integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT no_overselling CHECK (reserved + sold <= quota),
    CONSTRAINT valid_sale_window CHECK (sale_end IS NULL OR sale_start IS NULL OR sale_end > sale_start),
    CONSTRAINT valid_early_bird CHECK (early_bird_price IS NULL OR early_bird_end IS NOT NULL)
) WITH (fillfactor = 70);  -- room for the counters' new versions on the same page
CREATE INDEX ticket_tiers_event ON ticket_tiers (event_id, position, id);
"""

SALES = """
CREATE TABLE orders (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id),
    event_id uuid NOT NULL REFERENCES events (id),
    organizer_id uuid NOT NULL REFERENCES users (id),
    status text NOT NULL DEFAULT 'reserved'
        CHECK (status IN ('reserved', 'pending_payment', 'paid', 'expired', 'cancelled', 'refunded')),
    subtotal bigint NOT NULL CHECK (subtotal >= 0),
    discount_amount bigint NOT NULL DEFAULT 0 CHECK (discount_amount BETWEEN 0 AND subtotal),
    platform_fee bigint NOT NULL CHECK (platform_fee >= 0),
    total_amount bigint NOT NULL CHECK (total_amount >= 0),
    promo_code text,
    idempotency_key text,
    reservation_expires_at timestamptz NOT NULL,
    paid_at timestamptz,
    ended_at timestamptz,
    tickets_issued_at timestamptz,
    capacity_released_at timestamptz,
    stock_released_at timestamptz,
    review_reason text,  -- money that doesn't fit the order: a person decides, and the hold stays until then
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT orders_total CHECK (total_amount = subtotal - discount_amount + platform_fee),
    CONSTRAINT orders_paid CHECK ((status IN ('paid', 'refunded')) = (paid_at IS NOT NULL)),
    CONSTRAINT orders_ended CHECK ((status IN ('expired', 'cancelled', 'refunded')) = (ended_at IS NOT NULL)),
    CONSTRAINT orders_held_or_released
        CHECK ((status IN ('expired', 'cancelled', 'refunded')) = (capacity_released_at IS NOT NULL))
);
CREATE UNIQUE INDEX one_live_reservation ON orders (user_id, event_id)
    WHERE status IN ('reserved', 'pending_payment');  -- ISO-1
CREATE UNIQUE INDEX orders_idempotency ON orders (user_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX orders_user ON orders (user_id, created_at DESC);
CREATE INDEX orders_event ON orders (event_id, status);
CREATE INDEX orders_due ON orders (reservation_expires_at) WHERE status IN ('reserved', 'pending_payment');
CREATE INDEX orders_paid ON orders (paid_at) WHERE status = 'paid';
CREATE INDEX orders_unissued ON orders (paid_at) WHERE status = 'paid' AND tickets_issued_at IS NULL;

CREATE TABLE order_items (  -- one row per unit: a seat, a participant, a shirt
    id uuid PRIMARY KEY,
    order_id uuid NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
    tier_id uuid NOT NULL REFERENCES ticket_tiers (id),
    position integer NOT NULL,
    unit_price bigint NOT NULL CHECK (unit_price >= 0),
    discount bigint NOT NULL DEFAULT 0 CHECK (discount BETWEEN 0 AND unit_price),
    platform_fee bigint NOT NULL CHECK (platform_fee >= 0),
    commission bigint NOT NULL CHECK (commission BETWEEN 0 AND unit_price),
    attendee_name text CHECK (length(attendee_name) BETWEEN 1 AND 255),
    attendee_email text CHECK (length(attendee_email) <= 255),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT order_items_position UNIQUE (order_id, position)
);
CREATE INDEX order_items_tier ON order_items (tier_id);
"""

PAYMENTS = """
CREATE TABLE payments (  -- one row per try at a gateway
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    order_id uuid NOT NULL REFERENCES orders (id),
    attempt integer NOT NULL CHECK (attempt > 0),
    gateway text NOT NULL CHECK (gateway IN ('xendit', 'midtrans', 'none')),
    external_id text NOT NULL,  -- ours: the order and the number of the try
    gateway_reference text,
    payment_method text NOT NULL,
    status text NOT NULL DEFAULT 'opening'
        CHECK (status IN ('opening', 'pending', 'paid', 'expired', 'failed', 'refunded')),
    amount bigint NOT NULL CHECK (amount >= 0),
    received_amount bigint CHECK (received_amount >= 0),
    channel text,
    transaction_id text,
    redirect_url text,
    snap_token text,
    qr_string text,
    va_number text,
    expires_at timestamptz NOT NULL,
    paid_at timestamptz,
    ended_at timestamptz,
    must_end_at_gateway boolean NOT NULL DEFAULT false,
    last_asked_at timestamptz,
    failure text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT payments_external_id UNIQUE (external_id),
    CONSTRAINT payments_attempt UNIQUE (order_id, attempt),
    CONSTRAINT payments_paid CHECK (status <> 'paid' OR (paid_at IS NOT NULL AND received_amount IS NOT NULL))
);
CREATE UNIQUE INDEX payments_gateway_reference ON payments (gateway, gateway_reference)
    WHERE gateway_reference IS NOT NULL;
CREATE UNIQUE INDEX one_open_payment ON payments (order_id) WHERE status IN ('opening', 'pending');
CREATE INDEX payments_open ON payments (expires_at) WHERE status IN ('opening', 'pending');
CREATE INDEX payments_to_end ON payments (updated_at) WHERE must_end_at_gateway;

CREATE TABLE webhook_events (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    gateway text NOT NULL,
    webhook_id text NOT NULL,
    event_type text NOT NULL,
    payment_id uuid REFERENCES payments (id),
    payload jsonb NOT NULL,
    outcome text,
    processed boolean NOT NULL DEFAULT false,
    retry_count integer NOT NULL DEFAULT 0,
    error_message text,
    created_at timestamptz NOT NULL DEFAULT now(),
    processed_at timestamptz,
    CONSTRAINT webhook_events_once UNIQUE (gateway, webhook_id)  -- PS-009
);
CREATE INDEX webhook_events_payment ON webhook_events (payment_id);
CREATE INDEX webhook_events_waiting ON webhook_events (created_at) WHERE NOT processed;
CREATE INDEX webhook_events_type ON webhook_events (event_type, created_at);
"""

MONEY = """
CREATE TABLE ledger_postings (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind text NOT NULL,
    reference_id uuid NOT NULL,  -- the payment, refund or payout that this books
    order_id uuid REFERENCES orders (id),
    event_id uuid REFERENCES events (id),
    organizer_id uuid REFERENCES users (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT posted_once UNIQUE (kind, reference_id)
);
CREATE INDEX ledger_postings_event ON ledger_postings (event_id);
CREATE INDEX ledger_postings_order ON ledger_postings (order_id);
CREATE INDEX ledger_postings_age ON ledger_postings (created_at);

CREATE TABLE ledger_entries (  -- positive debits, negative credits; a posting sums to zero
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    posting_id uuid NOT NULL REFERENCES ledger_postings (id),
    account text NOT NULL CHECK (account ~ '^[a-z_]+(:[a-z0-9-]+)?$'),
    amount bigint NOT NULL CHECK (amount <> 0)
);
CREATE INDEX ledger_entries_posting ON ledger_entries (posting_id);
CREATE INDEX ledger_entries_account ON ledger_entries (account);

CREATE FUNCTION refuse_unbalanced_posting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT COALESCE(sum(amount), 0) <> 0 OR count(*) < 2 FROM ledger_entries
        WHERE posting_id = NEW.posting_id) THEN
        RAISE EXCEPTION 'posting % does not balance', NEW.posting_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_balances';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_balances AFTER INSERT ON ledger_entries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_unbalanced_posting();

CREATE FUNCTION refuse_empty_posting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM ledger_entries WHERE posting_id = NEW.id) THEN
        RAISE EXCEPTION 'posting % has no entries', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_balances';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_postings_filled AFTER INSERT ON ledger_postings
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_empty_posting();

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'append_only';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_postings
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE refunds (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    order_id uuid NOT NULL REFERENCES orders (id),
    payment_id uuid NOT NULL REFERENCES payments (id),
    user_id uuid NOT NULL REFERENCES users (id),
    kind text NOT NULL CHECK (kind IN ('requested', 'cancellation', 'unusable_payment', 'by_gateway')),
    amount bigint NOT NULL CHECK (amount > 0),
    reason text NOT NULL,
    status text NOT NULL CHECK (status IN
        ('requested', 'approved', 'rejected', 'processing', 'completed', 'failed')),
    approved_by uuid REFERENCES users (id),
    rejection_reason text,
    gateway_refund_id text,
    failure text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX refunds_unusable_payment ON refunds (payment_id) WHERE kind = 'unusable_payment';
CREATE INDEX refunds_order ON refunds (order_id);
CREATE INDEX refunds_open ON refunds (updated_at) WHERE status IN ('approved', 'processing');
"""

TICKETS = """
CREATE TABLE tickets (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    order_id uuid NOT NULL REFERENCES orders (id),
    order_item_id uuid NOT NULL REFERENCES order_items (id),
    event_id uuid NOT NULL REFERENCES events (id),
    status text NOT NULL DEFAULT 'issued' CHECK (status IN ('issued', 'used', 'void')),
    pdf_object text,  -- its name in the tickets bucket, once it is stored
    validated_at timestamptz,
    validated_by uuid REFERENCES users (id),
    gate text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT one_ticket_per_item UNIQUE (order_item_id),
    CONSTRAINT tickets_used CHECK (status <> 'used' OR validated_at IS NOT NULL)
);
CREATE INDEX tickets_order ON tickets (order_id);
CREATE INDEX tickets_event ON tickets (event_id, status);
"""

MESSAGES = """
CREATE TABLE emails (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    template text NOT NULL,
    once_key text NOT NULL,  -- the same mail is asked for once, however often its cause is repeated
    to_address text NOT NULL,
    language text NOT NULL,
    context jsonb NOT NULL,
    order_id uuid REFERENCES orders (id),
    status text NOT NULL DEFAULT 'queued'
        CHECK (status IN ('queued', 'sent', 'delivered', 'opened', 'bounced', 'failed')),
    attempts integer NOT NULL DEFAULT 0,
    claimed_until timestamptz,  -- one delivery at a time tries to send it
    provider_message_id text,
    error_message text,
    created_at timestamptz NOT NULL DEFAULT now(),
    sent_at timestamptz,
    CONSTRAINT emails_once UNIQUE (once_key)
);
CREATE INDEX emails_queued ON emails (created_at) WHERE status = 'queued';
CREATE INDEX emails_provider ON emails (provider_message_id) WHERE provider_message_id IS NOT NULL;
"""

CLOUD = """
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    payload jsonb NOT NULL,
    attributes jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    claimed_until timestamptz,
    published_at timestamptz
);
CREATE INDEX outbox_unpublished ON outbox (id) WHERE published_at IS NULL;

CREATE TABLE idempotency_keys (
    caller uuid NOT NULL,
    key text NOT NULL CHECK (length(key) <= 255),
    request_hash text NOT NULL,
    locked_until timestamptz,
    status integer,
    content_type text,
    body text,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (caller, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

CREATE TABLE manual_tasks (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind text NOT NULL,
    subject text NOT NULL,
    subject_id text NOT NULL,
    details jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    done_at timestamptz,
    done_by uuid REFERENCES users (id)
);
CREATE UNIQUE INDEX one_open_manual_task ON manual_tasks (kind, subject_id) WHERE done_at IS NULL;

CREATE TABLE audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    actor_id uuid,
    action text NOT NULL,
    subject text NOT NULL,
    subject_id text,
    details jsonb NOT NULL,
    correlation_id text NOT NULL
);
CREATE INDEX audit_log_subject ON audit_log (subject, subject_id, at);
CREATE INDEX audit_log_action ON audit_log (action, at);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    """Make every table of the sale."""
    for part in (IDENTITY, CATALOG, SALES, PAYMENTS, MONEY, TICKETS, MESSAGES, CLOUD):
        op.execute(part)
