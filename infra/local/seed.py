"""Demo accounts and a demo event, so that the first ticket can be bought a minute after the first `make run`.

Its gates are open already, so that the ticket can be scanned too.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from shared.catalog import editing, events
from shared.catalog.tiers import NewTier
from shared.cloud.database import Transaction, transaction
from shared.identity import passwords
from shared.identity.tokens import Principal

PASSWORD = "Karcis-2026!"  # noqa: S105 - printed at every start, for demo accounts on one's own machine

_PEOPLE = {
    "buyer@karcis.example": ("customer", "Siti Rahma"),
    "buyer2@karcis.example": ("customer", "Budi Santoso"),
    "organizer@karcis.example": ("organizer", "Senja Kreatif"),
    "gate@karcis.example": ("staff", "Dewi di Gerbang"),
    "admin@karcis.example": ("admin", "Ayu Admin"),
}
_USER = text("""
    INSERT INTO users (email, full_name, password_hash, role, organizer_id, is_email_verified, terms_version,
        terms_accepted_at)
    VALUES (:email, :full_name, :password_hash, :role, :organizer_id, true, 'demo', now())
    RETURNING id
""")
_AT_THE_GATE = text("""
    INSERT INTO event_staff (event_id, user_id) SELECT :event_id, id FROM users WHERE role = 'staff'
""")
_ANYBODY = text("SELECT EXISTS (SELECT 1 FROM users)")


def seed() -> None:
    """Make them in a database that has no accounts yet."""
    with transaction() as tx:
        if tx.execute(_ANYBODY).scalar_one():
            return
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
        _event(tx, Principal(organizer_id, "organizer", organizer_id) if organizer_id else None)


def accounts() -> list[str]:
    """What to print: the demo accounts, or nothing where the database was not seeded."""
    with transaction() as tx:
        there = tx.execute(text("SELECT email FROM users WHERE terms_version = 'demo' ORDER BY created_at, email"))
        known = there.scalars().all()
    return [f"{_PEOPLE[email][0]:<10} {email:<28} {PASSWORD}" for email in known if email in _PEOPLE]


def _event(tx: Transaction, organizer: Principal | None) -> None:
    if organizer is None:
        return
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    start = midnight + timedelta(days=29, hours=12)  # 19.00 in Jakarta
    event = editing.create(
        tx,
        organizer,
        events.NewEvent(
            title="Konser Senja di Istora",
            description="Satu malam bersama musisi pilihan, dari akustik sampai orkestra.",
            category="musik",
            location="Jakarta",
            venue="Istora Senayan",
            start_date=start,
            end_date=start + timedelta(hours=4),
            timezone="Asia/Jakarta",
            gates_open_at=now,
            capacity=1_000,
            terms="Pintu dibuka 17.30. Tiket berlaku untuk satu orang. Bawa kartu identitas.",
            tiers=[
                NewTier(name="Festival", price=150_000, quota=800, description="Berdiri, area depan panggung."),
                NewTier(name="VIP", price=450_000, quota=100, description="Duduk, baris A sampai D.", max_per_order=4),
                NewTier(name="Komunitas", price=0, quota=50, description="Gratis untuk relawan.", max_per_order=1),
            ],
        ),
    )
    editing.change(tx, organizer, event.id, events.EventChange(status="published"))
    tx.execute(_AT_THE_GATE, {"event_id": event.id})
