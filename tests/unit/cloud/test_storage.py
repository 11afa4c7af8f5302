"""An object that exists is kept, whichever of its two refusals Cloud Storage answers with."""

import pytest
from google.api_core.exceptions import Forbidden

from shared.cloud import storage
from tests.stored_files import StoredFiles


@pytest.mark.parametrize("forbidden", [False, True], ids=["412", "403"])
def test_an_object_that_exists_is_kept(files: StoredFiles, forbidden: bool):
    storage.put_once("tickets", "ticket.pdf", b"first", "application/pdf")
    files.forbids_uploads = forbidden
    storage.put_once("tickets", "ticket.pdf", b"second", "application/pdf")
    assert files.files == {"ticket.pdf": b"first"}


def test_a_missing_right_is_not_taken_for_an_object(files: StoredFiles):
    files.forbids_uploads = True
    with pytest.raises(Forbidden):
        storage.put_once("tickets", "ticket.pdf", b"first", "application/pdf")
