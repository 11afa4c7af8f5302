"""A ticket as a page of paper: everything a guest and a gate need, in black on white (TS-016, TS-017).

One A4 page per ticket. Whatever was typed, the page holds: text that is too long is set smaller first and
shortened last, and the QR code keeps its size. The same page gives the same bytes.
"""

from typing import Final

import qrcode
from PIL.Image import Image
from qrcode.constants import ERROR_CORRECT_Q
from qrcode.image.pil import PilImage

from shared import local_time, rupiah
from shared.tickets.page import TicketPage
from shared.tickets.sheet import Sheet, Type

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
TITLE: Final = Type((30, 26, 22, 18, 15), bold=True)
HEADLINE: Final = Type((14, 12.5, 11, 10), bold=True)
PLAIN: Final = Type((14, 12.5, 11, 10))
NAME: Final = Type((20, 17, 14, 12), bold=True)
BIB: Final = Type((34, 26, 18, 12), bold=True)
LABEL: Final = Type((8,), grey=True)
NOTE: Final = Type((10,))
SMALL: Final = Type((8.5, 7.5, 6.5))

_PIXELS_PER_MODULE: Final = 8
_MOST_TERMS: Final = 10_000  # characters; more never fits, and measuring them would take its time


def render(page: TicketPage) -> bytes:
    """The ticket as a PDF of one A4 page, dated when it was paid."""
    sheet = Sheet(title=f"E-tiket {page.event_title}", created_at=page.paid_at)
    below = _masthead(sheet, page)
    below = _when_and_where(sheet, page, below + 4)
    below = _stub(sheet, page, below + 8)
    below = _advice(sheet, below + 5)
    _terms(sheet, page.terms, below + 8)
    _footer(sheet, page)
    return sheet.to_bytes()


def _masthead(sheet: Sheet, page: TicketPage) -> float:
    sheet.write(BRAND, MARGIN, MARGIN, WIDTH, Type((15,), bold=True))
    sheet.write("E-TIKET", MARGIN, MARGIN, WIDTH, Type((15,)), align_right=True)
    sheet.bar(MARGIN, MARGIN + 8.5, WIDTH, 1.2)
    return sheet.write(page.event_title, MARGIN, MARGIN + 15, WIDTH, TITLE, most_lines=3)


def _when_and_where(sheet: Sheet, page: TicketPage, top: float) -> float:
    day, hours = local_time.date_and_time(page.starts_at, page.ends_at, page.timezone)
    when = sheet.write("WAKTU", MARGIN, top, COLUMN, LABEL) + 0.5
    when = sheet.write(day, MARGIN, when, COLUMN, HEADLINE)
    when = sheet.write(hours, MARGIN, when, COLUMN, PLAIN)
    where = sheet.write("TEMPAT", SECOND_COLUMN, top, COLUMN, LABEL) + 0.5
    where = sheet.write(page.venue or page.location, SECOND_COLUMN, where, COLUMN, HEADLINE, most_lines=2)
    if page.venue:
        where = sheet.write(page.location, SECOND_COLUMN, where, COLUMN, PLAIN, most_lines=3)
    return max(when, where)


def _stub(sheet: Sheet, page: TicketPage, top: float) -> float:
    """The part that a gate looks at: the code, and beside it whom it lets in."""
    sheet.frame(MARGIN, top, WIDTH, STUB_HEIGHT)
    sheet.picture(_qr_image(page.qr_text), MARGIN + STUB_PADDING, top + STUB_PADDING, QR_SIZE, "Kode QR tiket")
    left = MARGIN + STUB_PADDING + QR_SIZE + STUB_PADDING
    width = RIGHT - STUB_PADDING - left
    below = sheet.plate(page.tier_name, left, top + 10, width, HEADLINE, most_lines=2) + 5
    below = sheet.write("PESERTA", left, below, width, LABEL) + 0.5
    below = sheet.write(page.attendee_name, left, below, width, NAME, most_lines=3) + 4
    if page.bib_number:
        below = sheet.write("NOMOR BIB", left, below, width, LABEL)
        below = sheet.write(page.bib_number, left, below, width, BIB) + 3
    below = sheet.write("DIBAYAR", left, below, width, LABEL) + 0.5
    sheet.write(rupiah.written(page.price_paid) if page.price_paid else "Gratis", left, below, width, PLAIN)
    sheet.write("Berlaku untuk satu orang, satu kali masuk.", left, top + QR_SIZE, width, NOTE)
    return top + STUB_HEIGHT


def _qr_image(text: str) -> Image:
    """Error correction Q: a quarter of the code may be creased or dirty."""
    code = qrcode.QRCode(
        error_correction=ERROR_CORRECT_Q, box_size=_PIXELS_PER_MODULE, border=4, image_factory=PilImage
    )
    code.add_data(text)
    return code.make_image().get_image()


def _advice(sheet: Sheet, top: float) -> float:
    return sheet.write(
        "Tunjukkan kode QR ini di pintu masuk, di layar ponsel atau di atas kertas. "
        "Jangan membagikannya: yang dipindai pertama kali yang boleh masuk.",
        MARGIN,
        top,
        WIDTH,
        NOTE,
        most_lines=2,
    )


def _terms(sheet: Sheet, terms: str, top: float) -> None:
    if terms.strip():
        below = sheet.write("SYARAT DAN KETENTUAN", MARGIN, top, WIDTH, LABEL) + 1
        sheet.write_columns(terms[:_MOST_TERMS], [MARGIN, SECOND_COLUMN], below, COLUMN, FOOTER_TOP - 3 - below, SMALL)


def _footer(sheet: Sheet, page: TicketPage) -> None:
    sheet.bar(MARGIN, FOOTER_TOP, WIDTH, 0.3)
    below = sheet.write("NOMOR TIKET", MARGIN, FOOTER_TOP + 3, COLUMN, LABEL) + 0.5
    sheet.write(str(page.ticket_id), MARGIN, below, COLUMN, SMALL)
    sheet.write("NOMOR PESANAN", SECOND_COLUMN, FOOTER_TOP + 3, COLUMN, LABEL)
    sheet.write(str(page.order_id), SECOND_COLUMN, below, COLUMN, SMALL)
