"""A ticket on paper: one page, all there, nothing over the edge, and a code that a scanner reads (TS-016, TS-017)."""

from datetime import UTC, datetime
from uuid import UUID

import pypdfium2
import pytest
import zxingcpp

from shared.tickets import fonts, pdf, qr, shaping, ticket_content

TICKET_ID = UUID("7f3a91c2-54d0-4a9e-9b5e-0c1d2e3f4a5b")
ORDER_ID = UUID("0d9c8b7a-1122-4333-8444-55667788990a")
EVENT_ID = UUID(int=9)
PAGE_MM = (210, 297)
POINTS_PER_MM = 72 / 25.4


def a_page(**fields):
    name = fields.get("attendee_name", "Siti Rahma Dewi")
    defaults = {
        "ticket_id": TICKET_ID,
        "order_id": ORDER_ID,
        "qr_text": qr.encode(qr.QrContent(TICKET_ID, EVENT_ID, name)),
        "event_title": "Konser Senja di Tepi Kota",
        "starts_at": datetime(2026, 11, 21, 12, tzinfo=UTC),
        "ends_at": datetime(2026, 11, 21, 15, tzinfo=UTC),
        "timezone": "Asia/Makassar",
        "venue": "Istora Gelora Bung Karno",
        "location": "Jakarta Pusat",
        "tier_name": "VIP",
        "attendee_name": name,
        "bib_number": "A-10421",
        "price_paid": 160_000,
        "terms": "1. Tiket tidak dapat dipindahtangankan.\n2. Pintu dibuka pukul 18.00.",
        "paid_at": datetime(2026, 11, 1, 3, 4, 5, tzinfo=UTC),
    }
    return ticket_content.TicketContent(**{**defaults, **fields})


def only_page_of(content):
    document = pypdfium2.PdfDocument(content)
    assert len(document) == 1
    return document[0]


def words_of(content):
    """The words on the page, whatever its line breaks."""
    return " ".join(only_page_of(content).get_textpage().get_text_bounded().split())


def picture_of(content, *, dots_per_inch=110):
    return only_page_of(content).render(scale=dots_per_inch / 72).to_pil()


def test_everything_a_guest_needs_is_on_the_page():
    words = words_of(pdf.render(a_page()))
    for told in (
        "Konser Senja di Tepi Kota",
        "Sabtu, 21 November 2026",
        "20.00",
        "23.00 WITA",
        "Istora Gelora Bung Karno",
        "Jakarta Pusat",
        "VIP",
        "Siti Rahma Dewi",
        "A-10421",
        "Rp 160.000",
        "1. Tiket tidak dapat dipindahtangankan.",
        "2. Pintu dibuka pukul 18.00.",
        str(TICKET_ID),
        str(ORDER_ID),
    ):
        assert told in words


def test_what_there_is_none_of_is_not_mentioned():
    words = words_of(pdf.render(a_page(bib_number=None, venue=None, terms=" ", price_paid=0)))
    assert "BIB" not in words
    assert "SYARAT" not in words
    assert "Gratis" in words


@pytest.mark.parametrize("attendee_name", ["Siti Rahma Dewi", "Ayu", "Nama yang sangat panjang sekali " * 8, "王小明"])
def test_a_scanner_reads_the_code_off_the_page_in_black_and_white(attendee_name):
    page = a_page(attendee_name=attendee_name)
    [code] = zxingcpp.read_barcodes(picture_of(pdf.render(page)).convert("1", dither=0))
    claims = qr.read(code.text)
    assert claims is not None
    assert (claims.ticket_id, claims.event_id) == (TICKET_ID, EVENT_ID)
    assert attendee_name.startswith(claims.attendee_name)


