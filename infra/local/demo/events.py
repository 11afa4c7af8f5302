"""The demo events, as `events.yaml` beside this file describes them.

The first one comes first in every list, with its gates open: README buys a ticket of it and scans it.
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from infra.local.demo import motifs
from infra.local.demo.artwork import Artwork
from infra.local.demo.dates import DemoMoment
from infra.local.demo.motifs import Motif
from shared.catalog.events import NewEvent
from shared.catalog.promo_codes import NewPromo
from shared.cloud import clock
from shared.states import EventStatusName

PATH: Final = Path(__file__).with_name("events.yaml")
UNITS: Final = 40
"""How many codes of each digital good are there to sell."""
_JAKARTA: Final = "Asia/Jakarta"
_OWN: Final = {"start", "hours", "gates_are_open", "motif", "colours", "status", "promos", "taken"}
_TIER_MOMENTS: Final[tuple[str, ...]] = ("early_bird_end", "sale_start", "sale_end")


@dataclass(frozen=True)
class DemoEvent:
    """An event, what its banner shows, and what becomes of it.

    `units` are digital goods, by the name of their tier. `taken`: what has become of every seat.
    """

    new: NewEvent
    motif: Motif
    colours: tuple[str, ...]
    status: EventStatusName = "published"
    promos: tuple[NewPromo, ...] = ()
    units: tuple[tuple[str, tuple[str, ...]], ...] = ()
    taken: Literal["sold", "held"] | None = None

    @property
    def artwork(self) -> Artwork:
        """Its banner."""
        kicker = f"{self.new.category} · {self.new.location}"
        return Artwork(self.motif, self.colours, kicker, self.new.title)


def all_events() -> list[DemoEvent]:
    """The events, from today on."""
    return [_read(written) for written in yaml.safe_load(PATH.read_text(encoding="utf-8"))]


def _read(written: dict[str, Any]) -> DemoEvent:
    new = _new_event(written)
    return DemoEvent(
        new,
        getattr(motifs, written["motif"]),
        tuple(written["colours"]),
        written.get("status", "published"),
        promos=tuple(NewPromo.model_validate(promo) for promo in written.get("promos", ())),
        units=tuple((tier.name, _units(tier.price)) for tier in new.tiers if tier.kind == "digital"),
        taken=written.get("taken"),
    )


def _new_event(written: dict[str, Any]) -> NewEvent:
    zone = written.get("timezone", _JAKARTA)
    start = DemoMoment(**written["start"]).in_zone(zone)
    fields = {
        **{name: value for name, value in written.items() if name not in _OWN},
        "start_date": start,
        "end_date": start + timedelta(hours=written["hours"]),
        "gates_open_at": clock.now() if written.get("gates_are_open") else None,
        "tiers": [_tier(tier, zone) for tier in written["tiers"]],
    }
    return NewEvent.model_validate(fields)


def _tier(written: dict[str, Any], zone: str) -> dict[str, Any]:
    moments = {name: DemoMoment(**written[name]).in_zone(zone) for name in _TIER_MOMENTS if name in written}
    return {**written, **moments}


def _units(price: int) -> tuple[str, ...]:
    return tuple(f"FILM-{price}-{7919 * number:06d}" for number in range(1, UNITS + 1))
