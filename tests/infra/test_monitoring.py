"""Metrics have the same names in the code, in Cloud Logging, on dashboards and in alerts (M-004, MON)."""

import json
import re

from shared.cloud.metrics import COUNTERS, GAUGES

COUNTED = re.compile(r"user_(karcis_[a-z_]+?)(?:_sum|_count)?\{")
LISTED = {metric.name for metric in (*COUNTERS, *GAUGES)}


def queries(resources) -> list[str]:
    """The alerts' queries, without what only the apply will know: the id of the uptime check."""
    alerts = [values for address, values in resources.items() if "alert_policy.this" in address]
    asked = [each["condition_prometheus_query_language"][0] for alert in alerts for each in alert["conditions"]]
    return [condition["query"] for condition in asked if "query" in condition]


def test_cloud_logging_counts_what_is_listed(resources):
    logged = {values["name"] for address, values in resources.items() if address.startswith("google_logging_metric")}
    assert {name for name in logged if not name.startswith("platform_")} == LISTED


def test_the_dashboard_shows_all_of_it_and_nothing_else_of_ours(resources):
    page = json.loads(resources["google_monitoring_dashboard.main"]["dashboard_json"])
    tiles = page["mosaicLayout"]["tiles"]
    asked = [tile["widget"]["xyChart"]["dataSets"][0]["timeSeriesQuery"]["prometheusQuery"] for tile in tiles]
    assert {name for query in asked for name in COUNTED.findall(query)} == LISTED


def test_the_dashboard_holds_nothing_that_the_api_leaves_out(resources):
    """Empty maps and positions of zero: with any, no second plan would be empty."""
    page = resources["google_monitoring_dashboard.main"]["dashboard_json"]
    assert not re.findall(r'"\w+":(?:\{\}|0\b)', page)
    tiles = json.loads(page)["mosaicLayout"]["tiles"]
    places = [(tile.get("xPos", 0), tile.get("yPos", 0)) for tile in tiles]
    assert places == [(4 * (index % 3), 4 * (index // 3)) for index in range(len(tiles))]


def test_alerts_ask_for_metrics_that_there_are(resources):
    asked = {name for query in queries(resources) for name in COUNTED.findall(query)}
    assert asked
    assert asked <= LISTED


def test_every_gauge_has_an_alert(resources):
    asked = {name for query in queries(resources) for name in COUNTED.findall(query)}
    assert {gauge.name for gauge in GAUGES} <= asked


def test_functions_may_send_the_spans_they_are_told_to_send(resources, told):
    assert {environment["TRACE_EXPORTER"] for environment in told.values()} == {"cloud"}
    for name in told:
        assert resources[f'module.function["{name}"].google_project_iam_member.traces']
