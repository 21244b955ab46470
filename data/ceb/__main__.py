"""`python -m data.ceb` writes the page docs/ceb.md to the standard output."""

import sys

from data.ceb.markdown import page

sys.stdout.buffer.write(page().encode())
