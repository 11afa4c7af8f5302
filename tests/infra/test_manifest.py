"""A mistake in functions/manifest.yaml stops the plan, and the message says what and where."""


def test_a_misspelt_key_is_named(refused):
    said = refused("misspelt_key.yaml")
    assert 'functions.reserve has an unknown key "max_instanses"' in said
    assert said.count("Error:") == 1


def test_every_misspelt_name_is_named(refused):
    said = refused("misspelt_names.yaml")
    for fault in (
        'queues.expire has an unknown key "max_dispatches"',
        'functions.reserve.edge is none of standard, cached, pages, accounts, webhook: "chached"',
        'functions.reserve.secrets names "jwt-singing-key", which nothing declares',
        'functions.reserve.publishes names "order.endet", which nothing declares',
        'functions.reserve.enqueues names "expires", which nothing declares',
        'functions.reserve.buckets names "tickets", which nothing declares',
        'functions.orders subscribes to "payment.success", which nobody publishes',
        "functions.orders has routes and is not public",
        "functions.reserve is public and takes tasks, jobs or messages",
        "functions.refunds is not public, and takes no tasks, jobs or messages",
        "/orders/{} belongs to more than one function: orders, reserve",
    ):
        assert fault in said
