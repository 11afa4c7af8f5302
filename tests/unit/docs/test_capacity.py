"""docs/capacity.md has what the manifest takes of connections and processors. Costs: tests/infra/test_sheets.py."""

from functions.manifest import manifest
from infra.checks import costs
from shared.cloud.settings import Settings
from tests.unit.docs.documents import read


def test_connections_and_processors_are_those_of_the_manifest():
    reserved = 30  # infra/terraform/variables.tf
    sizes = [each.sizing for each in manifest().functions.values()]
    opened, processors = (
        sum((each["max_instances"] + 1) * each[of_one] for each in sizes)  # and one of a new revision
        for of_one in ("pool_size", "cpu")
    )
    assert f"says that {opened + reserved} of 1,000 are needed" in read("docs/capacity.md")
    assert f"they take {processors} processors" in read("docs/capacity.md")


def test_a_sale_in_a_chat_costs_what_its_messages_cost():
    price = Settings.whatsapp_message_price
    assert price == round(costs.price("chat") * costs.RUPIAH_PER_DOLLAR + 0.5)
    written = read("docs/capacity.md")
    for messages in (3, costs.CHAT_MESSAGES):
        rupiah = f"{messages * price:,}".replace(",", ".")
        assert f"| {messages} | {messages * costs.price('chat'):.3f} | {rupiah} |" in written
    assert f"{Settings.whatsapp_daily_budget // price:,} messages" in written
