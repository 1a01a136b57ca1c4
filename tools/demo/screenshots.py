#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""screenshots.py SCREEN: turns what `tmux capture-pane -e` has captured into a page that looks like it."""
import html
import re
import sys

COLOURS = ["#1d1f21", "#cc6666", "#8abd68", "#d9b64a", "#6f9fd8", "#b294bb", "#6cc0b6", "#d8d8d8"]
STYLE = """body { margin: 0; background: #1d1f21 }
pre { margin: 10px 14px; color: #d8d8d8; font: 14px/17px 'DejaVu Sans Mono', 'Liberation Mono', monospace }"""


def change(state, codes):
    """Applies the numbers of one escape sequence to (bold, dim, reverse, foreground, background)."""
    for code in map(int, (codes or "0").split(";")):
        if code == 0:
            state.update(bold=False, dim=False, reverse=False, front=None, back=None)
        elif code in (1, 2, 7):
            state[{1: "bold", 2: "dim", 7: "reverse"}[code]] = True
        elif 30 <= code <= 37 or 90 <= code <= 97:
            state["front"] = COLOURS[code % 10]
        elif 40 <= code <= 47:
            state["back"] = COLOURS[code % 10]
        elif code == 39:
            state["front"] = None
        elif code == 49:
            state["back"] = None


def span(state, text):
    front, back = state["front"] or COLOURS[7], state["back"]
    if state["reverse"]:
        front, back = back or COLOURS[0], front
    style = f"color: {front}" + (f"; background: {back}" if back else "") + ("; font-weight: bold" if state["bold"] else "")
    return f'<span style="{style}{"; opacity: 0.7" if state["dim"] else ""}">{html.escape(text)}</span>' if text else ""


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        parts = re.split(r"\x1b\[([0-9;]*)m", re.sub(r"\x0e|\x0f|\x1b\(.", "", file.read()))
    state, out = {}, []
    change(state, "0")
    for i, part in enumerate(parts):
        if i % 2:
            change(state, part)
        else:
            out.append(span(state, part))
    print(f"<!DOCTYPE html><meta charset=utf-8><style>{STYLE}</style><pre>{''.join(out)}</pre>")


main()
