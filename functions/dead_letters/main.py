"""Dead letters: messages and tasks that failed to their last try (PS-028)."""

from uuid import UUID

from shared.cloud import authorization, dead_letters
from shared.cloud.dead_letters import DeadLetterAlreadyDecided, DeadLetterQuery, DeadLetterResponse, Decision
from shared.models import Listing
from shared.problems import NotFound, TryAgain
from shared.web import Admin, App, SteppedUpAdmin, Transaction

app = App("dead_letters")

REFUSALS = (NotFound, DeadLetterAlreadyDecided)


@app.get("/admin/dead-letters")
def list_dead_letters(page: DeadLetterQuery, admin: Admin, tx: Transaction) -> Listing[DeadLetterResponse]:
    """Open or decided dead letters, oldest first."""
    authorization.record_list_access(tx, admin, subject="dead_letter")
    return dead_letters.list_page(tx, page)


@app.get("/admin/dead-letters/{letter_id}", problems=(NotFound,))
def dead_letter(letter_id: UUID, admin: Admin, tx: Transaction) -> DeadLetterResponse:
    """One dead letter."""
    found = dead_letters.read(tx, letter_id)
    authorization.check_access(tx, admin, subject="dead_letter", subject_id=letter_id)  # audits the access
    return found


@app.post("/admin/dead-letters/{letter_id}/replay", status=200, problems=(*REFUSALS, TryAgain))
def replay(letter_id: UUID, decision: Decision, admin: SteppedUpAdmin, tx: Transaction) -> DeadLetterResponse:
    """Publish a message, or enqueue a task, again."""
    return dead_letters.replay(tx, letter_id, decision, by=str(admin.id))


@app.post("/admin/dead-letters/{letter_id}/discard", status=200, problems=REFUSALS)
def discard(letter_id: UUID, decision: Decision, admin: SteppedUpAdmin, tx: Transaction) -> DeadLetterResponse:
    """Discard a dead letter, with a reason."""
    return dead_letters.discard(tx, letter_id, decision, by=str(admin.id))


main = app.entry_point()
