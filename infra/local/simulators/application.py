"""The simulators as one WSGI application for `/simulators` of the local web server."""

from flask import Flask
from sqlalchemy import Engine

from infra.local.cloud import webhooks
from infra.local.cloud.store import open_store
from infra.local.simulators import (
    controls,
    google,
    midtrans_actions,
    midtrans_popup,
    pages,
    sendgrid,
    settlement_reports,
    whatsapp,
    whatsapp_phones,
    xendit_accounts,
)
from infra.local.simulators.api import Application
from infra.local.simulators.controls import Gateway
from infra.local.simulators.midtrans import Midtrans
from infra.local.simulators.settings import SimulatorSettings
from infra.local.simulators.xendit import Xendit
from infra.local.simulators.xendit_payouts import payouts_api
from infra.local.simulators.xendit_refunds import refunds_api

PREFIX = "/simulators"


def application(store_url: str, settings: SimulatorSettings) -> Application:
    """All simulators, keeping their state in `store_url` (a database of the local cloud).

    Webhooks are queued there; the local cloud's dispatcher sends them. Served at the root or mounted at
    `/simulators` alike.
    """
    engine = open_store(store_url, pool_size=4)
    webhooks.register(engine)
    return Application(simulators(engine, settings), engine, PREFIX)


def simulators(engine: Engine, settings: SimulatorSettings) -> Flask:
    """All simulators, keeping their state in `engine`."""
    app = Flask(__name__)
    xendit, midtrans = Xendit(settings), Midtrans(settings)
    parts = {
        "/xendit": [
            xendit.api(engine),
            refunds_api(xendit, settings, engine),
            payouts_api(xendit, settings, engine),
            xendit_accounts.accounts_api(settings, engine),
        ],
        "/midtrans": [
            midtrans.snap_api(engine),
            midtrans.charge_api(engine),
            midtrans_actions.actions_api(midtrans, settings, engine),
            midtrans_popup.popup_pages(midtrans, engine, settings),
        ],
        "/google": [google.sign_in_pages(settings, engine)],
        "/whatsapp": [whatsapp.cloud_api(settings, engine), whatsapp_phones.phone_pages(settings, engine)],
        "/sendgrid": [sendgrid.mail_api(settings, engine), controls.mail_controls(settings, engine)],
    }
    gateways: list[Gateway] = [xendit, midtrans]
    for gateway in gateways:
        parts[f"/{gateway.name}"] += [
            controls.payment_controls(gateway, engine),
            pages.payment_pages(gateway, engine, settings),
            settlement_reports.report_pages(gateway.name, engine),
        ]
    for path, blueprints in parts.items():
        for blueprint in (*blueprints, controls.fault_controls(path.removeprefix("/"), engine)):
            app.register_blueprint(blueprint, url_prefix=path)
    app.register_blueprint(settlement_reports.bank_pages(engine), url_prefix="/bank")
    app.add_url_rule("/", "latest", lambda: pages.overview(gateways, engine))
    return app
