"""Links in mails that freeze a bank account before money is sent there, without signing in.

Such a link only proves that its mail was received, so it can only freeze; the owner sets the account again.
"""

import hmac
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import Field

from shared.cloud import clock
from shared.cloud.secrets import secret
from shared.field_types import Trimmed
from shared.identity.marketing import KEY, LinkInvalid
from shared.models import Query

LIFE = timedelta(days=14)
_ID_DIGITS, _TIME_DIGITS = 32, 8


class FreezeLink(Query):
    """The token in a mail's link."""

    token: Annotated[str, Field(pattern="^[0-9a-f]{72}$", repr=False), Trimmed]


def token(account_id: UUID, set_at: datetime) -> str:
    """A token that freezes the bank account that was set at this time; it works for two weeks."""
    return _signed(account_id, f"{int((set_at + LIFE).timestamp()):0{_TIME_DIGITS}x}")


def account_of(link: FreezeLink) -> UUID:
    """The bank account that a link may freeze. Raises LinkInvalid, also where it has expired."""
    account_id = UUID(hex=link.token[:_ID_DIGITS])
    expires = link.token[_ID_DIGITS : _ID_DIGITS + _TIME_DIGITS]
    if not hmac.compare_digest(link.token, _signed(account_id, expires)) or clock.now().timestamp() > int(expires, 16):
        raise LinkInvalid
    return account_id


def _signed(account_id: UUID, expires: str) -> str:
    message = b"freeze:" + account_id.bytes + expires.encode()
    signature = hmac.digest(secret(KEY).encode(), message, "sha256").hex()[:_ID_DIGITS]
    return f"{account_id.hex}{expires}{signature}"
