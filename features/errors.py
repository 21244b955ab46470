"""How definitions check themselves."""

from data.errors import FeatureError


def check(holds: bool, message: str) -> None:
    """Raise a `FeatureError` with the message unless the condition holds."""
    if not holds:
        raise FeatureError(message)
