"""Parsing of requests: size, type, JSON, and validation of every field, with a message for each invalid one."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Network, ip_address, ip_network
from typing import IO, Any, TypeVar

from flask import Request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from shared.cloud.settings import settings
from shared.problems import ContentTooLarge, Invalid, Malformed, Problem, UnsupportedMediaType
from shared.sentences import Sentence
from shared.web import body_deadlines, wording

MAX_BODY_BYTES = 1_000_000
MAX_DRAINED_BYTES = 100_000_000
"""Google's front end takes 32 MiB at most (cloud.google.com/run/quotas); this is for a server that has none."""
_MULTIPART_FRAME_BYTES = 16_384  # boundaries and headers around a file
_CHUNK_BYTES = 65_536
MAX_LISTED_ERRORS = 50
_MAX_ERRORS = 1000
"""The most errors that are listed; further ones are only counted, as listing them costs more than the request."""
_MAX_PATH_LENGTH = 200
_IPV6_NETWORKS = (64, 56, 48)

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class RawRequest:
    """A raw request, for signature checks over its bytes. Header names are in lower case."""

    headers: Mapping[str, str]
    body: bytes
    address: str
    """The caller's address, as `client_address` gives it."""


@dataclass(frozen=True)
class Upload:
    """A file out of a multipart body. Its name and type as sent prove nothing and are not kept."""

    content: bytes


@dataclass(frozen=True)
class MaxBytes:
    """The size limit of an upload or a raw request: `Annotated[Upload, MaxBytes(...)]`."""

    size: int


def upload(request: Request, field: str, most: MaxBytes) -> Upload:
    """The file in the multipart field `field`, the only part. Raises UnsupportedMediaType, ContentTooLarge, Invalid."""
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMediaType("Send the file as multipart/form-data.")
    request.max_content_length = most.size + _MULTIPART_FRAME_BYTES
    try:
        return Upload(_only_file(request, field, most))
    except RequestEntityTooLarge as error:
        raise _file_too_large(most) from error
    finally:
        request.close()  # a large file lies on disk until then


def _only_file(request: Request, field: str, most: MaxBytes) -> bytes:
    if (request.content_length or 0) > most.size + _MULTIPART_FRAME_BYTES:
        raise RequestEntityTooLarge
    names = {*request.files, *request.form}
    if field not in request.files:
        raise Invalid.field(field, "is missing; send the file under this name")
    if names != {field}:
        raise Invalid(
            errors=[{"field": name, "message": "is not known here; leave it out"} for name in sorted(names - {field})]
        )
    content: bytes = request.files[field].read()
    if len(content) > most.size:
        raise RequestEntityTooLarge
    return content


def _file_too_large(most: MaxBytes) -> ContentTooLarge:
    return ContentTooLarge(f"The file is too large. Send at most {most.size // (1024 * 1024)} MB.")


def raw_body(request: Request, most: int = MAX_BODY_BYTES) -> bytes:
    """The body. Raises ContentTooLarge above 1 MB or `most`, before reading it if its length is declared."""
    request.max_content_length = most + 1  # what comes in chunks just ends there, without an error
    try:
        body = request.get_data()
    except RequestEntityTooLarge as error:
        raise ContentTooLarge from error
    if len(body) > most:
        raise ContentTooLarge
    return body


def drain(request: Request) -> None:
    """Read what is left of the body, briefly, and discard it: a client that is still sending may not read our response.

    functions-framework would read it after us, in one piece however large; this leaves it nothing.
    """
    request.max_content_length = None
    body_deadlines.shorten_deadline(request)
    ends_itself = "wsgi.input_terminated" in request.environ  # else only `stream` knows where the body ends
    if not _is_drained(request.input_stream if ends_itself else request.stream):
        body_deadlines.close_connection(request)
    request.stream = io.BytesIO()


def _is_drained(rest: IO[bytes]) -> bool:
    """True if the body has ended, after reading it as far as we do."""
    left = MAX_DRAINED_BYTES
    try:
        while left > 0 and (piece := rest.read(min(left, _CHUNK_BYTES))):
            left -= len(piece)
    except (OSError, ClientDisconnected, Problem):  # nobody is there any more, or it takes too long
        return False
    return left > 0


def json_body(request: Request, model: type[M]) -> M:
    """The JSON body as `model`. Raises UnsupportedMediaType, ContentTooLarge, Malformed or Invalid."""
    if request.mimetype != "application/json":
        raise UnsupportedMediaType
    body = raw_body(request)
    if b"\\u0000" in body:
        raise Malformed("The request holds a NUL character, which no text may. Leave it out.")
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise refusal(error) from error


def query(request: Request, model: type[M]) -> M:
    """The query string as `model`. Raises Invalid."""
    given = {name: values[-1] for name, values in request.args.lists()}
    if any("\x00" in value for value in given.values()):
        raise Malformed("The address holds a NUL character, which no text may. Leave it out.")
    try:
        return model.model_validate_strings(given)
    except ValidationError as error:
        raise refusal(error) from error


def client_address(request: Request) -> str:
    """The address of the client, or its network (/64) for IPv6, where one subscriber has all addresses of it.

    Google's load balancer appends `client, balancer` to whatever X-Forwarded-For the client sent, so the client is the
    second from the right; anybody can forge the entries further left.
    """
    return client_networks(request)[0]


def client_networks(request: Request) -> list[str]:
    """The client's address, and for IPv6 the networks it may own, from the narrowest (/64) to the widest (/48)."""
    hops = settings().trusted_proxies
    forwarded = request.headers.get("X-Forwarded-For", "").split(",")
    given = forwarded[-hops].strip() if 0 < hops <= len(forwarded) else request.remote_addr or ""
    return list(_networks_of(given) or (request.remote_addr or "",))


@lru_cache(maxsize=1024)
def _networks_of(given: str) -> tuple[str, ...]:
    """The networks of a written address, cached as one request needs them several times; none for no address."""
    try:
        address = ip_address(given)
    except ValueError:
        return ()
    if isinstance(address, IPv4Address):
        return (str(address),)
    if address.ipv4_mapped:  # ::ffff:203.0.113.7; else all of IPv4 would be one /64
        return (str(address.ipv4_mapped),)
    return tuple(str(IPv6Network((int(address), length), strict=False)) for length in _IPV6_NETWORKS)


def network(request: Request) -> str:
    """The client's network: a /24, or a /64 of IPv6. Empty where its address is not known."""
    address = client_address(request).partition("/")[0]
    try:
        return str(ip_network((address, 24 if ip_address(address).version == 4 else 64), strict=False))
    except ValueError:
        return ""


def refusal(error: ValidationError) -> Malformed | Invalid:
    """The problem to answer with: Malformed where the JSON can't be read, else Invalid field by field."""
    if error.error_count() > _MAX_ERRORS:
        many = Sentence("has more than {most} mistakes; send only known fields", most=_MAX_ERRORS)
        return Invalid.field("body", many)
    wrong = error.errors(include_url=False, include_input=False)
    if any(entry["type"] == "json_invalid" for entry in wrong):
        return Malformed("The body is not valid JSON. Check brackets, quotes and the encoding (UTF-8).")
    listed = wrong[:MAX_LISTED_ERRORS]
    return Invalid(errors=[{"field": _path(entry["loc"]), "message": wording.message(entry)} for entry in listed])


def _path(location: tuple[Any, ...]) -> str:
    return ".".join(str(part) for part in location)[:_MAX_PATH_LENGTH] or "body"
