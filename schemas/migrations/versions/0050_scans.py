"""Scans with ids of their own, re-entry, and what a gate without network knows of tickets (GATE, OFFLINE-1)."""

from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

SCANS = """
CREATE TABLE scans (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('ticket', 'pickup')),
    event_id uuid NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    ticket_id uuid REFERENCES tickets (id),
    order_id uuid REFERENCES orders (id),
    staff_id uuid NOT NULL REFERENCES users (id),
    gate text,
    code_hash bytea NOT NULL CHECK (octet_length(code_hash) = 32),
    direction text NOT NULL CHECK (direction IN ('in', 'out')),
    result text NOT NULL CHECK (result IN ('valid', 'already_used', 'wrong_event', 'refunded', 'forged', 'not_open',
        'wrong_gate', 'exited', 'not_inside', 'unknown')),
    is_reentry boolean NOT NULL,
    is_replaced boolean NOT NULL,
    is_offline boolean NOT NULL,
    is_admitted boolean NOT NULL,
    scanned_at timestamptz NOT NULL,  -- by the device's clock
    judged_at timestamptz NOT NULL,  -- by ours; by the device's of a scan without network
    used_at timestamptz,
    used_gate text,
    used_by uuid REFERENCES users (id),
    gates_open_at timestamptz,
    gates_close_at timestamptz,
    undone_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT scans_admitted CHECK (is_offline OR is_admitted = (result = 'valid' OR result = 'exited'))
);
CREATE INDEX scans_ticket ON scans (ticket_id, judged_at);
CREATE INDEX scans_double_entries ON scans (event_id, judged_at, id)
    WHERE is_admitted AND kind = 'ticket' AND direction = 'in' AND result <> 'valid';
CREATE INDEX scans_age ON scans (created_at);
"""
# The number of the transaction that changed a ticket last: whatever a snapshot did not see has a later one than the
# oldest that was running then (shared/tickets/snapshots.py). 0: before there were snapshots.
TICKETS = """
ALTER TABLE events ADD COLUMN allows_reentry boolean NOT NULL DEFAULT false;
ALTER TABLE tickets
    ADD COLUMN exited_at timestamptz,
    ADD COLUMN qr_issued_at timestamptz,
    ADD COLUMN qr_hash bytea CHECK (octet_length(qr_hash) = 6),
    ADD COLUMN replaced_qr_hashes bytea NOT NULL DEFAULT '' CHECK (mod(octet_length(replaced_qr_hashes), 6) = 0),
    ADD COLUMN changed_in xid8 NOT NULL DEFAULT '0',
    ADD CONSTRAINT tickets_qr CHECK ((qr_issued_at IS NULL) = (qr_hash IS NULL)),
    ADD CONSTRAINT tickets_exited CHECK (exited_at IS NULL OR status <> 'issued');
ALTER TABLE tickets ALTER COLUMN changed_in SET DEFAULT pg_current_xact_id();
CREATE INDEX tickets_changed ON tickets (event_id, changed_in);

CREATE FUNCTION number_ticket_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_in := pg_current_xact_id();
    RETURN NEW;
END $$;
CREATE TRIGGER numbered BEFORE UPDATE OF status, exited_at, revision, qr_hash, replaced_qr_hashes ON tickets
    FOR EACH ROW EXECUTE FUNCTION number_ticket_change();
"""


def upgrade() -> None:
    """Create the table, and add the columns."""
    op.get_bind().exec_driver_sql(SCANS)
    op.get_bind().exec_driver_sql(TICKETS)
