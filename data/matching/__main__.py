"""`python -m data.matching` prints docs/matching.md."""

import sys

from data.matching.limits import shipped_limits
from data.matching.markdown import document

if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.write(document(shipped_limits()))
