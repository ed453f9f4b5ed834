"""Says what a JWT claims, if the secret signed it: FILE-OF-SECRET FILE-OF-TOKEN. Reads it as RFC 7515 says, with nothing of ours."""

import base64
import hashlib
import hmac
import json
import sys


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


secret = open(sys.argv[1], "rb").read().strip()
head, payload, signature = open(sys.argv[2]).read().strip().split(".")
assert json.loads(decoded(head))["alg"] == "HS256", head
expected = hmac.new(secret, f"{head}.{payload}".encode(), hashlib.sha256).digest()
assert hmac.compare_digest(expected, decoded(signature)), "another key signed it"
print(json.dumps(json.loads(decoded(payload))))
