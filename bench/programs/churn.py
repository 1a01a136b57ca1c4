# SPDX-License-Identifier: MIT
"""churn.py SCALE: a table of objects that changes all the time and is written and read as JSON."""
import json
import random
import sys

chance = random.Random(1)
table = {}
for i in range(int(60000 * float(sys.argv[1]))):
    table["k%d" % chance.randrange(3000)] = {"n": i, "text": "x" * chance.randrange(300), "list": list(range(chance.randrange(20)))}
    if i % 3 == 0:
        table.pop("k%d" % chance.randrange(3000), None)
    if i % 3000 == 2999:
        text = json.dumps(table, sort_keys=True)
        table = json.loads(text)
print(len(table))
