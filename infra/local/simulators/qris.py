"""QR codes of the kind every Indonesian wallet reads (EMV merchant-presented mode), and their picture."""

import binascii
import io

import qrcode
from qrcode.image.pil import PilImage


def qris_text(merchant_name: str, amount: int, bill_number: str) -> str:
    """The text of a QR code that asks for `amount` rupiah once."""
    account = _field("00", "ID.CO.KARCIS.WWW") + _field("01", "936009140000000000")
    text = "".join(
        (
            _field("00", "01"),
            _field("01", "12"),  # 12: for one payment only
            _field("26", account),
            _field("52", "7922"),  # ticket agencies
            _field("53", "360"),  # rupiah
            _field("54", str(amount)),
            _field("58", "ID"),
            _field("59", merchant_name[:25]),
            _field("60", "JAKARTA"),
            _field("62", _field("01", bill_number[:25])),
            "6304",
        )
    )
    return f"{text}{binascii.crc_hqx(text.encode(), 0xFFFF):04X}"


def picture(text: str) -> bytes:
    """A QR code as PNG."""
    image = qrcode.make(text, image_factory=PilImage, box_size=6, border=4)
    written = io.BytesIO()
    image.save(written)
    return written.getvalue()


def _field(tag: str, value: str) -> str:
    return f"{tag}{len(value):02d}{value}"
