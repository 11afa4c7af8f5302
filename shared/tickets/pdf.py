"""A ticket as a page of paper: everything a guest and a gate need, in black on white (TS-016, TS-017).

One A4 page per ticket. The page holds any text: what is too long is set smaller first and
shortened last, with a link to the whole terms, and the QR code keeps its size. The same page gives the same bytes.

The part that all tickets of an event share, terms above all, is laid out once (`_event_part`).
"""

from datetime import datetime
from functools import lru_cache
from typing import Final

from shared import local_time, qr_symbols, rupiah
from shared.tickets import fonts
from shared.tickets.pdf_layout import Drawing, PageLayout
from shared.tickets.ticket_content import TicketContent
from shared.tickets.wrapping import TextStyle

# Lengths are millimetres on an A4 page.
MARGIN: Final = 16.0
WIDTH: Final = 210 - 2 * MARGIN
RIGHT: Final = MARGIN + WIDTH
COLUMN: Final = 85.0
SECOND_COLUMN: Final = RIGHT - COLUMN
STUB_HEIGHT: Final = 96.0
STUB_PADDING: Final = 6.0
QR_SIZE: Final = STUB_HEIGHT - 2 * STUB_PADDING  # 84 mm, of which the quiet zone is four modules a side
FOOTER_TOP: Final = 277.0

BRAND: Final = "KARCIS"
TITLE: Final = TextStyle((30, 26, 22, 18, 15), bold=True)
HEADLINE: Final = TextStyle((14, 12.5, 11, 10), bold=True)
PLAIN: Final = TextStyle((14, 12.5, 11, 10))
NAME: Final = TextStyle((20, 17, 14, 12), bold=True)
BIB: Final = TextStyle((34, 26, 18, 12), bold=True)
LABEL: Final = TextStyle((8,), grey=True)
NOTE: Final = TextStyle((10,))
SMALL: Final = TextStyle((8.5, 7.5, 6.5))

_ONE_ENTRY: Final = "Berlaku untuk satu orang, satu kali masuk."
_REENTRY: Final = "Satu orang. Pindai saat keluar untuk kembali."
_LINK_HEIGHT: Final = 4.5
_EVENTS_KEPT: Final = 64


def render(page: TicketContent) -> bytes:
    """The ticket as a PDF of one A4 page, dated when it was paid."""
    layout = PageLayout(title=f"E-tiket {page.event_title}", created_at=page.paid_at)
    event, stub_top = _event_part(
        page.event_title,
        page.starts_at,
        page.ends_at,
        page.timezone,
        page.venue,
        page.location,
        page.terms,
        page.terms_url,
    )
    layout.place(event)
    _stub(layout, page, stub_top)
    _numbers(layout, page)
    return layout.to_bytes()


@lru_cache(maxsize=_EVENTS_KEPT)
def _event_part(
    title: str,
    starts_at: datetime,
    ends_at: datetime,
    zone: str,
    venue: str | None,
    location: str,
    terms: str,
    terms_url: str,
) -> tuple[Drawing, float]:
    """Draw what all tickets of an event share; return where the rest begins."""
    drawing = Drawing()
    below = _masthead(drawing, title)
    below = max(_when(drawing, starts_at, ends_at, zone, below + 4), _where(drawing, venue, location, below + 4))
    stub_top = below + 8
    below = _advice(drawing, stub_top + STUB_HEIGHT + 5)
    _terms(drawing, terms, terms_url, below + 8)
    drawing.bar(MARGIN, FOOTER_TOP, WIDTH, 0.3)
    return drawing, stub_top


def _masthead(drawing: Drawing, title: str) -> float:
    drawing.write(BRAND, MARGIN, MARGIN, WIDTH, TextStyle((15,), bold=True))
    drawing.write("E-TIKET", MARGIN, MARGIN, WIDTH, TextStyle((15,)), align_right=True)
    drawing.bar(MARGIN, MARGIN + 8.5, WIDTH, 1.2)
    return drawing.write(title, MARGIN, MARGIN + 15, WIDTH, TITLE, max_lines=3)


