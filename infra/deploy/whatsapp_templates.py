"""Submits the templates of notices for WhatsApp's review, and lists what became of them (docs/runbook.md).

    python -m infra.deploy.whatsapp_templates print                     the documents, one a line
    python -m infra.deploy.whatsapp_templates submit --account 1985… --sample-ticket 4::aW…
    python -m infra.deploy.whatsapp_templates list --account 1985…

`--account` is Meta's id of our WhatsApp Business account, `--sample-ticket` its handle of an uploaded PDF. The token of
the system user is read from the environment (WHATSAPP_ACCESS_TOKEN). What is there already is not submitted again: a
text that changes needs a new version in shared/chat/templates.py.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import requests

from shared.chat.templates import LANGUAGES, TEMPLATES
from shared.cloud.settings import settings

_TIMEOUT_SECONDS = 30
_PAGE_SIZE = 200


def main(arguments: Sequence[str]) -> int:
    """Do what is asked; 1 where WhatsApp refused something."""
    wanted = _parser().parse_args(arguments)
    if wanted.action == "print":
        for document in documents(wanted.sample_ticket):
            print(json.dumps(document, ensure_ascii=False))
        return 0
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {os.environ['WHATSAPP_ACCESS_TOKEN']}"
        url = f"{settings().whatsapp_base_url}/{settings().whatsapp_version}/{wanted.account}/message_templates"
        there = _statuses(session, url)
        if wanted.action == "list":
            for (name, language), status in sorted(there.items()):
                print(f"{status:<12} {language} {name}")
            return 0
        missing = [each for each in documents(wanted.sample_ticket) if (each["name"], each["language"]) not in there]
        taken = [_submit(session, url, each) for each in missing]
        return 0 if all(taken) else 1


def documents(sample_ticket: str) -> Iterator[dict[str, Any]]:
    """Every template in every language, as WhatsApp takes it."""
    for template in TEMPLATES.values():
        for language in LANGUAGES:
            yield template.submission(language, sample_ticket)


def _statuses(session: requests.Session, url: str) -> dict[tuple[str, str], str]:
    """The status of each template that is there."""
    answer = session.get(url, params={"limit": _PAGE_SIZE}, timeout=_TIMEOUT_SECONDS)
    answer.raise_for_status()
    return {(each["name"], each["language"]): each["status"] for each in answer.json()["data"]}


def _submit(session: requests.Session, url: str, document: Mapping[str, Any]) -> bool:
    answer = session.post(url, json=document, timeout=_TIMEOUT_SECONDS)
    print(f"{answer.status_code} {document['language']} {document['name']} {'' if answer.ok else answer.text}")
    return answer.ok


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Templates of notices at WhatsApp.")
    parser.add_argument("action", choices=["print", "submit", "list"])
    parser.add_argument("--account", default="")
    parser.add_argument("--sample-ticket", default="4::SAMPLE")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
