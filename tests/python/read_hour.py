"""Reads one hour of an archive with libraries that know nothing of it, by its partitions alone.

usage: read_hour.py ARCHIVE DATE HOUR READER...     (readers: duckdb pyarrow pandas polars pyspark)

One JSON object: for each reader, how many exchanges there are by method.
"""
import json
import sys


def with_duckdb(folder, date, hour):
    import duckdb

    query = """SELECT method, count(*) FROM read_parquet(?, hive_partitioning = true)
               WHERE date = ? AND hour = ? GROUP BY method"""
    return dict(duckdb.connect().execute(query, [folder + "/**/*.parquet", date, hour]).fetchall())


def with_pyarrow(folder, date, hour):
    import pyarrow.dataset as ds

    types = ds.partitioning(flavor="hive", schema=None)
    exchanges = ds.dataset(folder, format="parquet", partitioning=types)
    rows = exchanges.to_table(columns=["method"], filter=(ds.field("date") == date) & (ds.field("hour") == hour))
    return {row["values"]: row["counts"] for row in rows.column("method").value_counts().to_pylist()}


def with_pandas(folder, date, hour):
    import pandas

    rows = pandas.read_parquet(folder, filters=[("date", "==", date), ("hour", "==", hour)], columns=["method"])
    return {method: int(count) for method, count in rows["method"].value_counts().items()}


def with_polars(folder, date, hour):
    import datetime

    import polars

    rows = polars.scan_parquet(folder + "/**/*.parquet", hive_partitioning=True)
    day = datetime.date.fromisoformat(date)
    rows = rows.filter((polars.col("date") == day) & (polars.col("hour") == hour))
    return dict(rows.group_by("method").len().collect().iter_rows())


def with_pyspark(folder, date, hour):
    from pyspark.sql import SparkSession

    options = {
        "spark.ui.enabled": "false",
        "spark.driver.memory": "512m",
        "spark.log.level": "OFF",
        "spark.sql.shuffle.partitions": "1",
    }
    builder = SparkSession.builder.master("local[1]")
    for name, value in options.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    rows = spark.read.parquet(folder)
    rows = rows.where((rows.date == date) & (rows.hour == hour))
    counts = {row["method"]: row["count"] for row in rows.groupBy("method").count().collect()}
    spark.stop()
    return counts


def main():
    archive, date, hour, *readers = sys.argv[1:]
    found = {reader: globals()["with_" + reader](archive + "/exchanges", date, int(hour)) for reader in readers}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
