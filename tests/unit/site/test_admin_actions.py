"""Actions of the admin desk ask for a proof of who one is: all but those that move no money and give no right."""

import importlib

from shared.site.admin import actions

importlib.import_module("functions.site.main")

WITHOUT_PROOF = {
    "/admin/tasks/{subject_id}/done",
    "/admin/mails/{subject_id}/send-again",
    "/admin/suppressions/{subject_id}/lift",
    "/admin/approvals/{subject_id}/decline",
}


def test_every_other_action_asks_for_a_proof():
    assert {each.path for each in actions.ALL if each.proof is actions.no_proof} == WITHOUT_PROOF


def test_the_effect_is_remembered_by_what_it_says():
    shown = actions.Confirmation("Refund", ["Rp 215.000 go back"], "Refund")
    changed = actions.Confirmation("Refund", ["Rp 180.000 go back"], "Refund")
    assert shown.digest == actions.Confirmation("Refund", ["Rp 215.000 go back"], "Do it").digest
    assert shown.digest != changed.digest