def _when(drawing: Drawing, starts_at: datetime, ends_at: datetime, zone: str, top: float) -> float:
    day, hours = local_time.date_and_time(starts_at, ends_at, zone)
    below = drawing.write("WAKTU", MARGIN, top, COLUMN, LABEL) + 0.5
    below = drawing.write(day, MARGIN, below, COLUMN, HEADLINE)
    return drawing.write(hours, MARGIN, below, COLUMN, PLAIN)


def _where(drawing: Drawing, venue: str | None, location: str, top: float) -> float:
    below = drawing.write("TEMPAT", SECOND_COLUMN, top, COLUMN, LABEL) + 0.5
    below = drawing.write(venue or location, SECOND_COLUMN, below, COLUMN, HEADLINE, max_lines=2)
    return drawing.write(location, SECOND_COLUMN, below, COLUMN, PLAIN, max_lines=3) if venue else below


def _stub(layout: PageLayout, page: TicketContent, top: float) -> None:
    """The part that a gate looks at: the code, and beside it whom it lets in."""
    layout.frame(MARGIN, top, WIDTH, STUB_HEIGHT)
    symbol = qr_symbols.symbol(page.qr_text, "Q")  # a quarter of the code may be creased or dirty
    layout.code(symbol, MARGIN + STUB_PADDING, top + STUB_PADDING, QR_SIZE, "Kode QR tiket")
    left = MARGIN + STUB_PADDING + QR_SIZE + STUB_PADDING
    width = RIGHT - STUB_PADDING - left
    below = layout.plate(page.tier_name, left, top + 8, width, HEADLINE, max_lines=2, height=15) + 4
    below = layout.write("PESERTA", left, below, width, LABEL) + 0.5
    height = 16 if page.bib_number else 32
    below = layout.write(_holder(page), left, below, width, NAME, max_lines=3, height=height) + 4
    if page.bib_number:
        below = layout.write("NOMOR BIB", left, below, width, LABEL)
        below = layout.write(page.bib_number, left, below, width, BIB) + 3
    below = layout.write("DIBAYAR", left, below, width, LABEL) + 0.5
    layout.write(rupiah.formatted(page.price_paid) if page.price_paid else "Gratis", left, below, width, PLAIN)
    layout.write(_REENTRY if page.allows_reentry else _ONE_ENTRY, left, top + QR_SIZE, width, NOTE)


def _holder(page: TicketContent) -> str:
    """The attendee's name, or what stands for one that is all emoji."""
    return page.attendee_name if fonts.is_readable(page.attendee_name) else page.name_instead


def _advice(drawing: Drawing, top: float) -> float:
    return drawing.write(
        "Tunjukkan kode QR ini di pintu masuk, di layar ponsel atau di atas kertas. "
        "Jangan membagikannya: yang dipindai pertama kali yang boleh masuk.",
        MARGIN,
        top,
        WIDTH,
        NOTE,
        max_lines=2,
    )


def _terms(drawing: Drawing, terms: str, url: str, top: float) -> None:
    """Draw as much of the terms as fits, and where the rest is."""
    if not terms.strip():
        return
    below = drawing.write("SYARAT DAN KETENTUAN", MARGIN, top, WIDTH, LABEL) + 1
    bottom = FOOTER_TOP - 3 - _LINK_HEIGHT
    is_whole = drawing.write_columns(terms, [MARGIN, SECOND_COLUMN], below, COLUMN, bottom - below, SMALL)
    if not is_whole and url:
        drawing.write(f"Selengkapnya: {url}", MARGIN, bottom + 0.8, WIDTH, SMALL)


def _numbers(layout: PageLayout, page: TicketContent) -> None:
    below = layout.write("NOMOR TIKET", MARGIN, FOOTER_TOP + 3, COLUMN, LABEL) + 0.5
    layout.write(str(page.ticket_id), MARGIN, below, COLUMN, SMALL)
    layout.write("NOMOR PESANAN", SECOND_COLUMN, FOOTER_TOP + 3, COLUMN, LABEL)
    layout.write(str(page.order_id), SECOND_COLUMN, below, COLUMN, SMALL)
