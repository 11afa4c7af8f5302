"""An event for search engines: schema.org's Event as JSON-LD."""

import json
from typing import Any

from markupsafe import Markup

from shared.cloud.settings import settings
from shared.site.offers import EventOffer, State

_AVAILABILITY: dict[State, str] = {
    "on_sale": "InStock",
    "held": "LimitedAvailability",
    "sold_out": "SoldOut",
    "not_yet": "PreOrder",
    "ended": "SoldOut",
    "cancelled": "Discontinued",
}


def of_event(offer: EventOffer, language: str) -> Markup:
    """The JSON, safe to stand in a script element."""
    event = offer.event
    address = f"{settings().public_url}/{language}/events/{event.slug}"
    status = "EventCancelled" if offer.state == "cancelled" else "EventScheduled"
    document: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Event",
        "name": event.title,
        "description": event.description[:500],
        "startDate": event.start_date.isoformat(),
        "endDate": event.end_date.isoformat(),
        "eventStatus": f"https://schema.org/{status}",
        "eventAttendanceMode": "https://schema.org/OfflineEventAttendanceMode",
        "location": {
            "@type": "Place",
            "name": event.venue or event.location,
            "address": {"@type": "PostalAddress", "addressLocality": event.location, "addressCountry": "ID"},
        },
        "url": address,
        "offers": [
            {
                "@type": "Offer",
                "name": each.tier.name,
                "price": each.tier.current_price,
                "priceCurrency": "IDR",
                "url": address,
                "availability": f"https://schema.org/{_AVAILABILITY[each.state]}",
            }
            for each in offer.offers
        ],
    }
    if event.banner_url:
        document["image"] = [event.banner_url]
    # Within a script element only these could end it or begin another.
    return Markup(json.dumps(document, ensure_ascii=False).replace("<", "\\u003c").replace("&", "\\u0026"))  # noqa: S704  # nosec B704 - escaped above
