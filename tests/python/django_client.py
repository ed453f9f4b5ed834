"""A visit to Django's administration site at ADDRESS over one connection: it keeps cookies and reads forms, and nothing else."""

import http.client
import sys
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from urllib.parse import urlencode

connection = http.client.HTTPConnection(sys.argv[1], timeout=20)
cookies = {}


class Tokens(HTMLParser):
    def __init__(self):
        super().__init__()
        self.token = None

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "input" and attributes.get("name") == "csrfmiddlewaretoken":
            self.token = attributes["value"]


def ask(method, path, expected, form=None):
    headers = {"Host": "admin.test"}
    if cookies:
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    body = None
    if form is not None:
        body = urlencode(form)
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    page = answer.read().decode()
    for field in answer.headers.get_all("Set-Cookie") or []:
        for name, morsel in SimpleCookie(field).items():
            cookies[name] = morsel.value
    assert answer.status == expected, (method, path, answer.status, page[:2000])
    parser = Tokens()
    parser.feed(page)
    return parser.token, answer.headers.get("Location")


_, location = ask("GET", "/admin/", 302)
token, _ = ask("GET", location, 200)
form = {"username": "jane", "password": "correct horse", "next": "/admin/", "csrfmiddlewaretoken": token}
_, location = ask("POST", "/admin/login/?next=/admin/", 302, form)
ask("GET", location, 200)
token, _ = ask("GET", "/admin/auth/group/add/", 200)
form = {"name": "editors", "_continue": "Save and continue editing", "csrfmiddlewaretoken": token}
_, change = ask("POST", "/admin/auth/group/add/", 302, form)
token, _ = ask("GET", change, 200)
form = {"name": "chief editors", "_continue": "Save and continue editing", "csrfmiddlewaretoken": token}
ask("POST", change, 302, form)
delete = change.replace("/change/", "/delete/")
token, _ = ask("GET", delete, 200)
ask("POST", delete, 302, {"post": "yes", "csrfmiddlewaretoken": token})
token, _ = ask("GET", "/admin/auth/group/", 200)
ask("POST", "/admin/logout/", 200, {"csrfmiddlewaretoken": token})
ask("GET", "/admin/", 302)
