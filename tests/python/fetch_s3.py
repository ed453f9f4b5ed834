"""Copies a folder of a bucket to this machine.

usage: fetch_s3.py BUCKET/FOLDER TO      (with the usual AWS_ variables)
"""
import os
import sys

import pyarrow.fs


def main():
    source, target = sys.argv[1:]
    store = pyarrow.fs.S3FileSystem(
        access_key=os.environ["AWS_ACCESS_KEY_ID"],
        secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
        region=os.environ["AWS_REGION"],
        endpoint_override=os.environ["AWS_ENDPOINT_URL"].removeprefix("http://"),
        scheme="http",
    )
    for file in store.get_file_info(pyarrow.fs.FileSelector(source, recursive=True)):
        if file.type == pyarrow.fs.FileType.File:
            path = target + file.path.removeprefix(source)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as copy:
                copy.write(store.open_input_stream(file.path).read())


if __name__ == "__main__":
    main()
