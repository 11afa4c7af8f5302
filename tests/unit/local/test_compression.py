"""Pages are compressed on a laptop as the load balancer compresses them."""

import gzip

from werkzeug.test import Client
from werkzeug.wrappers import Response

from infra.local.compression import compressed

PAGE = "<p>Konser</p>" * 200


def answer(content: str, content_type: str, **headers: str) -> Response:
    def application(environ, start_response):
        made = Response(content, content_type=content_type)
        made.set_etag("kept")
        made.make_conditional(environ)
        return made(environ, start_response)

    return Client(compressed(application)).get("/", headers=headers)


def test_text_is_compressed_for_who_takes_it():
    given = answer(PAGE, "text/html", **{"Accept-Encoding": "gzip, br"})
    assert given.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(given.get_data()).decode() == PAGE
    assert given.headers["Vary"] == "Accept-Encoding"
    assert given.headers["ETag"] == 'W/"kept"'


def test_its_weak_etag_finds_it_again():
    given = answer(PAGE, "text/html", **{"Accept-Encoding": "gzip", "If-None-Match": 'W/"kept"'})
    assert given.status_code == 304


def test_what_is_small_or_a_picture_or_not_asked_for_is_sent_as_it_is():
    assert "Content-Encoding" not in answer("<p>", "text/html", **{"Accept-Encoding": "gzip"}).headers
    assert "Content-Encoding" not in answer(PAGE, "image/webp", **{"Accept-Encoding": "gzip"}).headers
    assert "Content-Encoding" not in answer(PAGE, "text/html").headers
