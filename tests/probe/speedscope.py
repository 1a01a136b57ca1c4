# SPDX-License-Identifier: MIT
"""Validates a profile against speedscope's published schema and opens it in speedscope itself, in headless
Chromium. usage: speedscope.py RELEASE FILE.speedscope.json [SCREENSHOT.png], where RELEASE is the
directory dist/release of the npm package speedscope."""
import base64
import json
import os
import sys
import tempfile
import time

import jsonschema

from browser import Browser


def validate(release, profile):
    with open(os.path.join(release, "file-format-schema.json"), encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.Draft7Validator(schema).validate(profile)
    for one in profile["profiles"]:
        assert len(one["samples"]) == len(one["weights"]), one["name"]
        frames = len(profile["shared"]["frames"])
        assert all(0 <= frame < frames for stack in one["samples"] for frame in stack), one["name"]


def open_in(release, path, profile, screenshot):
    """As `speedscope FILE` does: the page runs a script that hands it the profile."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        script = os.path.join(directory, "profile.js")
        with open(path, "rb") as file, open(script, "w", encoding="utf-8") as out:
            text = base64.b64encode(file.read()).decode()
            out.write(f"speedscope.loadFileFromBase64({json.dumps(os.path.basename(path))}, {json.dumps(text)})")
        b = Browser(directory)
        try:
            b.call("POST", "/url", {"url": f"file://{release}/index.html#localProfilePath={script}"})
            names = [one["name"] for one in profile["profiles"]]
            shown = ""
            for _ in range(100):
                shown = b.js("return document.body.innerText")
                if names[0] in shown or "Something went wrong" in shown:
                    break
                time.sleep(0.1)
            assert names[0] in shown, shown[:400]
            if len(names) > 1:
                assert f"1/{len(names)}" in shown.replace(" ", ""), shown[:400]
            if screenshot:
                b.screenshot(screenshot)
        finally:
            b.close()


def main():
    release, path = os.path.realpath(sys.argv[1]), sys.argv[2]
    with open(path, encoding="utf-8") as file:
        profile = json.load(file)
    validate(release, profile)
    open_in(release, path, profile, sys.argv[3] if len(sys.argv) > 3 else None)
    print(f"{len(profile['profiles'])} profiles of {len(profile['shared']['frames'])} frames are valid, and speedscope shows them")


main()
