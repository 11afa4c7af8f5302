"""The form of a new promo code: what it sends (TS-006)."""

from typing import Any, Final
from uuid import UUID

from werkzeug.datastructures import MultiDict

from shared.catalog.promo_codes import NewPromo
from shared.site import forms
from shared.site.languages import translate
from shared.site.organizer import inputs
from shared.web.pages import Language

_NUMBERS = ("minimum_spend", "max_uses", "max_uses_per_user")
_MOMENTS = ("starts_at", "ends_at")


def _(english: str) -> str:
    """Mark a sentence for the translators."""
    return english


LABELS: Final = {
    "code": _("Promo code"),
    "value": _("Discount"),
    "percent": _("Discount"),
    "amount": _("Discount"),
    "minimum_spend": _("From a total of"),
    "max_uses": _("Uses in all"),
    "max_uses_per_user": _("Uses per person"),
    "starts_at": _("Counts from"),
    "ends_at": _("Counts until"),
    "tier_ids": _("Only for"),
}


def new_promo(
    form: "MultiDict[str, str]", event_id: UUID, zone: str, language: Language
) -> tuple[NewPromo | None, dict[str, str]]:
    """The code that the form describes, or what is wrong with each field."""
    values = inputs.texts(form, "code", "value", *_NUMBERS, *_MOMENTS)
    discount = "amount" if form.get("unit") == "amount" else "percent"
    given: dict[str, Any] = {
        "code": values["code"],
        discount: inputs.amount(values["value"]),
        **{name: inputs.amount(values[name]) for name in _NUMBERS},
        **{name: inputs.moment(values[name], zone) for name in _MOMENTS if values[name]},
        "tier_ids": form.getlist("tier_ids") or None,
    }
    filled = {name: value for name, value in given.items() if value not in ("", None)}
    promo, errors = forms.read(NewPromo, {**filled, "event_id": event_id, discount: filled.get(discount)}, language)
    if discount not in filled:
        errors["value"] = translate(language, "Say how much the code takes off.")
    return (None if errors else promo), told(errors | inputs.unreadable_moments(given, _MOMENTS, language), language)


def told(errors: dict[str, str], language: Language) -> dict[str, str]:
    """The errors under the names of the form's fields: of percentage and amount it has one."""
    renamed = {"value" if name in ("percent", "amount") else name: words for name, words in errors.items()}
    return inputs.named(renamed, LABELS, language)


def labels(language: Language) -> dict[str, str]:
    """The label of each field, for the summary of what is wrong."""
    return {name: translate(language, words) for name, words in LABELS.items()}
