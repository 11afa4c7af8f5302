"""Rate limits (SEC-003): 100 reads and 20 writes a minute for each caller, fewer where secrets are guessed.

A caller is the signed-in user, else the client's address. Thousands of phones share a carrier's address, so an address
may send as much as they do together; attempts to guess a secret are limited for each account (docs/decisions/0017). The
limits are the IETF draft's "quota policies", reported in the headers RateLimit-Policy and RateLimit
(draft-ietf-httpapi-ratelimit-headers-10).
"""

from dataclasses import replace

from flask import Request
from pydantic import TypeAdapter
from pydantic_core import from_json
from werkzeug.wrappers import Response

from shared.cloud.counters import CountersUnavailable
from shared.cloud.settings import settings
from shared.identity.addresses import EmailAddress
from shared.identity.tokens import Principal
from shared.problems import Problem, TryAgain
from shared.web import requests
from shared.web.rate_limiter import Limit, RateLimiter, RateLimitStatus
from shared.web.sliding_window import SECONDS

READS = Limit("reads", 100, per_address=6000)
WRITES = Limit("writes", 20, per_address=600)
SESSIONS = Limit("sessions", 20, per_address=3000)
"""Refreshing and signing out: a crowd's pages do so at once, and their tokens can't be guessed."""
CREDENTIALS = Limit("credentials", 20, per_address=3000)
"""The limit where passwords and codes are tried: loose for each address, strict for each account."""
CODE_MAILS = Limit("code mails", 20, per_address=3000)
"""The limit of requests for codes: separate, so that a stranger's requests don't keep the owner from signing in."""
ACCOUNT_CREDENTIALS = Limit("account credentials", 10, is_strict=True)
"""Tries a minute at one account from one network: others lock nobody out (shared/identity/login_throttling.py)."""
ACCOUNT_CODE_MAILS = Limit("account code mails", 10, is_strict=True)
"""The limit of requests for codes to one account, from all networks: nobody's mailbox is flooded through us."""
QUOTES = Limit("quotes", 100, per_address=3000)
"""Quotes are reads, though their request has a body."""
PROMO_CODES = Limit("promo codes", 20, per_address=600)
"""Prices with a promo code: else codes could be guessed faster by quotes than by reservations."""
EXPORTS = Limit("exports", 30)
"""A file of all there is takes a processor for seconds."""
GATE = Limit("gate", 1200)
"""Scanning tickets is writing, but a queue at a gate brings a person every few seconds, and helpers share an account.

A dozen phones of one account fit in, each with a scan a second and what its page asks for besides. Nobody can guess
by so many: tickets' codes are signed, and pickup codes (40 bits) are tried by the organizer's own people only.
"""
PAGES = Limit("pages", 6000)
"""Public pages and their files, mostly answered by the CDN: loose, as thousands of phones share a carrier's address."""
UNLIMITED = Limit("unlimited", 0)
NOTIFICATIONS = Limit("unsigned notifications", 60)
"""Gateways' notifications: no signed one may be lost, so only unsigned ones are counted."""
_SAMPLES = Limit("samples", 1)

_NETWORK_FACTORS = (1, 4, 16)
"""The multiple of an address's limit for an IPv6 network: /64 (a subscriber's), /56 (a home's), /48 (a site's).

A provider hands out a /56 or a /48 as readily as a /64, so a limit on /64 alone would limit nobody.
"""

_STATUS = "karcis.rate_limit"
_email = TypeAdapter(EmailAddress)
_rate_limiter = RateLimiter()


class TooManyRequests(Problem):
    """You have sent too many requests. Wait for the number of seconds in Retry-After, then go on."""

    status, slug = 429, "too-many-requests"


def default_limit(method: str) -> Limit:
    """The limit of a route that names none."""
    return READS if method == "GET" else WRITES


def check(limit: Limit, request: Request, caller: Principal | None) -> None:
    """Count `request` against its caller, whom its headers name: nothing of its body is read. Raises TooManyRequests.

    Where the shared counters can't be reached, each instance counts by itself; but where passwords and
    codes are tried nobody is let in: raises TryAgain.
    """
    if caller:
        _spend(limit, request, f"user {caller.id}")
    elif limit is not NOTIFICATIONS:
        _spend_address(limit, request)


def check_body(limit: Limit, request: Request, caller: Principal | None) -> None:
    """Count `request` against the account or promo code that only its content names. Raises what `check` raises."""
    email = _email_of(request) if limit in (CREDENTIALS, CODE_MAILS) else None
    if email is None and limit in (QUOTES, CODE_MAILS) and _names_promo_code(request):
        check(PROMO_CODES, request, caller)
    elif email and limit is CREDENTIALS:
        _spend(ACCOUNT_CREDENTIALS, request, f"email {email} {requests.network(request)}")
    elif email:
        _spend(ACCOUNT_CODE_MAILS, request, f"email {email}")


def check_unsigned(limit: Limit, request: Request) -> None:
    """Count an unsigned notification against its sender. Raises TooManyRequests."""
    if limit is NOTIFICATIONS:
        _spend_address(limit, request)


def is_first_of_minute(name: str) -> bool:
    """True for the first call with this name in a minute, on any instance: for what is kept as a sample."""
    return not _rate_limiter.spend(_SAMPLES, [name]).wait_seconds


def _spend_address(limit: Limit, request: Request) -> None:
    """Count a request against its address and the networks around it, each with a larger limit than those within it."""
    for network, times in zip(requests.client_networks(request), _NETWORK_FACTORS, strict=False):
        most = (limit.per_address or limit.per_minute) * times
        _spend(replace(limit, per_minute=most), request, f"address {network}")


def _spend(limit: Limit, request: Request, name: str) -> None:
    if not limit.per_minute or settings().rate_limits == "off":
        return
    try:
        status = _rate_limiter.spend(limit, [name])
    except CountersUnavailable as error:
        raise TryAgain from error
    earlier: RateLimitStatus | None = request.environ.get(_STATUS)
    if earlier is None or status.wait_seconds or status.remaining < earlier.remaining:
        request.environ[_STATUS] = status
    if status.wait_seconds:
        raise TooManyRequests(retry_after_seconds=status.wait_seconds)


def add_headers(request: Request, response: Response) -> None:
    """Report the caller's status in the headers."""
    status: RateLimitStatus | None = request.environ.get(_STATUS)
    if status:
        limit = status.limit
        response.headers["RateLimit-Policy"] = f'"{limit.name}";q={limit.per_minute};w={SECONDS}'
        response.headers["RateLimit"] = f'"{limit.name}";r={status.remaining};t={status.reset_seconds}'


def _email_of(request: Request) -> str | None:
    """The e-mail address of the account that is tried, normalised as we store it."""
    try:
        return _email.validate_python(_text(request, "email"))
    except ValueError:
        return None


def _names_promo_code(request: Request) -> bool:
    """True if prices with a promo code are requested, by the API or by a page's address or form."""
    return bool(_text(request, "promo_code") or _text(request, "promo") or request.args.get("promo"))


def _text(request: Request, field: str) -> str | None:
    """A text of the JSON or form in the body. That may be anything still: what isn't right is refused later."""
    body = requests.raw_body(request)
    if request.mimetype == "application/x-www-form-urlencoded":
        return request.form.get(field)
    try:
        parsed = from_json(body)
    except ValueError:
        return None
    given = parsed.get(field) if isinstance(parsed, dict) else None
    return given if isinstance(given, str) else None
