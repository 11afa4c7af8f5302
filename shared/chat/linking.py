"""Links between a chat and an account with an address, by a mailed code that is typed in the chat (CHAT-4).

    nobody has the address          the chat's own account gets it, or a new account is opened
    somebody has it                 the chat buys with that account from now on, and its orders move there

Only the code proves anything: no profile name, no shared card, no phone number that somebody wrote on the site. Until
it is typed nobody learns whether an address has an account: each is answered, counted and mailed alike. Accounts with
a second factor, and those of admins and gate staff, are not linked, as a code alone does not open them.
"""

import hmac
from uuid import UUID

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import text

from shared.chat import senders
from shared.chat.senders import Sender
from shared.cloud import audit, clock
from shared.cloud.database import Transaction, transaction
from shared.identity import code_mails, code_sign_in, codes, messenger_accounts, people, second_factors
from shared.identity.addresses import EmailAddress
from shared.identity.client_networks import ClientNetwork
from shared.identity.codes import CodeInvalid
from shared.identity.people import Person
from shared.messages import mails, quotas
from shared.problems import Problem
from shared.refunds import records as refund_records
from shared.sales import account_merging

MAX_CODES = 5
"""The most codes a day that a chat has mailed, to whatever addresses."""
_FORMAT = codes.FORMATS["link_chat"]
_LINKED_ROLES = ("customer", "organizer")

_address = TypeAdapter(EmailAddress)
_ISSUE = text("""
    INSERT INTO chat_email_codes AS c (sender_id, address, code_hash, tries_left, expires_at)
    VALUES (:sender_id, :address, :code_hash, :tries, now() + make_interval(secs => :life_seconds))
    ON CONFLICT (sender_id) DO UPDATE
    SET address = excluded.address, code_hash = excluded.code_hash, tries_left = excluded.tries_left,
        expires_at = excluded.expires_at, created_at = now()
    WHERE c.address <> excluded.address OR c.created_at <= now() - make_interval(secs => :resend_seconds)
    RETURNING sender_id
""")
_LOCK = text("""
    SELECT address, code_hash, tries_left > 0 AND expires_at > now() AS is_live
    FROM chat_email_codes WHERE sender_id = :sender_id FOR UPDATE
""")
_HAS_LIVE_ORDER = text("""
    SELECT EXISTS (SELECT 1 FROM orders  -- Uses index: one_live_reservation
        WHERE user_id = :user_id AND status IN ('reserved', 'pending_payment'))
""")
_TRY = text("UPDATE chat_email_codes SET tries_left = tries_left - 1 WHERE sender_id = :sender_id")
_SPEND = text("UPDATE chat_email_codes SET tries_left = 0, code_hash = :spent WHERE sender_id = :sender_id")


class AddressUnreadable(Problem):
    """This is no e-mail address, as name@example.com."""

    status, slug = 422, "address-unreadable"


class TooManyCodes(Problem):
    """This chat has had as many codes as it may have in a day."""

    status, slug = 429, "too-many-codes"


class NotLinkable(Problem):
    """This account is not linked to a chat: it has a second factor, or this chat has an account with an address."""

    status, slug = 409, "not-linkable"


class OrderWaits(Problem):
    """An order of this chat may still be paid. Pay or cancel it first."""

    status, slug = 409, "order-waits"


def send_code(sender: Sender, typed: str, language: str) -> None:
    """Mail a code to an address, unless one was mailed a moment ago. Raises AddressUnreadable, TooManyCodes."""
    try:
        address = _address.validate_python(typed)
    except ValidationError:
        raise AddressUnreadable from None
    client = ClientNetwork(network=f"chat {sender.id}")
    with transaction() as tx:
        if not quotas.try_take(tx, f"chat code:{sender.id}", most=MAX_CODES):
            raise TooManyCodes
        code = _issue(tx, sender.id, address) if code_mails.try_take(tx, address, client) else None
        if code is not None:
            context = {"code": code, "full_name": ""}
            key = f"link_chat:{sender.id}:{codes.keyed_hash(code)[:16]}:{clock.now():%Y%m%d%H%M%S}"
            mails.enqueue(tx, "link_chat", dedupe_key=key, to=address, language=language, context=context)


def redeem(sender: Sender, code: str, key: str, language: str) -> None:
    """Link the chat to the account of the address that the code was mailed to; the same `key` is answered the same.

    Raises CodeInvalid, which costs an attempt, OrderWaits, after which the code is valid still, and NotLinkable.
    """
    with transaction() as tx:
        refusal = _redeem(tx, sender, code, key, language)
    if refusal is not None:
        raise refusal


def _redeem(tx: Transaction, sender: Sender, code: str, key: str, language: str) -> Problem | None:
    row = tx.execute(_LOCK, {"sender_id": sender.id}).first()
    if row is not None and row.code_hash == _spent(key):
        return None
    if row is None or not row.is_live:
        return CodeInvalid()
    tx.execute(_TRY, {"sender_id": sender.id})
    if not hmac.compare_digest(row.code_hash, _hashed(sender.id, row.address, code)):
        return CodeInvalid()
    refusal = _link(tx, sender, row.address, language)
    if not isinstance(refusal, OrderWaits):
        tx.execute(_SPEND, {"sender_id": sender.id, "spent": _spent(key)})
        code_mails.reset(tx, row.address)
    return refusal


def _issue(tx: Transaction, sender_id: UUID, address: str) -> str | None:
    code = _FORMAT.new_code()
    values = {
        "sender_id": sender_id,
        "address": address,
        "code_hash": _hashed(sender_id, address, code),
        "tries": _FORMAT.tries,
        "life_seconds": _FORMAT.life_seconds,
        "resend_seconds": codes.RESEND_SECONDS,
    }
    return code if tx.execute(_ISSUE, values).first() else None


def _link(tx: Transaction, sender: Sender, address: str, language: str) -> Problem | None:
    """Link the chat; return why not."""
    own = people.lock(tx, sender.user_id) if sender.user_id else None
    if own and not messenger_accounts.is_marker(own.email):
        return None if own.email == address else NotLinkable()
    if own and tx.execute(_HAS_LIVE_ORDER, {"user_id": own.id}).scalar_one():
        return OrderWaits()
    there = people.lock_by_email(tx, address)
    if there is None and own is not None:
        messenger_accounts.set_address(tx, own.id, address)
        _record(tx, sender, own.id)
        return None
    if there is None or not there.is_email_verified:
        there = code_sign_in.open_proved(
            tx, email=address, full_name=own.full_name if own else None, language=language, accepted_at=clock.now()
        )
    if there.role not in _LINKED_ROLES or second_factors.find(tx, there.id):
        return NotLinkable()
    if own is not None:
        _join(tx, own, there)
    senders.set_account(tx, sender.id, there.id)
    _record(tx, sender, there.id)
    return None


def _join(tx: Transaction, own: Person, there: Person) -> None:
    """Move what was bought in the chat to the account there, and close the one that it was bought with."""
    account_merging.move_purchases(tx, own.id, there.id)
    refund_records.move(tx, own.id, there.id)
    messenger_accounts.close(tx, own.id)


def _record(tx: Transaction, sender: Sender, user_id: UUID) -> None:
    audit.record(
        tx, "user.chat_linked", subject="user", subject_id=user_id, actor_id=user_id, chat_sender_id=str(sender.id)
    )


def _hashed(sender_id: UUID, address: str, code: str) -> str:
    return codes.keyed_hash(f"link_chat:{sender_id}:{address}:{code}")


def _spent(key: str) -> str:
    return f"spent by {key}"
