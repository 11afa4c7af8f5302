"""Tables of the simulated gateways. Amounts are whole rupiah.

They live in PostgreSQL, where several processes share them, or in SQLite within one process (tests/simulation).
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

from infra.local.cloud.store import metadata


class _SqliteMoment(TypeDecorator[datetime]):
    """A moment in SQLite, which keeps no zones: as UTC."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _: Dialect) -> datetime | None:
        """Write it without its zone."""
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(self, value: Any, _: Dialect) -> datetime | None:
        """Read it as UTC."""
        return value.replace(tzinfo=UTC) if value else None


MOMENT = DateTime(timezone=True).with_variant(_SqliteMoment(), "sqlite")
DOCUMENT = JSONB().with_variant(JSON(), "sqlite")
NUMBER = BigInteger().with_variant(Integer(), "sqlite")


def _created_at() -> Column[object]:
    return Column("created_at", MOMENT, nullable=False, server_default=func.clock_timestamp())


payments = Table(
    "simulated_payments",
    metadata,
    Column("gateway", Text, primary_key=True),
    Column("reference", Text, primary_key=True),
    Column("external_id", Text, nullable=False),
    Column("transaction_id", Text, nullable=False),
    Column("token", Text),
    Column("status", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("paid_amount", BigInteger),
    Column("refunded_amount", BigInteger, nullable=False, server_default="0"),
    Column("methods", DOCUMENT, nullable=False),
    Column("channel", Text),
    Column("qr_string", Text),
    Column("va_number", Text),
    Column("request", DOCUMENT, nullable=False),
    Column("idempotency_key", Text),
    Column("expires_at", MOMENT, nullable=False),
    Column("paid_at", MOMENT),
    Column("updated_at", MOMENT, nullable=False, server_default=func.clock_timestamp()),
    _created_at(),
    Index("simulated_payments_external", "gateway", "external_id"),
    Index("simulated_payments_token", "token"),
    Index("simulated_payments_transaction", "transaction_id"),
)
"""`reference` is Xendit's invoice id, or our order id at Midtrans."""

refunds = Table(
    "simulated_refunds",
    metadata,
    Column("number", NUMBER, Identity(), primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("gateway", Text, nullable=False),
    Column("payment_reference", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("idempotency_key", Text),
    Column("amount", BigInteger, nullable=False),
    Column("reason", Text),
    Column("settles_at", MOMENT, nullable=False),
    _created_at(),
    UniqueConstraint("gateway", "payment_reference", "reference"),
    UniqueConstraint("gateway", "idempotency_key"),
)

payouts = Table(
    "simulated_payouts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("reference", Text, nullable=False, index=True),
    Column("idempotency_key", Text, nullable=False, unique=True),
    Column("amount", BigInteger, nullable=False),
    Column("request", DOCUMENT, nullable=False),
    Column("cancelled_at", MOMENT),
    _created_at(),
)
"""A payout's status follows from its account number and its age."""

account_checks = Table(
    "simulated_account_checks",
    metadata,
    Column("id", Text, primary_key=True),
    Column("answer", DOCUMENT, nullable=False),
    _created_at(),
)

movements = Table(
    "simulated_movements",
    metadata,
    Column("id", NUMBER, Identity(), primary_key=True),
    Column("gateway", Text, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("at", MOMENT, nullable=False),
)
"""Money in (positive) and out (negative) of our account there; those in the future are still to come."""

faults = Table(
    "simulated_faults",
    metadata,
    Column("id", NUMBER, Identity(), primary_key=True),
    Column("gateway", Text, nullable=False, index=True),
    Column("remaining", Integer, nullable=False),
    Column("misbehaviour", DOCUMENT, nullable=False),
)

mails = Table(
    "simulated_mails",
    metadata,
    Column("id", NUMBER, Identity(), primary_key=True),
    Column("message_id", Text, nullable=False),
    Column("recipient", Text, nullable=False, index=True),
    Column("sender", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("template", Text),
    Column("custom_args", DOCUMENT, nullable=False),
    Column("categories", DOCUMENT, nullable=False),
    Column("sent_at", MOMENT, nullable=False, server_default=func.clock_timestamp()),
)

attachments = Table(
    "simulated_attachments",
    metadata,
    Column("mail_id", BigInteger, ForeignKey(mails.c.id, ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("filename", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("inline", Boolean, nullable=False),
)

suppressions = Table(
    "simulated_suppressions",
    metadata,
    Column("list_name", Text, primary_key=True),
    Column("recipient", Text, primary_key=True),
    _created_at(),
)
"""The addresses on SendGrid's lists `bounces` and `spam_reports`."""

phones = Table(
    "simulated_phones",
    metadata,
    Column("id", NUMBER, Identity(), primary_key=True),
    Column("name", Text, nullable=False),
    Column("phone", Text, unique=True),
    Column("user_id", Text, nullable=False, unique=True),
    Column("username", Text),
    Column("last_wrote_at", MOMENT),
    _created_at(),
)
"""People with WhatsApp. Of one who has a username WhatsApp tells no number."""

chat_messages = Table(
    "simulated_chat_messages",
    metadata,
    Column("id", NUMBER, Identity(), primary_key=True),
    Column("phone_id", BigInteger, ForeignKey(phones.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("message_id", Text, nullable=False, unique=True),
    Column("is_from_business", Boolean, nullable=False),
    Column("content", DOCUMENT, nullable=False),
    Column("status", Text, nullable=False),
    _created_at(),
    Index("simulated_chat_messages_age", "created_at"),
)

chat_templates = Table(
    "simulated_chat_templates",
    metadata,
    Column("id", NUMBER, Identity(start=500500000000001), primary_key=True),
    Column("name", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("document", DOCUMENT, nullable=False),
    Column("status", Text, nullable=False),
    _created_at(),
    UniqueConstraint("name", "language"),
)

chat_media = Table(
    "simulated_chat_media",
    metadata,
    Column("id", NUMBER, Identity(start=310000000000001), primary_key=True),
    Column("filename", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    _created_at(),
)

signing_keys = Table(
    "simulated_signing_keys",
    metadata,
    Column("name", Text, primary_key=True),
    Column("private_key", LargeBinary, nullable=False),
)
