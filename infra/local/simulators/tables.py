"""Tables of the simulated gateways. Amounts are whole rupiah."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

from infra.local.cloud.store import metadata


def _created_at() -> Column[object]:
    return Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp())


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
    Column("methods", JSONB, nullable=False),
    Column("channel", Text),
    Column("qr_string", Text),
    Column("va_number", Text),
    Column("request", JSONB, nullable=False),
    Column("idempotency_key", Text),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("paid_at", DateTime(timezone=True)),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    _created_at(),
    Index("simulated_payments_external", "gateway", "external_id"),
    Index("simulated_payments_token", "token"),
    Index("simulated_payments_transaction", "transaction_id"),
)
"""`reference` is Xendit's invoice id, or our order id at Midtrans."""

refunds = Table(
    "simulated_refunds",
    metadata,
    Column("id", Text, primary_key=True),
    Column("number", BigInteger, Identity(), nullable=False),
    Column("gateway", Text, nullable=False),
    Column("payment_reference", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("idempotency_key", Text),
    Column("amount", BigInteger, nullable=False),
    Column("reason", Text),
    Column("settles_at", DateTime(timezone=True), nullable=False),
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
    Column("request", JSONB, nullable=False),
    Column("cancelled_at", DateTime(timezone=True)),
    _created_at(),
)
"""A payout's status follows from its account number and its age."""

account_checks = Table(
    "simulated_account_checks",
    metadata,
    Column("id", Text, primary_key=True),
    Column("answer", JSONB, nullable=False),
    _created_at(),
)

movements = Table(
    "simulated_movements",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("gateway", Text, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)
"""Money in (positive) and out (negative) of our account there; those in the future are still to come."""

faults = Table(
    "simulated_faults",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("gateway", Text, nullable=False, index=True),
    Column("remaining", Integer, nullable=False),
    Column("misbehaviour", JSONB, nullable=False),
)

mails = Table(
    "simulated_mails",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("message_id", Text, nullable=False),
    Column("recipient", Text, nullable=False, index=True),
    Column("sender", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("template", Text),
    Column("custom_args", JSONB, nullable=False),
    Column("categories", JSONB, nullable=False),
    Column("sent_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
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
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("name", Text, nullable=False),
    Column("phone", Text, unique=True),
    Column("user_id", Text, nullable=False, unique=True),
    Column("username", Text),
    Column("last_wrote_at", DateTime(timezone=True)),
    _created_at(),
)
"""People with WhatsApp. Of one who has a username WhatsApp tells no number."""

chat_messages = Table(
    "simulated_chat_messages",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("phone_id", BigInteger, ForeignKey(phones.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("message_id", Text, nullable=False, unique=True),
    Column("is_from_business", Boolean, nullable=False),
    Column("content", JSONB, nullable=False),
    Column("status", Text, nullable=False),
    _created_at(),
)

chat_media = Table(
    "simulated_chat_media",
    metadata,
    Column("id", BigInteger, Identity(start=310000000000001), primary_key=True),
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
