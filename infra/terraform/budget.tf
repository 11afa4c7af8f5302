resource "google_billing_budget" "monthly" {
  count = var.budget == null ? 0 : 1

  billing_account = var.budget.billing_account
  display_name    = "${var.project_id}, monthly"

  budget_filter {
    projects        = ["projects/${var.project_number}"]
    calendar_period = "MONTH"
  }

  amount {
    specified_amount {
      currency_code = var.budget.currency
      units         = tostring(var.budget.amount)
    }
  }

  dynamic "threshold_rules" {
    for_each = toset([0.5, 0.9, 1.0])
    content {
      threshold_percent = threshold_rules.value
    }
  }

  threshold_rules {
    threshold_percent = 1.0
    spend_basis       = "FORECASTED_SPEND"
  }
}

# Who may read the project may read the budget of this one project, and changing it takes a right on the project
# (Google, Access control for the Cloud Billing Budget API). The predefined roles that hold it are owner and editor.
resource "google_project_iam_custom_role" "budget" {
  count = var.budget == null ? 0 : 1

  role_id     = "budgetEditor"
  title       = "Changes the budget of this project"
  permissions = ["billing.resourcebudgets.read", "billing.resourcebudgets.write"]
}

resource "google_project_iam_member" "releaser_budget" {
  count = var.budget == null ? 0 : 1

  project = var.project_id
  role    = google_project_iam_custom_role.budget[0].name
  member  = google_service_account.releaser.member
}
