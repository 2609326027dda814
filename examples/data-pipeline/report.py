"""Functions that tasks call. Each runs in a process of its own, in the task's environment."""

from __future__ import annotations

import csv
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_moderator import Task

TOTALS = """
    SELECT country, COUNT(*), SUM(amount)
    FROM orders JOIN customers ON customers.id = orders.customer
    GROUP BY country ORDER BY country
"""


def join() -> None:
    """Sum up the orders of each country."""
    with closing(sqlite3.connect("out/orders.db")) as database:
        totals = database.execute(TOTALS).fetchall()
    with Path("out/joined/totals.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["country", "orders", "euros"])
        rows.writerows(totals)


def write(task: Task) -> None:
    """Write the report; a function that has a parameter ``task`` is given the task."""
    rate = float(Path("out/raw/rates.csv").read_text().split(",")[2])
    with Path("out/joined/totals.csv").open(newline="") as file:
        totals = list(csv.DictReader(file))
    lines = [os.environ["TITLE"], f"(made by {task.id})", ""]
    for row in totals:
        dollars = int(row["euros"]) * rate
        lines.append(
            f"{row['country']}  {row['orders']:>6} orders  {row['euros']:>10} EUR  {dollars:>13.2f} USD"
        )
    Path("out/report.txt").write_text("\n".join(lines) + "\n")
