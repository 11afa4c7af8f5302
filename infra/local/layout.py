"""The layout of a local run: addresses, databases, and the environment of the product's processes."""

import json
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
PROJECT = "karcis-local"
INVOKER = f"invoker@{PROJECT}.iam.gserviceaccount.com"
WEB_WORKERS, WEB_THREADS = 2, 64
PROCESSES_FILE = "processes.json"
"""The numbers of the processes of a run, beside its data: cloud, simulators, web."""
_PORTS_FILE = "ports.json"
_PORTS = range(20_000, 32_000)
"""Below those that systems give to the near ends of connections."""


@dataclass(frozen=True)
class Layout:
    """One local run. Ports of the servers behind the scenes are chosen once and kept beside the data."""

    port: int
    grpc_port: int
    cloud_port: int
    simulators_port: int
    database_url: str
    """The product's database."""
    metrics_dir: Path
    """The folder of the workers' counters."""
    store_url: str
    """The local cloud's and the simulators' own database."""

    @property
    def public_url(self) -> str:
        """The address at which people and tests reach the product."""
        return f"http://{HOST}:{self.port}"

    @property
    def cloud_url(self) -> str:
        """The HTTP side of the local cloud."""
        return f"http://{HOST}:{self.cloud_port}"

    def environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """The environment of the product's processes; what the caller has set in `given` wins."""
        grpc = f"{HOST}:{self.grpc_port}"
        simulators = f"http://{HOST}:{self.simulators_port}/simulators"
        chosen = {
            "GOOGLE_CLOUD_PROJECT": PROJECT,
            "INVOKER": INVOKER,
            "PUBLIC_URL": self.public_url,
            "FUNCTION_URL_TEMPLATE": f"{self.public_url}/functions/{{name}}",
            "XENDIT_BASE_URL": f"{simulators}/xendit",
            "MIDTRANS_BASE_URL": f"{simulators}/midtrans",
            "SENDGRID_BASE_URL": f"{simulators}/sendgrid",
            "WHATSAPP_BASE_URL": f"{simulators}/whatsapp",
            "WHATSAPP_PHONE_NUMBER_ID": "208000000000001",
            "WHATSAPP_NUMBER": "628110000001",
            "TICKETS_BUCKET": f"{PROJECT}-tickets",
            "MEDIA_BUCKET": f"{PROJECT}-media",
            "QUEUE_BUCKET": f"{PROJECT}-queue",
            "MEDIA_BASE_URL": f"{self.public_url}/media",
            "POOL_SIZE": "16",
            "SECURE_COOKIES": "off",
            "CANCELLATION_APPROVAL": "optional",
            "BANK_ACCOUNT_WAIT_SECONDS": "0",  # nobody who tries the product waits a day
            "SECOND_FACTOR_FOR_ADMINS": "optional",  # nor needs a phone to look at the admins' pages
            **given,
            # These belong to this run, whatever the surroundings say.
            "DATABASE_URL": self.database_url,
            "LOCAL_STORE_URL": self.store_url,
            "LOCAL_CLOUD_URL": self.cloud_url,
            "PROMETHEUS_MULTIPROC_DIR": str(self.metrics_dir),
            "PUBSUB_EMULATOR_HOST": grpc,
            "FIRESTORE_EMULATOR_HOST": grpc,
            "CLOUD_TASKS_EMULATOR_HOST": grpc,
            "SECRET_MANAGER_EMULATOR_HOST": grpc,
            "STORAGE_EMULATOR_HOST": self.cloud_url,
        }
        if "GOOGLE_CLIENT_IDS" not in chosen:
            chosen["GOOGLE_CLIENT_IDS"] = f"{PROJECT}.apps.googleusercontent.com"
            chosen["GOOGLE_AUTHORIZATION_URL"] = f"{self.public_url}/simulators/google/o/oauth2/v2/auth"
            chosen["GOOGLE_CERTS_URL"] = f"{self.cloud_url}/oidc/certs"
        if "WHATSAPP_NUMBER" not in given:
            chosen["WHATSAPP_LINK_URL"] = f"{self.public_url}/simulators/whatsapp/wa.me"
        if "MIDTRANS_SNAP_URL" not in chosen:  # browsers come by the product's address
            chosen["MIDTRANS_SNAP_URL"] = chosen["MIDTRANS_BASE_URL"]
            chosen["MIDTRANS_SNAP_SCRIPT_URL"] = f"{self.public_url}/simulators/midtrans/snap/snap.js"
        return chosen


def layout(data_dir: Path, *, port: int, database_url: str, store_url: str) -> Layout:
    """The layout of a run on `data_dir`, with the ports of last time where they are still free."""
    file = data_dir / _PORTS_FILE
    kept: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
    names = ("grpc_port", "cloud_port", "simulators_port")
    ports = {name: kept[name] if name in kept and _is_free(kept[name]) else free_port() for name in names}
    file.write_text(json.dumps(ports))
    metrics_dir = data_dir / "metrics"
    return Layout(port=port, database_url=database_url, store_url=store_url, metrics_dir=metrics_dir, **ports)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port on which nobody listens now, and that no system gives to the near end of a connection meanwhile."""
    while not _is_free(port := _PORTS.start + secrets.randbelow(len(_PORTS))):
        pass
    return port
