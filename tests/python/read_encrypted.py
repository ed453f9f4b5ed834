"""Reads an encrypted archive with libraries that know nothing of Reprise, as schema/README.md shows it.

usage: read_encrypted.py ARCHIVE KEYFILE...

One JSON object: how many exchanges each way of reading found, and what came of reading without a key.
"""
import base64
import json
import pathlib
import sys

import duckdb
import pyarrow
import pyarrow.dataset
import pyarrow.parquet
import pyarrow.parquet.encryption


def with_one_key(archive, key_file):
    key = base64.b64decode(pathlib.Path(key_file).read_text())
    keys = pyarrow.parquet.encryption.create_decryption_properties(footer_key=key, allow_plaintext_files=True)
    options = pyarrow.dataset.ParquetFragmentScanOptions(decryption_properties=keys)
    format = pyarrow.dataset.ParquetFileFormat(default_fragment_scan_options=options)
    exchanges = pyarrow.dataset.dataset(archive + "/exchanges", format=format, partitioning="hive")
    return exchanges.to_table(columns=["path", "date"]).num_rows


class KeyFiles(pyarrow.parquet.encryption.KmsClient):
    """Gives the key that a file names: the key file's name without its extension."""

    def __init__(self, files):
        super().__init__()
        self.keys = {pathlib.Path(file).stem: base64.b64decode(pathlib.Path(file).read_text()) for file in files}

    def wrap_key(self, key_bytes, master_key_identifier):
        raise NotImplementedError

    def unwrap_key(self, wrapped_key, master_key_identifier):
        return self.keys[master_key_identifier]


def with_many_keys(archive, key_files):
    encryption = pyarrow.parquet.encryption
    factory = encryption.CryptoFactory(lambda _: KeyFiles(key_files))
    rows = 0
    for file in sorted(pathlib.Path(archive, "exchanges").rglob("*.parquet")):
        keys = factory.file_decryption_properties(encryption.KmsConnectionConfig())
        rows += pyarrow.parquet.ParquetFile(file, decryption_properties=keys).read(columns=["path"]).num_rows
    return rows


def with_duckdb(archive, key_file):
    connection = duckdb.connect()
    key = pathlib.Path(key_file).read_text().strip()
    connection.execute(f"PRAGMA add_parquet_key('archive', '{key}')")
    query = """SELECT count(path) FROM read_parquet(?, hive_partitioning = true,
               encryption_config = {footer_key: 'archive'})"""
    return connection.execute(query, [archive + "/exchanges/**/*.parquet"]).fetchone()[0]


def without_a_key(archive):
    try:
        pyarrow.parquet.read_table(next(pathlib.Path(archive, "exchanges").rglob("*.parquet")))
        return "read"
    except OSError as error:
        return str(error)


def main():
    archive, *key_files = sys.argv[1:]
    found = {"many keys": with_many_keys(archive, key_files), "without": without_a_key(archive)}
    if len(key_files) == 1:
        found["one key"] = with_one_key(archive, key_files[0])
        found["duckdb"] = with_duckdb(archive, key_files[0])
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
