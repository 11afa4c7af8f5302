"""Instances are kept warm by one command, and not more than a function may have."""

import pytest

from infra.deploy import warm

SERVICES: dict[str, dict] = {"reserve": {}, "issue-ticket": {}}
ANNOTATIONS = {"reserve": {warm.MIN_SCALE: "1", warm.MAX_SCALE: "10"}, "issue-ticket": {warm.MAX_SCALE: "20"}}


@pytest.fixture
def command(gcloud, monkeypatch):
    gcloud.holds(SERVICES, ANNOTATIONS)

    def run(*arguments: str) -> int:
        monkeypatch.setattr("sys.argv", ["warm", *arguments])
        return warm.main()

    return run


def test_each_function_that_is_named_gets_its_least_instances(gcloud, command, capsys):
    assert command("reserve=6", "issue_ticket=20") == 0
    assert gcloud.changes() == [["issue-ticket", "--min=20"], ["reserve", "--min=6"]]
    assert "reserve: 6 warm (was 1), 10 at most" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("resreve=6", "there is no function resreve"),
        ("reserve=11", "reserve may have 10 instances"),
        ("reserve", "is not a name and a number"),
        ("reserve=-1", "is not a name and a number"),
    ],
)
def test_what_can_not_be_changes_nothing(gcloud, command, capsys, argument: str, words: str):
    assert command("issue_ticket=1", argument) == 1
    assert words in capsys.readouterr().out
    assert not gcloud.changes()


def test_without_names_it_only_says_what_is(gcloud, command, capsys):
    assert command() == 0
    assert "issue-ticket: 0 warm (was 0), 20 at most" in capsys.readouterr().out
    assert not gcloud.changes()


def test_one_that_is_stuck_does_not_keep_the_others(gcloud, command, capsys):
    gcloud.refuses("reserve")
    assert command("reserve=6", "issue_ticket=4") == 1
    assert "do it by hand: reserve" in capsys.readouterr().out
    assert len(gcloud.changes()) == 2
