"""Opens a page in headless Chromium and does to it what a reader would.

Usage: browser.py PAGE < steps.json, a list of steps; prints a list of what each gave. A step is one of
{"eval": "expression"}, {"key": "j"}, {"type": "text"}, {"size": [width, height]}, {"scheme": "dark"},
{"open": "#fragment"}, {"screenshot": "file.png"}, {"errors": true}.
Speaks the DevTools protocol over pipes, so that no port is opened.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile


class Browser:
    def __init__(self, profile):
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()

        def as_three_and_four():
            # Chromium reads from 3 and writes to 4.
            spare_in, spare_out = os.dup(theirs_in), os.dup(theirs_out)
            os.dup2(spare_in, 3)
            os.dup2(spare_out, 4)

        self.process = subprocess.Popen(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--hide-scrollbars", "--remote-debugging-pipe", "--user-data-dir=" + profile, "about:blank"],
            preexec_fn=as_three_and_four, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(theirs_in)
        os.close(theirs_out)
        self.incoming, self.outgoing = os.fdopen(ours_in, "rb"), os.fdopen(ours_out, "wb")
        self.number, self.rest, self.session, self.errors, self.events = 0, b"", None, [], []

    def read(self):
        while b"\0" not in self.rest:
            more = self.incoming.read1(1 << 20)
            if not more:
                raise SystemExit("chromium went away")
            self.rest += more
        message, self.rest = self.rest.split(b"\0", 1)
        message = json.loads(message)
        method = message.get("method")
        if method == "Runtime.exceptionThrown":
            self.errors.append(message["params"]["exceptionDetails"]["exception"].get("description", "?"))
        if method == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
            self.errors.append(message["params"]["entry"]["text"])
        if method == "Network.requestWillBeSent":
            self.events.append(message["params"]["request"]["url"])
        return message

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.outgoing.write(json.dumps(message).encode() + b"\0")
        self.outgoing.flush()
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise SystemExit(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def attach(self):
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target for target in targets if target["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ["Page", "Runtime", "Log", "Network"]:
            self.call(domain + ".enable")

    def open(self, address):
        self.call("Page.navigate", url=address)
        self.evaluate("new Promise((done) => document.readyState === 'complete' ? done() : addEventListener('load', done))")

    def evaluate(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise SystemExit(f"{expression}: {answer['exceptionDetails']['exception'].get('description')}")
        return answer["result"].get("value")

    def key(self, name):
        named = {"Enter": 13, "Escape": 27, "ArrowDown": 40, "ArrowUp": 38, "Tab": 9, "End": 35}
        parameters = {"key": name, "windowsVirtualKeyCode": named.get(name, ord(name[0].upper()))}
        if name not in named:
            parameters["text"] = name
        self.call("Input.dispatchKeyEvent", type="keyDown", **parameters)
        self.call("Input.dispatchKeyEvent", type="keyUp", **parameters)

    def step(self, page, step):
        (what, value), = step.items()
        if what == "eval":
            return self.evaluate(value)
        if what == "key":
            return self.key(value)
        if what == "type":
            return self.call("Input.insertText", text=value) and None
        if what == "size":
            width, height = value
            return self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                             mobile=width < 600) and None
        if what == "scheme":
            features = [{"name": "prefers-color-scheme", "value": value}]
            return self.call("Emulation.setEmulatedMedia", features=features) and None
        if what == "open":
            self.open("about:blank")
            return self.open(page + value)
        if what == "screenshot":
            with open(value, "wb") as file:
                file.write(base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=False)["data"]))
            return None
        if what == "errors":
            return self.errors + [url for url in self.events if not url.startswith(("file:", "about:", "data:"))]
        raise SystemExit(f"no such step: {what}")


def main():
    page = "file://" + os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(profile)
        try:
            browser.attach()
            browser.open(page)
            print(json.dumps([browser.step(page, step) for step in json.load(sys.stdin)]))
            browser.session = None
            browser.call("Browser.close")
        finally:
            browser.process.kill()
            browser.process.wait()


main()
