"""The mails that would have been sent: `/inbox`, `/inbox.json`, `/inbox/{id}` and their attachments."""

from datetime import datetime
from typing import Any

from flask import Flask, Response, abort, jsonify, render_template, request
from sqlalchemy import Connection, Engine, Row, func, select

from infra.local.cloud.store import open_store
from infra.local.simulators.api import Application
from infra.local.simulators.tables import attachments, mails
from shared.local_time import long_moment

_NEWEST = 500


def application(store_url: str) -> Application:
    """The inbox as a WSGI application, served at the root or mounted at `/inbox` and `/inbox.json` alike."""
    app = Flask(__name__)
    app.jinja_env.filters["moment"] = lambda text: long_moment(datetime.fromisoformat(text), "Asia/Jakarta", "id")
    engine = open_store(store_url, pool_size=2)
    _routes(app, engine)
    return Application(app, engine)


def _routes(app: Flask, engine: Engine) -> None:
    @app.get("/inbox.json")
    def listing() -> Response:
        with engine.connect() as tx:
            return jsonify({"items": _newest(tx, request.args.get("to"))})

    @app.get("/inbox")
    @app.get("/inbox/")
    def overview() -> str:
        with engine.connect() as tx:
            return render_template("inbox.html", items=_newest(tx, request.args.get("to")))

    @app.get("/inbox/<int:mail_id>")
    def mail(mail_id: int) -> str:
        with engine.connect() as tx:
            row = _mail(tx, mail_id)
            return render_template("mail.html", mail=row, attachments=_attachments(tx, [mail_id]).get(mail_id, []))

    @app.get("/inbox/<int:mail_id>/html")
    def html(mail_id: int) -> Response:
        with engine.connect() as tx:
            content = _mail(tx, mail_id).html
        # Shown in a sandboxed frame: a mail has no script, and must not reach the page around it.
        return Response(content, mimetype="text/html", headers={"Content-Security-Policy": "sandbox allow-popups"})

    @app.get("/inbox/<int:mail_id>/attachments/<int:position>")
    def attachment(mail_id: int, position: int) -> Response:
        query = select(attachments).where(attachments.c.mail_id == mail_id, attachments.c.position == position)
        with engine.connect() as tx:
            row = tx.execute(query).first()
        if row is None:
            abort(404)
        response = Response(row.content, mimetype=row.content_type)
        response.headers.set("Content-Disposition", "attachment", filename=row.filename)
        return response


def _newest(tx: Connection, recipient: str | None) -> list[dict[str, Any]]:
    query = select(mails).order_by(mails.c.id.desc()).limit(_NEWEST)
    if recipient:
        query = query.where(mails.c.recipient == recipient)
    rows = tx.execute(query).all()
    files = _attachments(tx, [row.id for row in rows])
    return [_item(row, files.get(row.id, [])) for row in rows]


def _item(row: Row[Any], files: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": row.id,
        "to": row.recipient,
        "subject": row.subject,
        "text": row.text,
        "html": row.html,
        "attachments": files,
        "sent_at": row.sent_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "template": row.template,
        "message_id": row.message_id,
        "custom_args": row.custom_args,
    }


def _attachments(tx: Connection, mail_ids: list[int]) -> dict[int, list[dict[str, Any]]]:
    columns = attachments.c
    query = (
        select(
            columns.mail_id,
            columns.position,
            columns.filename,
            columns.content_type,
            func.length(columns.content).label("size"),
        )
        .where(columns.mail_id.in_(mail_ids))
        .order_by(columns.mail_id, columns.position)
    )
    found: dict[int, list[dict[str, Any]]] = {}
    for row in tx.execute(query):
        file = {"filename": row.filename, "content_type": row.content_type, "size": row.size}
        found.setdefault(row.mail_id, []).append(file | {"url": f"/inbox/{row.mail_id}/attachments/{row.position}"})
    return found


def _mail(tx: Connection, mail_id: int) -> Row[Any]:
    row = tx.execute(select(mails).where(mails.c.id == mail_id)).first()
    if row is None:
        abort(404)
    return row
