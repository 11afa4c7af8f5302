"""Waiting rooms before rushes: their places, calls, and what a queue pass was used for (QUEUE-1)."""

from alembic import op

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None

EVENTS = """
ALTER TABLE events
    ADD COLUMN waiting_room_opens_at timestamptz,
    ADD CONSTRAINT valid_waiting_room CHECK (waiting_room_opens_at < end_date);
"""
# A position can't be called twice, nor one that nobody has: both are keys and checks here, not in Python.
ROOMS = """
CREATE TABLE waiting_rooms (
    id uuid PRIMARY KEY,
    event_id uuid NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    phase text NOT NULL DEFAULT 'not_open' CHECK (phase IN ('not_open', 'gathering', 'serving', 'all_held', 'paused',
        'sold_out', 'ended', 'cancelled', 'lifted')),
    joined int NOT NULL DEFAULT 0,
    serving_number int NOT NULL DEFAULT 0,
    call_credit real NOT NULL DEFAULT 0,
    calls_per_minute int NOT NULL CHECK (calls_per_minute > 0),  -- the rate that is aimed at
    calls_lately int,  -- the rate that came of it, as people are told
    revision bigint NOT NULL DEFAULT 0,
    ticked_at timestamptz NOT NULL DEFAULT now(),
    key_version text NOT NULL,  -- of the secret that the draw's key is made from
    commitment text NOT NULL,
    draw_key text,
    draw_size int,
    drawn_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    closed_at timestamptz,
    CONSTRAINT waiting_rooms_called CHECK (serving_number BETWEEN 0 AND joined),
    CONSTRAINT waiting_rooms_drawn CHECK ((drawn_at IS NULL) = (draw_key IS NULL)
        AND (drawn_at IS NULL) = (draw_size IS NULL) AND draw_size <= joined),
    CONSTRAINT waiting_rooms_called_after_draw CHECK (serving_number = 0 OR drawn_at IS NOT NULL)
);
CREATE UNIQUE INDEX waiting_rooms_open ON waiting_rooms (event_id) WHERE closed_at IS NULL;
CREATE INDEX waiting_rooms_age ON waiting_rooms (closed_at);

CREATE TABLE waiting_room_places (
    room_id uuid NOT NULL REFERENCES waiting_rooms (id) ON DELETE CASCADE,
    person_id uuid NOT NULL,
    user_id uuid NOT NULL REFERENCES users (id),
    number int NOT NULL CHECK (number > 0),
    joined_at timestamptz NOT NULL DEFAULT now(),
    pass_id uuid UNIQUE,
    entered_at timestamptz,
    pass_expires_at timestamptz,
    PRIMARY KEY (room_id, person_id),
    UNIQUE (room_id, number),
    CONSTRAINT waiting_room_places_entered CHECK ((pass_id IS NULL) = (entered_at IS NULL)
        AND (pass_id IS NULL) = (pass_expires_at IS NULL))
);
CREATE INDEX waiting_room_places_passes ON waiting_room_places (room_id, pass_expires_at) WHERE pass_id IS NOT NULL;
CREATE INDEX waiting_room_places_user ON waiting_room_places (user_id);

CREATE TABLE waiting_room_calls (
    room_id uuid NOT NULL REFERENCES waiting_rooms (id) ON DELETE CASCADE,
    serving_number int NOT NULL CHECK (serving_number > 0),
    called_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (room_id, serving_number)
);

CREATE TABLE queue_pass_orders (
    pass_id uuid CONSTRAINT one_order_per_queue_pass PRIMARY KEY,
    order_id uuid NOT NULL UNIQUE REFERENCES orders (id),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX queue_pass_orders_age ON queue_pass_orders (created_at);
"""
# Each instance of reserve and of the site writes its own row, every few seconds of a rush: nobody waits for another.
LOAD = """
CREATE TABLE reserve_load (
    instance_id uuid PRIMARY KEY,
    requests int NOT NULL,
    failures int NOT NULL,
    milliseconds int NOT NULL,
    measured_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX reserve_load_age ON reserve_load (measured_at);
"""


def upgrade() -> None:
    """Create the tables, and add the column."""
    for statements in (EVENTS, ROOMS, LOAD):
        op.get_bind().exec_driver_sql(statements)
