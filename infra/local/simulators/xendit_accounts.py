"""Owners of bank accounts, as Xendit's Iluma tells them (v1.1).

The account number decides, leading zeros aside: nobody has 121212, 131313 is never answered, 111111 is
FIRA DIYANKA's, any other belongs to whom the request names (`given_name`). The header `x-magic-reply`
decides as in Iluma's test mode.
"""

import secrets
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, jsonify, request
from sqlalchemy import Engine, select

from infra.local.simulators import xendit_documents as documents
from infra.local.simulators.api import blueprint, json_object
from infra.local.simulators.settings import SimulatorSettings
from infra.local.simulators.tables import account_checks
from infra.local.simulators.xendit import GATEWAY, require_key

_NOBODY, _SILENT, _SOMEBODY_ELSE = "121212", "131313", "111111"


def accounts_api(settings: SimulatorSettings, engine: Engine) -> Blueprint:
    """Ask for the owner of an account, and for what became of the question."""
    api = blueprint("xendit_accounts", GATEWAY, engine)
    api.before_request(lambda: require_key(settings))

    @api.post("/v1.1/identity/bank_account_data_requests")
    def check() -> Response:
        answer = _account_check(json_object(), request.headers.get("x-magic-reply", ""))
        with engine.begin() as tx:
            tx.execute(account_checks.insert().values(id=answer["id"], answer=answer))
        return jsonify(answer)

    @api.get("/v1.1/identity/bank_account_data_requests/<check_id>")
    def read(check_id: str) -> Response:
        query = select(account_checks.c.answer).where(account_checks.c.id == check_id)
        with engine.connect() as tx:
            answer = tx.execute(query).scalar_one_or_none()
        if answer is None:
            raise documents.xendit_error(404, "DATA_NOT_FOUND", "Request not found")
        return jsonify(answer)

    return api


def _account_check(body: dict[str, Any], magic_reply: str) -> dict[str, Any]:
    number = str(body.get("bank_account_number") or "")
    if not number.isdigit() or not body.get("bank_code"):
        raise documents.invalid("bank_account_number", "must be digits")
    bare = number.lstrip("0")
    now = documents.iso(datetime.now(UTC))
    answer = {
        "status": "COMPLETED",
        "bank_account_number": number,
        "bank_code": body["bank_code"],
        "created": now,
        "updated": now,
        "id": f"bknv_{secrets.token_hex(12)}",
        "reference_id": body.get("reference_id"),
    }
    if magic_reply in ("PENDING", "WAITING_ON_BANK") or bare == _SILENT:
        return answer | {"status": magic_reply or "PENDING"}
    if magic_reply == "COMPLETED_NOT_FOUND" or (not magic_reply and bare == _NOBODY):
        return answer | {"result": {"is_found": False}}
    named = " ".join(str(body[part]) for part in ("given_name", "surname") if body.get(part)).upper()
    name = "FIRA DIYANKA" if bare == _SOMEBODY_ELSE or not named else named
    return answer | {"result": {"is_found": True, "account_holder_name": name, "is_virtual_account": False}}
