"""Objects in Cloud Storage: most are written once and never changed, until they are deleted."""

from shared.cloud import clients, permissions

PUT_TIMEOUT_SECONDS = 5.0
"""The wait for an object that is soon replaced again."""


class StorageUnavailable(Exception):
    """Cloud Storage can't be reached, or did not do what it was asked."""


def put_once(bucket: str, name: str, content: bytes, content_type: str, *, cache_control: str | None = None) -> None:
    """Store `content`, unless an object of that name exists, which is kept.

    `cache_control` is the header for readers of a public bucket; Cloud Storage's default where it is None.
    """
    from google.api_core.exceptions import Forbidden, PreconditionFailed

    permissions.check("buckets", bucket)
    blob = clients.storage().bucket(bucket).blob(name)
    if cache_control:
        blob.cache_control = cache_control
    try:
        blob.upload_from_string(content, content_type=content_type, if_generation_match=0)
    except PreconditionFailed:
        return
    except Forbidden:
        # Replacing takes the right to delete: without it the answer may be 403, before the condition is looked at.
        if not blob.exists():
            raise


def put(bucket: str, name: str, content: bytes, content_type: str, *, cache_control: str) -> None:
    """Store `content` in place of what is there, at most once a second for one object. Raises StorageUnavailable."""
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import GoogleAuthError

    permissions.check("deletes_files", bucket)
    blob = clients.storage().bucket(bucket).blob(name)
    blob.cache_control = cache_control
    try:
        blob.upload_from_string(content, content_type=content_type, timeout=PUT_TIMEOUT_SECONDS, retry=None)
    except (GoogleAPICallError, RetryError, GoogleAuthError, OSError) as error:
        raise StorageUnavailable(type(error).__name__) from error


def get(bucket: str, name: str) -> bytes | None:
    """The content of an object, or None where there is none."""
    from google.api_core.exceptions import NotFound

    permissions.check("buckets", bucket)
    try:
        content: bytes = clients.storage().bucket(bucket).blob(name).download_as_bytes()
    except NotFound:
        return None
    return content


def delete_all(bucket: str, prefix: str) -> None:
    """Delete every object whose name begins with `prefix`, if there is any.

    Raises StorageUnavailable, and ValueError for an empty prefix, which would be the whole bucket.
    """
    from google.api_core.exceptions import GoogleAPICallError, NotFound, RetryError
    from google.auth.exceptions import GoogleAuthError

    permissions.check("deletes_files", bucket)
    if not prefix:
        raise ValueError("an empty prefix is the whole bucket")
    try:
        for blob in clients.storage().list_blobs(bucket, prefix=prefix):
            try:
                blob.delete()
            except NotFound:
                continue  # somebody else was faster
    except (GoogleAPICallError, RetryError, GoogleAuthError, OSError) as error:
        raise StorageUnavailable(type(error).__name__) from error
