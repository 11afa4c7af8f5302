"""E-mail addresses in their normalized form."""

from typing import Annotated

from pydantic import AfterValidator, Field

from shared.field_types import Trimmed


def _plain(address: str) -> str:
    """The address in lower case and ASCII. SendGrid takes no other local part; a domain turns to punycode."""
    from email_validator import EmailNotValidError, validate_email  # few functions take addresses of accounts

    try:
        # Only the syntax is checked: the code sent to the mailbox proves that it exists.
        # "Test environment" admits the reserved domain .test, under which our own accounts may live.
        parts = validate_email(address, check_deliverability=False, allow_smtputf8=False, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError("is not an e-mail address, as name@example.com") from error
    return (parts.ascii_email or parts.normalized).lower()


EmailAddress = Annotated[
    str, Field(max_length=255, json_schema_extra={"format": "email"}), AfterValidator(_plain), Trimmed
]
"""An e-mail address, lower-cased (schema: users.email)."""

SYNTHETIC_DOMAIN = "synthetic.example"
"""The domain of synthetic buyers. It can't exist (RFC 2606), and no mail to it is delivered."""
