"""Subscribes to a recorder's live stream with pyarrow.

usage: subscribe.py URL [--token TOKEN] [--ca FILE] [--count N] [--wait] [--archive FOLDER]

Prints a line when it is subscribed, then one JSON object: the rows, the metadata of the schema, whether the stream ended as
whole, and the longest time in seconds from an exchange's last byte to its arrival here.

--count N     ends when the rows and those that were missed are N; else at the end of the stream
--wait        reads nothing before a line comes on standard input
--archive     compares the rows with those of the archive, once a line comes on standard input: equal or not
"""
import argparse
import base64
import http.client
import json
import socket
import ssl
import sys
import time
import urllib.parse

import pyarrow.dataset
import pyarrow.ipc


# How long it reads at most, seconds: a stream that lacks something goes on for ever.
LIMIT = 100


def connect(arguments):
    url = urllib.parse.urlsplit(arguments.url)
    plain = socket.socket()
    # As little as the system allows, so that a reader that waits is felt.
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.settimeout(60)
    plain.connect((url.hostname, url.port))
    if url.scheme == "https":
        context = ssl.create_default_context(cafile=arguments.ca)
        plain = context.wrap_socket(plain, server_hostname=url.hostname)
    connection = http.client.HTTPConnection(url.hostname, url.port)
    connection.sock = plain
    headers = {"Authorization": "Bearer " + arguments.token} if arguments.token else {}
    connection.request("GET", url.path + "?" + url.query, headers=headers)
    return connection.getresponse()


def printable(value):
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def is_archive(folder, rows):
    dataset = pyarrow.dataset.dataset(folder + "/exchanges", format="parquet", partitioning="hive")
    names = [name for name in dataset.schema.names if name not in ("date", "hour")]
    archived = dataset.to_table(columns=names).to_pylist()
    streamed = [{name: row[name] for name in names} for row in rows]
    by_id = lambda row: row["exchange_id"]
    return sorted(archived, key=by_id) == sorted(streamed, key=by_id)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--token")
    parser.add_argument("--ca")
    parser.add_argument("--count", type=int)
    parser.add_argument("--wait", action="store_true")
    parser.add_argument("--archive")
    arguments = parser.parse_args()
    response = connect(arguments)
    if response.status != 200:
        print("refused", flush=True)
        print(json.dumps({"status": response.status, "text": response.read().decode()}))
        return
    reader = pyarrow.ipc.open_stream(response)
    print("subscribed", flush=True)
    if arguments.wait:
        sys.stdin.readline()
    rows, slowest, count, whole = [], 0.0, 0, False
    until = time.monotonic() + LIMIT
    while (arguments.count is None or count < arguments.count) and time.monotonic() < until:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            whole = True
            break
        now = time.time()
        for row in batch.to_pylist():
            rows.append(row)
            count += 1 + row["missed"]
            ended = row.get("response_end")
            if ended is not None:
                slowest = max(slowest, now - ended.timestamp())
    result = {
        "status": response.status,
        "type": response.getheader("content-type"),
        "columns": reader.schema.names,
        "metadata": {key.decode(): value.decode() for key, value in reader.schema.metadata.items()},
        "rows": rows,
        "slowest": slowest,
        "whole": whole,
    }
    if arguments.archive:
        sys.stdin.readline()
        result["is_archive"] = is_archive(arguments.archive, rows)
    print(json.dumps(result, default=printable))


if __name__ == "__main__":
    main()
