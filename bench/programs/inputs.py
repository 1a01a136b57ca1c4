#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""inputs.py DIRECTORY SCALE: the documents that jq and xmllint read; same scale, same bytes."""
import json
import random
import sys

directory, scale = sys.argv[1], float(sys.argv[2])
chance = random.Random(1)
people = [{"id": i, "name": "name %d" % chance.randrange(10**6), "tags": ["t%d" % chance.randrange(50) for _ in range(i % 7)],
           "position": {"x": chance.random(), "y": chance.random()}, "note": "x" * chance.randrange(80)}
          for i in range(int(20000 * scale))]
with open(directory + "/people.json", "w", encoding="ascii") as file:
    json.dump(people, file)
with open(directory + "/people.xml", "w", encoding="ascii") as file:
    file.write("<people>\n")
    for person in people:
        tags = "".join("<tag>%s</tag>" % tag for tag in person["tags"])
        file.write('<person id="%d"><name>%s</name>%s<x>%r</x><note>%s</note></person>\n'
                   % (person["id"], person["name"], tags, person["position"]["x"], person["note"]))
    file.write("</people>\n")
