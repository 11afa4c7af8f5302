"""The gate: which events a person may scan at, and the page that scans. Without scripts it takes typed codes (GATE)."""

import re
from typing import Any, Final
from uuid import UUID

from shared.catalog import events
from shared.catalog.events import EventResponse
from shared.cloud.database import snapshot, transaction
from shared.identity.tokens import Principal
from shared.problems import NotFound, Problem
from shared.site import forms, rendering, static_files
from shared.site.gate import results
from shared.site.gate.results import GateResult
from shared.states import TierKind
from shared.tickets import gate, gate_staff, pickups
from shared.tickets.gate import Scan
from shared.tickets.pickups import PickupScan
from shared.web import GATE, App, GateStaff
from shared.web.pages import CONTENT_SECURITY_POLICY, PERMISSIONS_POLICY, Language, Page, PageRequest

START: Final = "/gate"
_TICKET_CODE = re.compile(r"K\d\.")
_PICKUP_CODE = re.compile(r"[0-9A-Za-z]{4}[- ]?[0-9A-Za-z]{4}")
_READER = "vendor/zxing-wasm"

_HEADERS: Final = {
    "Permissions-Policy": PERMISSIONS_POLICY.replace("camera=()", "camera=(self)"),
    "Content-Security-Policy": CONTENT_SECURITY_POLICY.format(pictures="").replace(
        "script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'"
    ),
}
"""The scanner alone has the camera, and compiles the reader of QR codes, which is WebAssembly."""

pages = App("site")


@pages.page(START)
def start(request: PageRequest, staff: GateStaff) -> Page:
    """The events that the person may scan at, until their gates have closed."""
    with snapshot() as tx:
        found = gate_staff.gate_events(tx, staff).items
    return rendering.page("gate/start.html", request, viewer=staff, events=found)


@pages.page("/gate/{event_id}")
def scanner(request: PageRequest, event_id: UUID, staff: GateStaff) -> Page:
    """The scanner: camera, hand scanner or typing. The device keeps this page for when the network is away."""
    return _page(request, staff, event_id)


@pages.form("/gate/{event_id}", limit=GATE)
def scan_typed(request: PageRequest, event_id: UUID, staff: GateStaff) -> Page:
    """Judge a typed code: that of a ticket, or a pickup code."""
    return _page(request, staff, event_id, answer=_judged(staff, event_id, request))


def address(event_id: UUID, page: str = "") -> str:
    """The address of an event's scanner, or of another page of its gate."""
    return f"{START}/{event_id}/{page}".rstrip("/")


def _judged(staff: Principal, event_id: UUID, request: PageRequest) -> GateResult | None:
    """The answer to what was typed; None where nothing was. A form that is sent again gets the same one."""
    given = forms.non_empty(request.form, "code", "gate", "direction")
    if "code" not in given:
        return None
    judge = _pickup if _PICKUP_CODE.fullmatch(given["code"]) else _ticket
    asked = {**given, "gate": given.get("gate", "")[:50] or None, "event_id": event_id}
    try:
        return judge(staff, {**asked, "scan_id": forms.idempotency_key(request.form)}, request.language)
    except NotFound:
        raise
    except Problem:
        return GateResult("refused")


def _ticket(staff: Principal, given: dict[str, Any], language: Language) -> GateResult:
    wanted, _ = forms.read(Scan, {"qr" if name == "code" else name: value for name, value in given.items()}, language)
    result = GateResult("forged")
    if wanted:
        with transaction() as tx:
            result = results.of_ticket(gate.scan(tx, staff, wanted))
    # Another code, an address or a payment's, is nobody's forgery.
    is_other = result.kind == "forged" and not _TICKET_CODE.match(given["code"])
    return GateResult("not_a_ticket") if is_other else result


def _pickup(staff: Principal, given: dict[str, Any], language: Language) -> GateResult:
    wanted, _ = forms.read(PickupScan, {name: value for name, value in given.items() if name != "direction"}, language)
    if wanted is None:
        return GateResult("pickup_unknown")
    with transaction() as tx:
        return results.of_pickup(pickups.scan(tx, staff, wanted))


def _page(request: PageRequest, staff: Principal, event_id: UUID, answer: GateResult | None = None) -> Page:
    with snapshot() as tx:
        access = gate.require_access(tx, staff, event_id)
        event = events.get(tx, event_id)
    return rendering.form_page(
        "gate/scan.html",
        request,
        viewer=staff,
        headers=_HEADERS,
        address=address(event_id),
        event=event,
        answer=answer,
        settings=_settings(staff, event, allows_reentry=access.allows_reentry),
    )


def _settings(staff: Principal, event: EventResponse, *, allows_reentry: bool) -> dict[str, Any]:
    """The settings of the scanner's script."""
    admitting = [each for each in event.tiers if each.kind in (TierKind.TICKET, TierKind.REGISTRATION)]
    return {
        "event_id": str(event.id),
        "owner": str(staff.id),
        "timezone": event.timezone,
        "allows_reentry": allows_reentry,
        "tiers": [{"id": str(each.id), "name": each.name} for each in admitting],
        "files": {
            "script": static_files.url(f"{_READER}/zxing-reader.js"),
            "wasm": static_files.url(f"{_READER}/zxing_reader.wasm"),
        },
    }
