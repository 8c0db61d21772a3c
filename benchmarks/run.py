"""Run every benchmark and renew the table in benchmarks/README.md.

python -m benchmarks.run            (or: make bench)
python -m benchmarks.run --table    only the table, from the committed results
"""

from __future__ import annotations

import sys

from benchmarks import banking77, mining
from benchmarks.table import write_table


def main() -> None:
    """Run what is asked for."""
    only_table = "--table" in sys.argv
    sys.argv = sys.argv[:1]
    if not only_table:
        banking77.main()
        mining.main()
    write_table()


if __name__ == "__main__":
    main()
