"""After a new key every encrypted field is encrypted anew, beside the running product (SEC-002)."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from shared.cloud import secrets
from shared.cloud.database import transaction
from shared.cloud.field_encryption import KEY, DecryptionFailed, decrypt, encrypt
from shared.privacy import key_rotation
from tests.conftest import SECRETS
from tests.factories import a_user
from tests.threads import behind

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(autouse=True)
def _keys():
    yield
    secrets.provide(SECRETS)


def an_account(number: str = "1234567890") -> UUID:
    account_id = uuid4()
    with transaction() as tx:
        tx.execute(
            text("""
                INSERT INTO bank_accounts (id, user_id, bank_code, account_number_sealed, account_number_ending,
                    account_holder_name, status)
                VALUES (:id, :user_id, 'BCA', :encrypted, '7890', 'Siti', 'verified')
            """),
            {
                "id": account_id,
                "user_id": a_user(tx).id,
                "encrypted": encrypt(number, about=f"bank_account:{account_id}"),
            },
        )
    return account_id


def encrypted(account_id: UUID) -> str:
    with transaction() as tx:
        found: str = tx.execute(
            text("SELECT account_number_sealed FROM bank_accounts WHERE id = :id"), {"id": account_id}
        ).scalar_one()
    return found


def test_every_sealed_column_of_the_database_is_on_the_list():
    with transaction() as tx:
        columns = tx.execute(
            text("SELECT table_name, column_name FROM information_schema.columns WHERE column_name LIKE '%\\_sealed'")
        ).all()
    assert {(row.table_name, row.column_name) for row in columns} == {
        (field.table, field.column) for field in key_rotation.FIELDS
    }


def test_old_values_are_sealed_under_the_new_key_and_open_as_before():
    accounts = [an_account() for _ in range(3)]
    secrets.provide({KEY: "a second key, random enough"}, number="2")
    newest = an_account()
    assert key_rotation.rotate()["bank_accounts"] == 3
    assert key_rotation.rotate()["bank_accounts"] == 0
    for account_id in [*accounts, newest]:
        assert encrypted(account_id).startswith("v2.")
        assert decrypt(encrypted(account_id), about=f"bank_account:{account_id}") == "1234567890"


def test_a_value_that_is_changed_meanwhile_stays_as_it_was_changed():
    account_id = an_account()
    about = f"bank_account:{account_id}"
    secrets.provide({KEY: "a second key, random enough"}, number="2")
    change = text("UPDATE bank_accounts SET account_number_sealed = :encrypted WHERE id = :id")
    with transaction() as tx:
        tx.execute(change, {"id": account_id, "encrypted": encrypt("0987654321", about=about)})
        rotating = behind(tx, key_rotation.rotate)
    rotating.result()
    assert decrypt(encrypted(account_id), about=about) == "0987654321"


def test_what_can_not_be_opened_stays_as_it_is():
    secrets.provide(SECRETS)
    account_id = an_account()
    with transaction() as tx:
        tx.execute(
            text("UPDATE bank_accounts SET account_number_sealed = overlay(account_number_sealed PLACING 'AAAA' FROM 9)"
                 " WHERE id = :id"), {"id": account_id}
        )  # fmt: skip
    before = encrypted(account_id)
    secrets.provide({KEY: "a third key, random enough"}, number="3")
    with pytest.raises(DecryptionFailed):
        key_rotation.rotate()
    assert encrypted(account_id) == before
