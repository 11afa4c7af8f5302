"""How many codes to sign in are mailed: to one address, and for one network, whoever has an account (AUTH-1, UM-006).

    an address, asked for from one network    after 1, 5, 15 minutes, then hourly
    an address, from all networks             6 at once, and one more each 45 minutes
    a network, to all addresses               3,000 at once, and one more each 10 seconds

A stranger who asks for somebody's codes doesn't delay those that the owner asks for from elsewhere, until the six are
used up; a device that has signed in before is not kept waiting by others at all. Whoever enters their code gives back
what its mail has cost their network, so that a crowd behind one address is not limited by its number.
"""

from shared.cloud.database import Transaction
from shared.cloud.settings import settings
from shared.identity import login_throttling
from shared.identity.client_networks import ClientNetwork
from shared.identity.login_throttling import Budget, TooManyAttempts

TO_ADDRESS = Budget("code mails to", 6, 2700)
FROM_NETWORK = Budget("code mails from", 3000, 10)


def take(tx: Transaction, email: str, client: ClientNetwork, *, known: str | None = None) -> bool:
    """Count one mail; False, and none is counted, where the next to this address is not due yet.

    `known` names a device that has signed in before. Raises TooManyAttempts where the network's mails are used up.
    """
    kind = login_throttling.MAILS["sign_in"]
    if known is not None:
        return login_throttling.try_attempt(tx, kind, email, known)
    over = login_throttling.seconds_over_budget(tx, FROM_NETWORK, client.network)
    if over > 0 and client.network and settings().rate_limits != "off":
        raise TooManyAttempts("Too many codes were asked for from where you are.", retry_after_seconds=over)
    if login_throttling.seconds_over_budget(tx, TO_ADDRESS, email) > 0:
        return False
    if not login_throttling.try_attempt(tx, kind, email, client.network):
        return False
    login_throttling.spend(tx, TO_ADDRESS, email)
    if client.network:
        login_throttling.spend(tx, FROM_NETWORK, client.network)
    return True


def forget(tx: Transaction, email: str, client: ClientNetwork) -> None:
    """Begin anew at an address whose owner has entered the code, and give back its mail to their network."""
    login_throttling.reset_budget(tx, TO_ADDRESS, email)
    if client.network:
        login_throttling.give_back(tx, FROM_NETWORK, client.network)
