"""Errors that only the service can have."""

from data.errors import CreditRiskError


class RequestError(CreditRiskError):
    """A request cannot be read or contradicts an earlier one."""


class MalformedBodyError(RequestError):
    """The body cannot be read as what its content type says."""


class UnsupportedBodyError(RequestError):
    """The body is written in a format that is not taken."""


class BodyTooLargeError(RequestError):
    """The body exceeds the limit."""


class IdempotencyConflictError(RequestError):
    """An Idempotency-Key was used before for another request."""


class SettingsError(CreditRiskError):
    """A setting of the environment is wrong."""
