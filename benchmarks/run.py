"""Run every benchmark and renew the tables in benchmarks/README.md and README.md, and the figure in docs/.

python -m benchmarks.run            (or: make bench)
python -m benchmarks.run --table    only tables and figure, from the committed results
"""

from __future__ import annotations

import sys

from benchmarks import banking77, deciding, faults, kills, leakage, mining, money, wire
from benchmarks.false_promotion import main as false_promotion
from benchmarks.false_promotion.figure import write_figure
from benchmarks.false_promotion.pages import write_readme
from benchmarks.peers import main as peers
from benchmarks.table import write_table


def main() -> None:
    """Run what is asked for."""
    only_table = "--table" in sys.argv
    sys.argv = sys.argv[:1]
    if not only_table:
        banking77.main()
        mining.main()
        false_promotion.main()
        leakage.main()
        deciding.main()
        money.main()
        wire.main()
        peers.main()
        kills.main()
        faults.main()
    write_table()
    write_figure()
    write_readme()


if __name__ == "__main__":
    main()