def test_the_code_is_read_with_a_tenth_of_it_torn_off():
    picture = picture_of(pdf.render(a_page()))
    [code] = zxingcpp.read_barcodes(picture)
    across = code.position.bottom_right.x - code.position.top_left.x
    corner = (code.position.bottom_right.x - across // 3, code.position.bottom_right.y - across // 3)
    picture.paste((255, 255, 255), (*corner, code.position.bottom_right.x + 1, code.position.bottom_right.y + 1))
    assert [each.text for each in zxingcpp.read_barcodes(picture)] == [code.text]


def test_the_code_is_large_and_has_its_quiet_zone():
    picture = picture_of(pdf.render(a_page()), dots_per_inch=254)  # ten dots a millimetre
    [code] = zxingcpp.read_barcodes(picture)
    left, top, right, bottom = (
        code.position.top_left.x,
        code.position.top_left.y,
        code.position.bottom_right.x,
        code.position.bottom_right.y,
    )
    assert (right - left) / 10 > 60
    quiet = 60  # dots: four modules of at least 1.2 mm, and a bit
    around = picture.convert("L").crop((left - quiet, top - quiet, right + quiet, bottom + quiet))
    inside = picture.convert("L").crop((left - 5, top - 5, right + 5, bottom + 5))
    dark_around, dark_inside = (sum(image.histogram()[:128]) for image in (around, inside))
    assert dark_around == dark_inside


LONG = {
    "words": "Festival Musik dan Kebudayaan Nusantara di Tepi Pantai " * 6,
    "one word": "W" * 255,
    "every letter wide": "M " * 120,
}


@pytest.mark.parametrize("filler", LONG.values(), ids=LONG.keys())
def test_nothing_runs_over_an_edge_or_into_the_code(filler):
    page = a_page(
        event_title=filler[:255],
        venue=filler[:255],
        location=filler[:255],
        tier_name=filler[:100],
        attendee_name=filler[:255],
        bib_number=filler[:20],
        terms=filler * 60,
    )
    content = pdf.render(page)
    text = only_page_of(content).get_textpage()
    boxes = [text.get_charbox(index) for index in range(text.count_chars())]
    left, bottom = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, top = max(box[2] for box in boxes), max(box[3] for box in boxes)
    margin = (pdf.MARGIN - 1) * POINTS_PER_MM
    width, height = (side * POINTS_PER_MM for side in PAGE_MM)
    assert left > margin
    assert right < width - margin
    assert bottom > 8 * POINTS_PER_MM
    assert top < height - 8 * POINTS_PER_MM
    [code] = zxingcpp.read_barcodes(picture_of(content))
    assert qr.read(code.text)


def test_long_terms_are_shortened_visibly_and_leave_the_numbers_alone():
    words = words_of(pdf.render(a_page(terms="Syarat dan ketentuan yang panjang sekali. " * 500)))
    assert fonts.printable("…") in words
    assert str(TICKET_ID) in words


def test_letters_from_anywhere_are_printed_in_some_form():
    name = "Đặng Łukasz O’Neill – Jürgen 王 🎉 ①"
    words = words_of(pdf.render(a_page(attendee_name=name)))
    assert fonts.printable(name) in words
    for readable in ("ukasz", "Neill", "Jürgen", "ng "):
        assert readable in fonts.printable(name)
    assert "🎉" not in fonts.printable(name)


SCRIPTS = {
    "Arabic": "محمد عبد الله",
    "Chinese": "王小明",
    "Japanese": "佐藤 さくら",
    "Korean": "김민수",
    "Thai": "สมชาย ใจดี",
    "Hebrew": "שרה כהן",
    "Javanese": "ꦲꦤꦏ꧀ꦏꦿꦺꦴꦁ",
    "Balinese": "ᬅᬦᬓ᭄",
    "Tamil": "செல்வன்",
    "Hindi": "प्रिया शर्मा",
    "Vietnamese": "Nguyễn Đặng",
}


@pytest.mark.parametrize("name", SCRIPTS.values(), ids=SCRIPTS.keys())
def test_a_name_is_printed_in_the_script_it_was_written_in(name):
    assert fonts.printable(name) == name
    for bold in (False, True):
        assert all(glyph.number for run in shaping.shape(name, bold) for glyph in run.glyphs), "a box for a letter"
    letters = {letter for letter in name if letter.isalpha()}
    assert letters <= set(words_of(pdf.render(a_page(attendee_name=name, event_title=name))))


@pytest.mark.parametrize("name", [SCRIPTS["Arabic"], SCRIPTS["Hebrew"]])
def test_what_is_written_from_right_to_left_is_printed_so(name):
    text = only_page_of(pdf.render(a_page(attendee_name=name))).get_textpage()
    places = {text.get_text_range(index, 1): text.get_charbox(index)[0] for index in range(text.count_chars())}
    assert places[name[0]] > places[name[-1]]


def test_arabic_letters_are_joined():
    alone, joined = (shaping.shape(word, False)[0].glyphs for word in ("ه", "هه"))
    assert alone[0].number not in {glyph.number for glyph in joined}


@pytest.mark.parametrize("name", ["🎉🎉", "❤️", "\U0001ec71"])
def test_a_name_of_which_nothing_can_be_read_gives_way_to_another(name):
    assert "budi.s" in words_of(pdf.render(a_page(attendee_name=name, name_instead="budi.s")))


def test_emoji_beside_a_name_are_left_out():
    words = words_of(pdf.render(a_page(attendee_name="🎉 Ayu 🎉", name_instead="budi.s")))
    assert "Ayu" in words
    assert "budi.s" not in words


@pytest.mark.parametrize("filler", [*LONG.values(), "محمد عبد الله الأحمد " * 20, "ꦲꦤꦏ꧀ꦏꦿꦺꦴꦁ " * 20])
def test_whatever_the_stub_holds_its_lines_do_not_run_into_each_other(filler):
    page = a_page(tier_name=filler[:100], attendee_name=filler[:255], bib_number="A-10421")
    text = only_page_of(pdf.render(page)).get_textpage()

    def edges(words):
        place, _ = text.search(words).get_next()
        _, bottom, _, top = text.get_charbox(place)
        return bottom, top

    for above, below in (("PESERTA", "NOMOR BIB"), ("NOMOR BIB", "A-10421"), ("Rp 160.000", "Berlaku")):
        assert edges(above)[0] > edges(below)[1]


def test_who_wants_the_whole_terms_is_told_where_they_are():
    url = "https://karcis.example/events/konser-senja-abc123"
    assert url in words_of(pdf.render(a_page(terms="Syarat yang panjang sekali. " * 700, terms_url=url)))
    assert url not in words_of(pdf.render(a_page(terms="Pintu dibuka pukul 18.00.", terms_url=url)))


COSTLY = {
    "the longest terms": "Syarat dan ketentuan yang panjang sekali bagi pengunjung. " * 345,
    "stacked accents": ("a" + "\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308\u0309b ") * 1666,
    "no space anywhere": "W" * 20_000,
    "Arabic": "محمد عبد الله الأحمد مهرجان " * 714,
    "Thai without spaces": "สมชายใจดีที่สุด" * 1333,
}


@pytest.mark.parametrize("terms", COSTLY.values(), ids=COSTLY.keys())
def test_the_tickets_of_an_event_lay_out_its_terms_once(terms, monkeypatch):
    laid_out, lay_out = [], pdf._terms
    monkeypatch.setattr(
        pdf, "_terms", lambda drawing, text, *rest: (laid_out.append(text), lay_out(drawing, text, *rest))
    )
    pages = [a_page(ticket_id=UUID(int=number), attendee_name=f"Peserta {number}", terms=terms) for number in range(3)]
    assert len({pdf.render(page) for page in pages}) == 3
    assert laid_out == [terms]


def test_the_same_page_is_the_same_file():
    assert pdf.render(a_page()) == pdf.render(a_page())
    assert pdf.render(a_page()) != pdf.render(a_page(attendee_name="Budi"))


def test_the_file_is_dated_when_the_order_was_paid():
    document = pypdfium2.PdfDocument(pdf.render(a_page()))
    assert "20261101030405" in document.get_metadata_value("CreationDate")
    assert "Konser Senja" in document.get_metadata_value("Title")


def test_a_ticket_tells_whether_its_holder_may_come_back():
    assert "satu kali masuk" in words_of(pdf.render(a_page()))
    assert "Satu orang. Pindai saat keluar untuk kembali." in words_of(pdf.render(a_page(allows_reentry=True)))
