"""Reads an archive with three libraries that know nothing of it, and prints what each of them found.

usage: read_archive.py ARCHIVE

One JSON object: what duckdb, pyarrow and pandas each say, in the same shape, so that a test can compare them with each
other and with our own reader.
"""
import hashlib
import json
import sys

import duckdb
import pandas
import pyarrow
import pyarrow.dataset


def digest(bodies):
    """One hash over all bodies, null ones apart from empty ones."""
    whole = hashlib.sha256()
    for body in bodies:
        whole.update(b"-" if body is None else hashlib.sha256(bytes(body)).digest())
    return whole.hexdigest()


def utc(time):
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def with_duckdb(folder):
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    files = folder + "/exchanges/**/*.parquet"
    table = "read_parquet(?, hive_partitioning = true)"
    columns = connection.execute(f"DESCRIBE SELECT * FROM {table}", [files]).fetchall()
    rows = connection.execute(
        f"""SELECT exchange_id, strftime(request_start, '%Y-%m-%dT%H:%M:%S.%fZ'), response_body, request_headers[1].name,
                   request_headers[1].value, date::varchar, hour::int
            FROM {table} ORDER BY request_start, exchange_id""",
        [files],
    ).fetchall()
    methods = connection.execute(
        f"SELECT method, count(*) FROM {table} GROUP BY method ORDER BY method", [files]
    ).fetchall()
    return {
        "types": {name: kind for name, kind, *_ in columns},
        "rows": len(rows),
        "methods": dict(methods),
        "first_id": rows[0][0],
        "first_start": rows[0][1],
        "first_header": [rows[0][3], rows[0][4]],
        "partitions": sorted({f"{row[5]} {row[6]}" for row in rows}),
        "bodies": digest(row[2] for row in rows),
    }


def summary(rows, methods, types):
    first = rows[0]
    header = first["request_headers"][0]
    return {
        "types": types,
        "rows": len(rows),
        "methods": methods,
        "first_id": first["exchange_id"],
        "first_start": utc(first["request_start"]),
        "first_header": [header["name"], header["value"]],
        "partitions": sorted({f"{row['date']} {int(row['hour'])}" for row in rows}),
        "bodies": digest(row["response_body"] for row in rows),
    }


def with_pyarrow(folder):
    table = pyarrow.dataset.dataset(folder + "/exchanges", format="parquet", partitioning="hive").to_table()
    table = table.sort_by([("request_start", "ascending"), ("exchange_id", "ascending")])
    methods = table.group_by("method").aggregate([([], "count_all")]).to_pylist()
    types = {field.name: str(field.type) for field in table.schema}
    return summary(table.to_pylist(), {row["method"]: row["count_all"] for row in sorted(methods, key=str)}, types)


def with_pandas(folder):
    frame = pandas.read_parquet(folder + "/exchanges")
    frame = frame.sort_values(["request_start", "exchange_id"])
    methods = {name: int(count) for name, count in frame["method"].value_counts().sort_index().items()}
    types = {name: str(kind) for name, kind in frame.dtypes.items()}
    return summary(frame.to_dict("records"), methods, types)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = sys.argv[1]
    found = {
        "duckdb": with_duckdb(folder),
        "pyarrow": with_pyarrow(folder),
        "pandas": with_pandas(folder),
    }
    json.dump(found, sys.stdout, indent=2, sort_keys=True)


if __name__ == "__main__":
    main()
