"""The WhatsApp settings of an account: notices in its chats, and ending a link (NS-010, CHAT-4)."""

from shared.chat import accounts
from shared.cloud.database import transaction
from shared.web import App, SignedIn
from shared.web.pages import PageRequest, Redirect

SAVED = "/account?saved=yes#whatsapp"

pages = App("site")


@pages.form("/account/whatsapp")
def choose_notices(request: PageRequest, viewer: SignedIn) -> Redirect:
    """Say whether one wants to be told of one's orders by WhatsApp."""
    with transaction() as tx:
        accounts.choose(tx, viewer.id, wants_notices=request.form.get("notices") == "on")
    return Redirect(SAVED)


@pages.form("/account/whatsapp/disconnect")
def disconnect(viewer: SignedIn) -> Redirect:
    """End the link of the account to its chats, and forget what was written there."""
    with transaction() as tx:
        accounts.disconnect(tx, viewer.id)
    return Redirect(SAVED)
