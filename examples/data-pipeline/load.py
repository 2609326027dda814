"""Load CSV files into a table of ``out/orders.db``: ``load.py TABLE FILE...``."""

import csv
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

TABLES = {
    "orders": ("id TEXT PRIMARY KEY, customer TEXT, amount INTEGER", "INSERT INTO orders VALUES (?, ?, ?)"),
    "customers": ("id TEXT PRIMARY KEY, country TEXT", "INSERT INTO customers VALUES (?, ?)"),
}

table, *files = sys.argv[1:]
columns, insert = TABLES[table]

with closing(sqlite3.connect("out/orders.db")) as database, database:
    database.execute(f"CREATE TABLE {table} ({columns})")
    for name in files:
        with Path(name).open(newline="") as file:
            rows = csv.reader(file)
            next(rows)
            count = database.executemany(insert, rows).rowcount
        print(f"{name}: {count} rows")
