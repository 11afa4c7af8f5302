"""Dead letters from the command line (PS-028)."""

from uuid import UUID, uuid4

import pytest

from shared.cloud import dead_letters
from shared.cloud.database import transaction
from shared.cloud.dead_letters import DeadLetterQuery, Decision
from shared.cloud.dead_letters_command import main
from tests.threads import behind

pytestmark = pytest.mark.usefixtures("database")


def a_given_up_task() -> UUID:
    """A webhook that failed for the last time."""
    event_id = uuid4()
    with transaction() as tx:
        dead_letters.record_failed_task(
            tx, "webhooks", "webhook_retry", "/tasks/retry", {"event_id": event_id}, ValueError("broken")
        )
        items = dead_letters.list_page(tx, DeadLetterQuery(page_size=100)).items
    return next(item.id for item in items if item.payload == {"event_id": str(event_id)})


def test_a_task_is_listed_shown_and_sent_again(capsys: pytest.CaptureFixture[str], scheduled):
    letter_id = a_given_up_task()
    assert main(["list"]) == 0
    assert f"{letter_id}" in capsys.readouterr().out
    assert main(["show", str(letter_id)]) == 0
    assert '"error": "ValueError: broken"' in capsys.readouterr().out
    assert main(["replay", str(letter_id), "--reason", "repaired"]) == 0
    [task] = scheduled.tasks
    assert task.http_request.url.endswith("/functions/webhook-retry/tasks/retry")
    assert main(["discard", str(letter_id), "--reason", "again"]) == 1
    assert "already" in capsys.readouterr().err


def test_while_cloud_tasks_is_away_a_task_stays_in_the_list(capsys: pytest.CaptureFixture[str], scheduled):
    letter_id = a_given_up_task()
    scheduled.broken = True
    assert main(["replay", str(letter_id), "--reason", "repaired"]) == 1
    assert "try again" in capsys.readouterr().err
    with transaction() as tx:
        assert dead_letters.read(tx, letter_id).decision is None
    scheduled.broken = False
    assert main(["replay", str(letter_id), "--reason", "repaired"]) == 0
    assert len(scheduled.tasks) == 1


def test_one_that_is_discarded_is_sent_nowhere(scheduled):
    letter_id = a_given_up_task()
    assert main(["discard", str(letter_id), "--reason", "the event is over"]) == 0
    assert scheduled.tasks == []
    with transaction() as tx:
        assert dead_letters.read(tx, letter_id).decision == "discarded"


def test_of_two_who_send_it_again_at_the_same_moment_one_does(scheduled):
    letter_id = a_given_up_task()
    with transaction() as tx:
        dead_letters.replay(tx, letter_id, Decision(reason="repaired"), by="first")
        replaying = behind(tx, lambda: main(["replay", str(letter_id), "--reason", "repaired"]))
    assert replaying.result() == 1
    assert len(scheduled.tasks) == 1
