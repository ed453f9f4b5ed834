#!/usr/bin/env python3
"""The visitors of the demo's recording: half a dozen viewers on kept-alive connections, an app, and a few curls.

Run by record.sh inside the client's network namespace. Seeded, so that a new recording asks the same questions; only
the times, the ports and the order across connections are new.
"""

import http.client
import json
import random
import socket
import subprocess
import threading
import time

GATEWAY = "10.20.0.1"
HOST = "api.films.example"
VIEWERS = [(71, "DE"), (72, "NL"), (73, "PL"), (74, "ES"), (75, "CH"), (76, "AT")]
TITLES = range(1001, 1017)
SEARCHES = ["drama", "thriller", "the", "science+fiction", "winter", "nothing+like+it", "e"]
ROUNDS = 4
PAUSE_SECONDS = (0.03, 0.42)


class Viewer(threading.Thread):
    """One viewer in the browser: one kept-alive connection, a pause for thought between requests."""

    def __init__(self, number, viewer, country):
        super().__init__()
        self.viewer, self.country = viewer, country
        self.random = random.Random(viewer)
        source = (f"10.20.0.{10 + number}", 0)
        self.connection = http.client.HTTPConnection(GATEWAY, 80, timeout=10, source_address=source)
        self.tags = {}

    def ask(self, method, path, body=None, expect=(200,), **headers):
        fields = {"Host": HOST, "User-Agent": "films-web/4.2", "Accept": "application/json"}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, path, body=body, headers=fields)
        answer = self.connection.getresponse()
        answer.read()
        assert answer.status in expect, (method, path, answer.status)
        time.sleep(self.random.uniform(*PAUSE_SECONDS))
        return answer

    def json(self, method, path, value, **options):
        return self.ask(method, path, json.dumps(value), Content_Type="application/json", **options)

    def run(self):
        self.ask("GET", f"/v1/viewers/{self.viewer}", Authorization=f"Bearer demo-{self.viewer}")
        for _ in range(ROUNDS):
            self.browse()
            self.buy_and_watch()
        self.connection.close()

    def browse(self):
        query = self.random.choice(SEARCHES)
        page = self.random.choice([1, 1, 1, 2])
        self.ask("GET", f"/v1/search?q={query}&page={page}", Accept_Encoding="gzip")
        for title in self.random.sample(TITLES, 3):
            for path in (f"/v1/titles/{title}", f"/v1/titles/{title}/poster"):
                known = {"If_None_Match": self.tags[path]} if path in self.tags else {}
                answer = self.ask("GET", path, expect=(200, 304), **known)
                self.tags[path] = answer.getheader("ETag")

    def buy_and_watch(self):
        for title in self.random.sample(TITLES, 2):
            quote = {"title": title, "offer": self.random.choice(["rent", "rent", "buy"]), "country": self.country}
            if self.random.random() < 0.25:
                quote["voucher"] = "AUTUMN10"
            self.json("POST", "/v1/quotes", quote)
        self.ask("GET", f"/watch/{title}", expect=(302,))
        self.json("POST", "/v1/playbacks", {"viewer": self.viewer, "title": title}, expect=(201,))
        for seconds in (30, 60):
            self.ask(
                "POST",
                f"/v1/playbacks/{self.viewer * 100000 + title}/progress",
                f"seconds={seconds}",
                expect=(204,),
                Content_Type="application/x-www-form-urlencoded",
            )
        stars = json.dumps({"stars": self.random.randint(1, 5)}).encode()
        # An iterator has no length, so http.client sends the body in chunks.
        self.ask(
            "PUT",
            f"/v1/viewers/{self.viewer}/ratings/{title}",
            iter([stars[:5], stars[5:]]),
            Content_Type="application/json",
        )


def pipeline():
    """The app of a television: four requests on the wire before the first answer (RFC 9112 section 9.3.2)."""
    paths = [f"/v1/titles/{title}" for title in (1001, 1006, 1013)]
    with socket.create_connection((GATEWAY, 80), source_address=("10.20.0.20", 0)) as connection:
        head = f"Host: {HOST}\r\nUser-Agent: films-tv/1.9\r\n"
        wire = "".join(f"GET {path} HTTP/1.1\r\n{head}\r\n" for path in paths)
        wire += f"GET /v1/search?q=ghosts HTTP/1.1\r\n{head}Connection: close\r\n\r\n"
        connection.sendall(wire.encode())
        answers = b""
        while piece := connection.recv(65536):
            answers += piece
    assert answers.count(b"HTTP/1.1 200 OK") == 4, answers


def curl(*arguments, expect):
    """An operator at a shell."""
    resolve = ["--resolve", f"{HOST}:80:{GATEWAY}", "--interface", "10.20.0.30"]
    output = ["--silent", "--show-error", "--output", "/dev/null", "--write-out", "%{http_code}"]
    result = subprocess.run(["curl", *resolve, *output, *arguments], capture_output=True, text=True, check=True)
    assert result.stdout == expect, (arguments, result.stdout)


def main():
    viewers = [Viewer(number, *viewer) for number, viewer in enumerate(VIEWERS)]
    for viewer in viewers:
        viewer.start()
        time.sleep(0.2)
    base = f"http://{HOST}"
    pipeline()
    curl("--head", f"{base}/v1/titles/1004", expect="200")
    curl("--head", f"{base}/v1/titles/1004/poster", expect="200")
    curl(f"{base}/v1/titles/2001", expect="404")
    curl(f"{base}/v1/viewers/99", expect="404")
    curl(f"{base}/v1/offers", expect="404")
    curl(f"{base}/v1/search?q=drama&page=0", expect="400")
    curl("--http1.0", f"{base}/v1/search?q=the", expect="200")
    curl("--compressed", f"{base}/v1/search?q=orbit", expect="200")
    quote = json.dumps({"title": 1011, "offer": "rent", "country": "DE", "voucher": "FRIENDS25"})
    typed = ["--header", "Content-Type: application/json"]
    # Asks for permission first: an interim 100 precedes the answer.
    curl(*typed, "--header", "Expect: 100-continue", "--data", quote, f"{base}/v1/quotes", expect="200")
    curl(*typed, "--data", quote.replace("FRIENDS25", "NONE"), f"{base}/v1/quotes", expect="422")
    curl("--location", f"{base}/watch/1009", expect="200")
    for viewer in viewers:
        viewer.join()
    print(f"asked everything; {threading.active_count() - 1} visitors left")


if __name__ == "__main__":
    main()
