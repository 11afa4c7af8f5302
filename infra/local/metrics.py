"""`/metrics`, as Prometheus reads it: the metrics of shared/cloud/metrics.py, of all worker processes together.

Counters are counted from what is logged, exactly as Cloud Logging does it. The library keeps them in files of
`PROMETHEUS_MULTIPROC_DIR`, so that whichever worker answers knows those of the others.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import prometheus_client
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from werkzeug.wrappers import Response

from shared.cloud.database import transaction
from shared.cloud.metrics import COUNTERS, GAUGES, Counter
from shared.payments import gauges

PATH = "/metrics"


class Counting(logging.Handler):
    """Counts the lines that the counters are about."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        registry = CollectorRegistry()
        self._counters: defaultdict[str, list[tuple[Counter, prometheus_client.Counter]]] = defaultdict(list)
        for counter in COUNTERS:
            counted = prometheus_client.Counter(counter.name, counter.help, counter.labels, registry=registry)
            self._counters[counter.event].append((counter, counted))

    def createLock(self) -> None:  # noqa: N802 - logging's own name
        """Make no lock: the counters have their own."""
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        """Look at one line."""
        fields = vars(record)
        for counter, counted in self._counters.get(str(record.msg), ()):
            if counter.counts(record.msg, fields):
                labels = [str(fields.get(label)) for label in counter.labels]
                (counted.labels(*labels) if labels else counted).inc()


class _Gauges(Collector):
    """Asks the database when it is asked."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Every gauge as it is now."""
        with transaction() as tx:
            found = gauges.read(tx)
        for gauge in GAUGES:
            yield GaugeMetricFamily(gauge.name, gauge.help, value=found[gauge.name])


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer with everything."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    registry.register(_Gauges())
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)(environ, start_response)
