"""A whole purchase by way of each gateway's page: without JavaScript, and by keyboard alone; and as it is spoken."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import spoken
from tests.browser.test_other_ways import focus, press
from tests.browser.visitors import NAME, Visitor
from tests.browser.watching import Watch
from tests.people import World
from tests.waiting import until


@pytest.mark.parametrize("gateway", ["Xendit", "Midtrans"])
@pytest.mark.usefixtures("circuits_closed_afterwards")
def test_without_javascript_to_the_gateway_and_back(
    concert: dict[str, Any], world: World, new_visitor: Callable[..., Visitor], watch: Watch, gateway: str
):
    """E-wallets are paid at Xendit; while it does not answer, at Midtrans, without another tap."""
    visitor = new_visitor(java_script_enabled=False)
    page = visitor.page
    visitor.open_event(concert)
    page.locator(".tier input").first.fill("1")
    visitor.go_to_buy()
    visitor.request_code()
    visitor.enter_code()
    if gateway == "Midtrans":
        world.faults("xendit", status=503, count=6)  # each of three tries, also where a job calls meanwhile
    visitor.pay_by("GoPay")
    if gateway == "Midtrans":
        world.faults("xendit", count=0)
        expect(page.locator(".alert.info")).to_contain_text("Xendit tidak menjawab")
    expect(page.locator("main")).to_contain_text(f"di halaman {gateway}")
    visitor.follow(page.get_by_role("link", name="Buka halaman pembayaran"))
    watch.check_width(page)
    visitor.follow(page.get_by_role("button", name=re.compile("^Bayar")).first)
    expect(page).to_have_url(re.compile("/orders/"))
    ticket = page.locator("[data-ticket] svg.qr")
    until(lambda: page.reload() and ticket.is_visible(), what="for the ticket")
    watch.check_width(page)


def arrow_to(page: Page, words: str) -> None:
    """Choose a radio button by the arrow keys, as who has no mouse does."""
    for _ in range(20):
        name = page.evaluate("document.activeElement.closest('label')?.textContent ?? ''")
        if name.strip().startswith(words):
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"{words} is not among the choices")


def test_by_keyboard_alone_to_the_gateway_and_back(concert: dict[str, Any], visitor: Visitor):
    page = visitor.page
    visitor.open_event(concert)
    focus(page, "[data-step='1']")
    page.keyboard.press("Enter")
    press(page, ".buy-bar button")
    focus(page, "#email")
    page.keyboard.type(visitor.address)
    focus(page, "#accept_terms")
    page.keyboard.press("Space")
    press(page, "form[action$='/code'] button.block")
    page.keyboard.type(visitor.mailed_code())
    with page.expect_navigation():
        page.keyboard.press("Enter")
    focus(page, "#name_0")
    page.keyboard.type(NAME)
    focus(page, "details.ways:last-of-type > summary")
    page.keyboard.press("Enter")
    focus(page, "input[name=method]")
    arrow_to(page, "OVO")
    press(page, "[data-pay] button.block")
    press(page, "main a.button.block")
    press(page, "button.pay")
    expect(page.locator("[data-ticket] svg.qr")).to_be_visible()
    press(page, "[data-ticket] a[href*='/tickets/']:not([href*='download'])")
    expect(page.locator("h1")).to_have_text(concert["title"])


SPOKEN = {
    "choose": """
        heading Malam di Atas Bukit
        link Tambah ke kalender
        link Bagikan lewat WhatsApp
        heading Tiket
        heading Festival
        button Kurangi satu Festival
        spinbutton Jumlah Festival
        button Tambah satu Festival
        button Lanjut
        heading Tentang acara ini
        heading Ketentuan penyelenggara
        heading Bila rencana Anda berubah
        """,
    "who": """
        heading Pesanan Anda
        heading Rincian harga
        heading Ke mana kami kirim tiketnya?
        textbox Alamat e-mail
        checkbox Saya menyetujui ketentuan dan kebijakan privasi
        link ketentuan
        link kebijakan privasi
        button Kirim kode
        link Lanjutkan dengan Google
        link Masuk dengan kata sandi
        link Pilih tiket lain
        """,
    "code": """
        heading Masukkan kode
        textbox Kode
        button Masuk dan tahan tiket saya
        button minta kode baru
        link Alamat lain
        link Mengapa kode tidak datang
        """,
    "how": """
        heading Tiket Anda ditahan
        link Malam di Atas Bukit {when} Istora Senayan, Jakarta
        heading Tiket untuk siapa?
        textbox Nama sesuai KTP/paspor
        textbox Alamat e-mail
        heading Bayar dengan apa?
        radio QRIS Pindai dengan aplikasi bank atau e-wallet
        DisclosureTriangle Virtual account BCA, Mandiri, BNI, BRI, Permata
        DisclosureTriangle E-wallet OVO, DANA, GoPay, LinkAja
        heading Rincian harga
        button Bayar Rp 160.000
        button Batalkan dan lepaskan tiket
        """,
    "pay": """
        heading Bayar dengan QRIS
        link Malam di Atas Bukit {when} Istora Senayan, Jakarta
        image Kode QRIS senilai Rp 160.000
        button Simpan QR
        heading Rincian harga
        DisclosureTriangle Ganti cara bayar
        button Batalkan dan lepaskan tiket
        """,
    "paid": """
        heading Tiket Anda siap
        image Kode QR tiket Rina Kusuma
        heading Rina Kusuma
        link PDF
        link Buka tiket
        button Kirim ulang tiket
        link Tambah ke kalender
        link Kembalikan tiket
        heading Rincian harga
        """,
    "ticket": """
        heading Malam di Atas Bukit
        image Kode QR tiket Rina Kusuma
        heading Rina Kusuma
        link PDF
        link Seluruh pesanan
        link Tambah ke kalender
        DisclosureTriangle Perbaiki nama
        """,
}
"""The words that are heard on each page from the event to the ticket, in order."""


def is_spoken(page: Page, name: str, when: str = "") -> None:
    assert spoken(page) == [line.strip() for line in SPOKEN[name].format(when=when).strip().splitlines()]


def test_the_way_to_a_ticket_as_a_screen_reader_speaks_it(world: World, visitor: Visitor):
    page = visitor.page
    visitor.open_event(world.publish(title="Malam di Atas Bukit"))
    visitor.choose()
    expect(page.locator("[data-total]")).to_contain_text("Rp")
    is_spoken(page, "choose")
    visitor.go_to_buy()
    is_spoken(page, "who")
    visitor.request_code()
    is_spoken(page, "code")
    visitor.enter_code()
    when = page.locator(".event-strip .note").first.inner_text().replace("\u00a0", " ")
    is_spoken(page, "how", when)
    visitor.pay_by("QRIS")
    is_spoken(page, "pay", when)
    visitor.pay()
    expect(page.locator("[data-ticket]")).to_be_visible()
    is_spoken(page, "paid")
    visitor.follow(page.locator("[data-ticket] a", has_text="Buka tiket"))
    is_spoken(page, "ticket")
