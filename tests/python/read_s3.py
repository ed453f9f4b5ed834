"""Reads the archive in a bucket with pyarrow's own S3 client.

usage: read_s3.py BUCKET/FOLDER      (with the usual AWS_ variables)

One JSON object: rows, and rows by method.
"""
import json
import os
import sys

import pyarrow.dataset
import pyarrow.fs


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    store = pyarrow.fs.S3FileSystem(
        access_key=os.environ["AWS_ACCESS_KEY_ID"],
        secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
        region=os.environ["AWS_REGION"],
        endpoint_override=os.environ["AWS_ENDPOINT_URL"].removeprefix("http://"),
        scheme="http",
    )
    dataset = pyarrow.dataset.dataset(
        sys.argv[1] + "/exchanges", filesystem=store, format="parquet", partitioning="hive"
    )
    methods = dataset.to_table(columns=["method"]).column("method").to_pylist()
    json.dump({"rows": len(methods), "posts": methods.count("POST")}, sys.stdout)


if __name__ == "__main__":
    main()
