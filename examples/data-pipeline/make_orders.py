"""Write the orders of a region: ``make_orders.py REGION FILE``. The same seed gives the same orders."""

import csv
import os
import random
import sys
from pathlib import Path

region, target = sys.argv[1:]
numbers = random.Random(f"{os.environ['SEED']} {region}")

with Path(target).open("w", newline="") as file:
    rows = csv.writer(file)
    rows.writerow(["order", "customer", "amount"])
    for number in range(20_000):
        cancelled = numbers.random() < 0.1
        amount = 0 if cancelled else numbers.randint(1, 500)
        rows.writerow([f"{region}-{number:05}", f"c{numbers.randrange(200):03}", amount])

print(f"{target}: {number + 1} orders")
