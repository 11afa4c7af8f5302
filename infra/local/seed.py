"""Demo accounts and events, so that the first ticket can be bought a minute after the first `make run`."""

from uuid import UUID

from sqlalchemy import text

from infra.local.demo import catalogue
from shared.cloud.database import Transaction, transaction
from shared.identity import passwords

PASSWORD = "Karcis-2026!"  # noqa: S105 - printed at every start, for demo accounts on one's own machine

_PEOPLE = {
    "buyer@karcis.example": ("customer", "Siti Rahma"),
    "buyer2@karcis.example": ("customer", "Budi Santoso"),
    "organizer@karcis.example": ("organizer", "Senja Kreatif"),
    "gate@karcis.example": ("staff", "Dewi di Gerbang"),
    "admin@karcis.example": ("admin", "Ayu Admin"),
    "admin2@karcis.example": ("admin", "Bima Admin"),
}
_USER = text("""
    INSERT INTO users (email, full_name, password_hash, role, organizer_id, is_email_verified, terms_version,
        terms_accepted_at)
    VALUES (:email, :full_name, :password_hash, :role, :organizer_id, true, 'demo', now())
    RETURNING id
""")
_ANYBODY = text("SELECT EXISTS (SELECT 1 FROM users)")


def seed() -> None:
    """Make the accounts in a database that has none yet, and the demo organizer's events that are missing."""
    with transaction() as tx:
        if not tx.execute(_ANYBODY).scalar_one():
            _accounts(tx)
    organizer = catalogue.organizer()
    if organizer:
        catalogue.fill(organizer)


def _accounts(tx: Transaction) -> None:
    password_hash = passwords.hash_password(PASSWORD)
    organizer_id: UUID | None = None
    for email, (role, full_name) in sorted(_PEOPLE.items(), key=lambda person: person[1][0] == "staff"):
        user_id: UUID = tx.execute(
            _USER,
            {
                "email": email,
                "full_name": full_name,
                "password_hash": password_hash,
                "role": role,
                "organizer_id": organizer_id if role == "staff" else None,
            },
        ).scalar_one()
        organizer_id = user_id if role == "organizer" else organizer_id


def accounts() -> list[str]:
    """The text to print: the demo accounts, or nothing where the database was not seeded."""
    with transaction() as tx:
        there = tx.execute(text("SELECT email FROM users WHERE terms_version = 'demo' ORDER BY created_at, email"))
        known = there.scalars().all()
    return [f"{_PEOPLE[email][0]:<10} {email:<28} {PASSWORD}" for email in known if email in _PEOPLE]
