# One page: is it healthy, does it sell, is anything stuck, does the money add up.

locals {
  charts = concat(
    [
      { title = "Requests per second", unit = "1/s", query = "sum by (service_name) (rate(${local.requests}}[5m]))" },
      { title = "Share of errors", unit = "1", query = "sum by (service_name) (rate(${local.requests},response_code_class=\"5xx\"}[5m])) / sum by (service_name) (rate(${local.requests}}[5m]))" },
      { title = "95th percentile", unit = "ms", query = "histogram_quantile(0.95, sum by (le, service_name) (rate(${local.latencies}}[5m])))" },
      { title = "Instances", unit = "1", query = "sum by (service_name) (run_googleapis_com:container_instance_count{monitored_resource=\"cloud_run_revision\"})" },
      { title = "Connections of PostgreSQL, of ${var.database.max_connections}", unit = "1", query = "sum(cloudsql_googleapis_com:database_postgresql_num_backends{monitored_resource=\"cloudsql_database\"})" },
      { title = "Processor of PostgreSQL", unit = "1", query = "max(cloudsql_googleapis_com:database_cpu_utilization{monitored_resource=\"cloudsql_database\"})" },
      {
        title = "Share of payments that buy what they were for", unit = "1",
        query = "sum(increase(${trimsuffix(local.counter.karcis_payments_total, "}")},outcome=~\"paid|revived\"}[1h])) / sum(increase(${trimsuffix(local.counter.karcis_payments_total, "}")},outcome=~\"paid|revived|failed|in_review|to_refund\"}[1h]))"
      },
    ],
    [
      for name, metric in local.metrics.counters : {
        title = "${name}: ${metric.description}", unit = "1",
        query = "sum by (${join(", ", keys(metric.labels))}) (increase(${local.counter[name]}[5m]))"
      }
    ],
    [
      for name, metric in local.metrics.gauges : {
        title = "${name}: ${metric.description}", unit = metric.unit, query = local.gauge[name]
      }
    ],
  )
}

# The API leaves out empty maps and zeros, and each would be a difference of every plan.
resource "google_monitoring_dashboard" "main" {
  dashboard_json = jsonencode({
    displayName = "Karcis"
    mosaicLayout = {
      columns = 12
      tiles = [
        for index, chart in local.charts : merge(
          { for axis, position in { xPos = (index % 3) * 4, yPos = floor(index / 3) * 4 } : axis => position if position > 0 },
          {
            width = 4, height = 4,
            widget = {
              title = chart.title
              xyChart = {
                dataSets = [{
                  plotType           = "LINE"
                  targetAxis         = "Y1"
                  timeSeriesQuery    = { prometheusQuery = chart.query, unitOverride = chart.unit }
                  minAlignmentPeriod = "60s"
                }]
              }
            }
          }
        )
      ]
    }
  })

  depends_on = [google_logging_metric.counter, google_logging_metric.gauge]
}
