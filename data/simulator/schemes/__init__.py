"""The schemes of violation: one entry each, in the order of their numbers."""

from data.simulator.schemes.exports import EXPORTS
from data.simulator.schemes.imports import IMPORTS
from data.simulator.schemes.scheme import Scheme

SCHEMES: tuple[Scheme, ...] = (*IMPORTS, *EXPORTS)
"""All schemes; a scheme's number is its place."""
NAMES = tuple(scheme.name for scheme in SCHEMES)

__all__ = ["NAMES", "SCHEMES", "Scheme"]
