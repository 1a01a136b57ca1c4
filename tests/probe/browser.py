# SPDX-License-Identifier: MIT
"""Opens a report or an SVG in headless Chromium through the WebDriver protocol and uses it as a person
would: clicks, zooms, searches, goes by keyboard. usage: browser.py PAGE.html|GRAPH.svg [SCREENSHOT.png]"""
import base64, json, os, socket, subprocess, sys, tempfile, time, urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
ENTER, ESCAPE, RIGHT, LEFT, UP, HOME = "\ue007", "\ue00c", "\ue014", "\ue012", "\ue013", "\ue011"


class Browser:
    def __init__(self, directory):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        self.log = open(f"{directory}/driver.log", "w")
        self.driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=self.log, stderr=self.log)
        self.base = f"http://127.0.0.1:{port}/session"
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync",
                 "--disable-dev-shm-usage", "--window-size=1280,1000", f"--user-data-dir={directory}/profile"]
        wanted = {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": {"args": flags},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}}}
        for attempt in range(100):
            try:
                answer = self.call("POST", "", wanted)
                break
            except OSError:
                if attempt == 99 or self.driver.poll() is not None:
                    raise
                time.sleep(0.2)
        self.base += "/" + answer["sessionId"]

    def call(self, method, path, body=None):
        data = json.dumps(body if body is not None else {}).encode() if method == "POST" else None
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()[:600]) from None

    def js(self, script, *arguments):
        return self.call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def find(self, script):
        """The element that the expression gives."""
        found = self.js("return " + script)
        assert found, f"no {script}"
        return found[ELEMENT]

    def click(self, script):
        self.call("POST", f"/element/{self.find(script)}/click")

    def keys(self, text):
        strokes = [{"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp")]
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": strokes}]})

    def screenshot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("GET", "/screenshot")))

    def errors(self):
        return [e["message"] for e in self.call("POST", "/se/log", {"type": "browser"}) if e["level"] == "SEVERE"]

    def requests(self):
        urls = []
        for entry in self.call("POST", "/se/log", {"type": "performance"}):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                urls.append(message["params"]["request"]["url"])
        return urls

    def close(self):
        try:
            self.call("DELETE", "")
        except (OSError, AssertionError):
            pass
        self.driver.terminate()
        self.driver.wait()


# The graph on show: `svg`; its frames' widths in pixels.
SVG = ("(document.documentElement.tagName === 'svg' ? document.documentElement : "
       "[...document.querySelectorAll('.flame > svg')].find(s => s.getBoundingClientRect().width))")
FRAME = "[...%s.querySelectorAll('g.f')]" % SVG


def use_graph(b, report):
    width = b.js(f"return {SVG}.getBoundingClientRect().width")
    frames = b.js(f"return {FRAME}.length")
    if frames == 1:
        report.append("a graph without samples")
        return
    assert frames > 5 and width > 400, (frames, width)
    # The widest frame that is not as wide as all, else the deepest.
    b.js(f"""const all = {FRAME}; const total = +all[0].dataset.w;
             const part = all.filter(g => g.dataset.d > 0 && +g.dataset.w < 0.9 * total && +g.dataset.w > 0.02 * total);
             window.chosen = part.sort((a, b) => b.dataset.w - a.dataset.w)[0] || all[all.length - 1];
             window.wide = () => window.chosen.querySelector('rect').getBoundingClientRect().width;
             window.chosen.scrollIntoView({{block: 'center'}});""")
    before = b.js("return wide()")
    b.click("window.chosen.querySelector('rect')")
    after = b.js("return wide()")
    assert after > before * 1.1 or before > 0.9 * width, f"a click did not zoom: {before} to {after}"
    assert after > 0.9 * width, (after, width)
    b.keys(ESCAPE)
    assert abs(b.js("return wide()") - before) < 2, "Escape did not go back"
    # Search by keyboard.
    name = b.js("return window.chosen.querySelector('title').textContent.split('\\n')[0]")
    b.keys("/")
    assert b.js("return document.activeElement.className") == "field", "/ did not open the search"
    b.keys(name)
    hits = b.js(f"return {SVG}.querySelectorAll('g.f.hit').length")
    matched = b.js(f"return {SVG}.querySelector('.matched').textContent")
    assert hits > 0 and matched.startswith("matched "), (name, hits, matched)
    b.keys(ENTER)
    b.keys(ESCAPE)
    assert b.js(f"return {SVG}.querySelectorAll('g.f.hit').length") == 0, "Escape did not end the search"
    # From the root upwards and into a frame by keyboard.
    b.js(f"{FRAME}[0].focus()")
    b.keys(UP + UP + ENTER)
    assert b.js("return document.activeElement.dataset.d") == "2"
    assert b.js("return document.activeElement.querySelector('rect').getBoundingClientRect().width") > 0.9 * width
    b.keys(ESCAPE)
    report.append(f"a graph of {frames} frames zoomed by click and key, searched '{name}' ({matched})")


def use_page(b, report):
    charts = b.js("return document.querySelectorAll('.chart').length")
    tiles = b.js("return document.querySelectorAll('#tiles dd').length")
    assert charts >= 5 and tiles >= 6, (charts, tiles)
    assert not b.js("return /NaN|undefined|Infinity/.test(document.body.innerText)"), b.js("return document.body.innerText")
    b.js("document.querySelector('.chart').focus()")
    first = "document.querySelector('.reading').textContent"
    b.keys(HOME)
    at_home = b.js("return " + first)
    b.keys(RIGHT)
    assert b.js("return " + first) != at_home, "the arrow key did not move along the chart"
    tabs = b.js("return document.querySelectorAll('[role=tab]').length")
    report.append(f"{tiles} figures, {charts} charts")
    for i in range(tabs):
        b.click(f"document.querySelectorAll('[role=tab]')[{i}]")
        assert b.js("return [...document.querySelectorAll('.flame')].filter(f => !f.hidden).length") == 1
        use_graph(b, report)
    b.js("document.querySelectorAll('[role=tab]')[0].focus()")
    b.keys(RIGHT + LEFT)
    assert b.js("return document.activeElement.id") == "tab-0"


def main():
    page = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        b = Browser(directory)
        try:
            report = []
            b.call("POST", "/url", {"url": "file://" + page})
            if len(sys.argv) > 2:
                if page.endswith(".html"):
                    height = b.js("return document.documentElement.scrollHeight")
                    b.call("POST", "/window/rect", {"width": 1280, "height": min(height + 140, 4000)})
                b.screenshot(sys.argv[2])
            (use_page if page.endswith(".html") else use_graph)(b, report)
            errors = b.errors()
            assert not errors, errors
            foreign = [u for u in b.requests() if not u.startswith(("file:", "data:", "chrome"))]
            assert not foreign, foreign
            print("; ".join(report) + "; no error, no network")
        finally:
            b.close()


if __name__ == "__main__":
    main()
