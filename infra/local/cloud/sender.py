"""Makes one HTTP request of a delivery, with an identity token where one is asked for."""

import urllib3

from infra.local.cloud.oidc import Signer
from infra.local.cloud.policies import AttemptResult, Request


class Sender:
    """Keeps up to `connections` open to each receiver. May be used by many threads."""

    def __init__(self, signer: Signer, *, connections: int) -> None:
        self._signer = signer
        self._http = urllib3.PoolManager(num_pools=64, maxsize=connections)

    def send(self, request: Request) -> AttemptResult:
        """Make the request once: no redirect is followed, and no answer in time is an outcome like any other."""
        try:
            response = self._http.request(
                request.method,
                request.url,
                body=request.body,
                headers=self._headers(request),
                redirect=False,
                retries=False,
                timeout=urllib3.Timeout(total=request.timeout_seconds),
            )
        except urllib3.exceptions.HTTPError as error:
            return AttemptResult(error=str(error))
        return AttemptResult(response.status, retry_after_seconds=_retry_after(response))

    def _headers(self, request: Request) -> dict[str, str]:
        if request.caller is None:
            return dict(request.headers)
        token = self._signer.token(request.caller.audience, request.caller.email)
        return {**request.headers, "Authorization": f"Bearer {token}"}


def _retry_after(response: urllib3.BaseHTTPResponse) -> float:
    """Seconds; the header's other form, a date, is left out of account."""
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdigit() else 0.0
