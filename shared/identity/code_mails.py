"""Limits of mailed codes: to one address, and from one network to all addresses (AUTH-1, UM-006).

    sign-in codes, an address, requested from one network    after 1, 5, 15 minutes, then hourly
    sign-in codes, an address, from all networks             6 at once, and one more each 45 minutes
    codes of any kind, a network, to all addresses           3,000 at once, and one more each 10 seconds

A stranger who requests somebody's codes doesn't delay those that the owner requests from elsewhere, until the six are
used up; a known device is never delayed by others. Entering a code gives back what its mail has cost the network, so
that a crowd behind one address is not limited by its size, and whoever mails strangers through us is. Addresses without
account are counted alike.
"""

from shared.cloud.database import Transaction
from shared.cloud.settings import settings
from shared.identity import login_throttling
from shared.identity.client_networks import ClientNetwork
from shared.identity.login_throttling import LeakyBucket, TooManyAttempts

TO_ADDRESS = LeakyBucket("code mails to", 6, 2700)
FROM_NETWORK = LeakyBucket("code mails from", 3000, 10)


def try_take(tx: Transaction, email: str, client: ClientNetwork, *, known: str | None = None) -> bool:
    """Count one mail with a code to sign in; False, and none is counted, where the next is not due yet.

    `known` is the key of a known device. Raises TooManyAttempts where the network's mails are used up.
    """
    kind = login_throttling.MAILS["sign_in"]
    if known is not None:
        return login_throttling.try_attempt(tx, kind, email, known)
    check_network(tx, client)
    if login_throttling.seconds_over_budget(tx, TO_ADDRESS, email) > 0:
        return False
    if not login_throttling.try_attempt(tx, kind, email, client.network):
        return False
    login_throttling.spend(tx, TO_ADDRESS, email)
    count(tx, client)
    return True


def check_network(tx: Transaction, client: ClientNetwork) -> None:
    """Refuse to mail a code where the network's mails are used up. Raises TooManyAttempts."""
    over = login_throttling.seconds_over_budget(tx, FROM_NETWORK, client.network)
    if over > 0 and client.network and settings().rate_limits != "off":
        detail = "Too many codes were requested from where you are. Wait a little, then try again."
        raise TooManyAttempts(detail, retry_after_seconds=over)


def count(tx: Transaction, client: ClientNetwork) -> None:
    """Count one mail against its network. Others there wait for the row until `tx` ends."""
    if client.network:
        login_throttling.spend(tx, FROM_NETWORK, client.network)


def restore(tx: Transaction, client: ClientNetwork) -> None:
    """Count one mail less against a network, as its code was entered."""
    if client.network:
        login_throttling.restore(tx, FROM_NETWORK, client.network)


def reset(tx: Transaction, email: str) -> None:
    """Count no mails to an address any more, as its owner has entered the code."""
    login_throttling.reset_budget(tx, TO_ADDRESS, email)
