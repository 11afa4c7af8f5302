"""Making a message of ours and handing it to WhatsApp: secrets, pictures and PDFs are read as it is sent."""

import io

import qrcode
from qrcode.image.pil import PilImage
from sqlalchemy import text

from shared.chat import notice_messages, queries, wording
from shared.chat.contents import Goods, Link, NoticeMessage, NumberRequest, Outgoing, Qris, Text, TicketFile
from shared.chat.delivery import UNITS_A_MESSAGE
from shared.chat.outgoing import Obsolete, QueuedMessage
from shared.chat.senders import Sender
from shared.cloud.database import transaction
from shared.gateways import registry
from shared.gateways.whatsapp import messages
from shared.gateways.whatsapp.messages import Choice
from shared.sales import schemas as sales_schemas
from shared.tickets import ticket_rendering

_QUIET_ZONE = 4  # modules of white around the code (ISO/IEC 18004)
_LEAST_PIXELS = 800
_QR_STRING = text("SELECT qr_string FROM payments WHERE id = :id AND status = 'pending'")


def send(sender: Sender, queued: QueuedMessage) -> str:
    """Hand a message to WhatsApp, after its file; return WhatsApp's id of it. Opens its own transactions.

    Raises Obsolete, and what the gateway raises.
    """
    made = _make(sender, queued.content)
    return registry.whatsapp().send(sender.recipient, made, callback_data=str(queued.id))


def _make(sender: Sender, content: Outgoing) -> dict[str, object]:
    match content:
        case Text():
            return _text(content)
        case NumberRequest():
            return messages.number_request(content.body)
        case Link():
            return messages.link(content.body, content.label, content.url)
        case Qris():
            media_id = registry.whatsapp().upload("qris.png", qris_picture(_qr_string(content)), "image/png")
            return messages.image(media_id, content.caption)
        case TicketFile():
            return _ticket(content)
        case Goods():
            return messages.text(_goods(sender, content))
        case NoticeMessage():
            return notice_messages.make(content, is_free_form=sender.is_answerable and not content.by_template)


def _text(content: Text) -> dict[str, object]:
    if content.buttons:
        return messages.buttons(content.body, [Choice(each.id, each.title) for each in content.buttons])
    if content.rows:
        rows = [Choice(each.id, each.title, each.description) for each in content.rows]
        return messages.choice_list(content.body, content.list_label, rows)
    return messages.text(content.body)


def _qr_string(content: Qris) -> str:
    with transaction() as tx:
        found: str | None = tx.execute(_QR_STRING, {"id": content.payment_id}).scalar()
    if found is None:
        raise Obsolete("payment over")
    return found


def qris_picture(qr_string: str) -> bytes:
    """The QR code of a QRIS as PNG: in colour, as WhatsApp asks, and large enough to be read from a gallery."""
    code = qrcode.QRCode(error_correction=qrcode.ERROR_CORRECT_M, border=_QUIET_ZONE)
    code.add_data(qr_string)
    code.make(fit=True)
    code.box_size = -(-_LEAST_PIXELS // (code.modules_count + 2 * _QUIET_ZONE))
    written = io.BytesIO()
    code.make_image(image_factory=PilImage).get_image().convert("RGB").save(written, "PNG")
    return written.getvalue()


def _ticket(content: TicketFile) -> dict[str, object]:
    pdf = ticket_rendering.current_pdf(content.ticket_id)
    if pdf is None:
        raise Obsolete("ticket void")
    filename = f"tiket-{content.ticket_id}.pdf"
    return messages.document(registry.whatsapp().upload(filename, pdf, "application/pdf"), filename, content.caption)


def _goods(sender: Sender, content: Goods) -> str:
    """The pickup code, and the digital units of one message. That the units were revealed is recorded before."""
    order = sales_schemas.read_and_reveal(content.order_id, queries.buyer(sender.user_id or sender.id))
    units = [(item.tier_name, item.digital_unit) for item in order.items if item.digital_unit]
    lines = [wording.sentence("goods", content.language), f"{order.event.title}"]
    if order.pickup_code and content.first == 0:
        lines.append(wording.sentence("pickup", content.language, code=order.pickup_code))
    for name, secret in units[content.first : content.first + UNITS_A_MESSAGE]:
        lines.append(wording.sentence("unit", content.language, name=name, secret=secret))
    if len(lines) == 2:
        raise Obsolete("given back")
    return "\n\n".join(lines)
