"""Measures everything, and keeps it in the README's table and plot; with --quick, tries a tiny model and keeps none."""

import argparse
import time

from . import arithmetic, first_result, generation, memory, report, training


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tiny model and few repetitions; nothing is kept")
    quick = parser.parse_args().quick
    started = time.perf_counter()
    rows = [row for part in (first_result, training, memory, generation, arithmetic) for row in part.measure(quick)]
    if not quick:
        report.keep(rows, time.perf_counter() - started)


if __name__ == "__main__":
    main()
