"""Runs the SQL of the replayer's page with DuckDB and with Spark.

usage: compare_sql.py PAGE ARCHIVE CANDIDATE BASELINE=COMPARISON…

Prints one JSON object: by engine, for each baseline what it gave for each query of the page's section, as a list of rows.
"""
import json
import os
import re
import sys

import duckdb

HEADING = "## The same in SQL"


def statements(page):
    section = open(page, encoding="utf-8").read().split(HEADING, 1)[1].split("\n## ", 1)[0]
    return re.findall(r"```sql\n(.*?)```", section, re.S)


def answers(statements, run):
    return [[list(row) for row in rows] for rows in map(run, statements) if rows is not None]


def with_duckdb(cases, statements):
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")

    def run(statement):
        rows = connection.execute(statement).fetchall()
        return rows if statement.startswith("SELECT") else None

    results = []
    for tables in cases:
        for name, folder in tables.items():
            connection.execute(f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM read_parquet('{folder}/**/*.parquet')")
        results.append(answers(statements, run))
    return results


def with_spark(cases, statements):
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[1]")
    for name, value in {
        "spark.ui.enabled": "false",
        "spark.driver.memory": "512m",
        "spark.log.level": "OFF",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "1",
    }.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()

    def run(statement):
        answer = session.sql(statement)
        return answer.collect() if statement.startswith("SELECT") else None

    results = []
    for tables in cases:
        for name, folder in tables.items():
            files = session.read.option("recursiveFileLookup", "true").parquet(folder)
            files.createOrReplaceTempView(name)
        results.append(answers(statements, run))
    session.stop()
    return results


def main():
    page, archive, candidate, *baselines = sys.argv[1:]
    cases = []
    for case in baselines:
        baseline, comparison = case.split("=")
        cases.append({
            "recorded": f"{archive}/exchanges",
            "baseline": f"{archive}/runs/{baseline}/exchanges",
            "candidate": f"{archive}/runs/{candidate}/exchanges",
            "findings": f"{archive}/comparisons/{comparison}/findings",
        })
    queries = statements(page)
    print(json.dumps({"duckdb": with_duckdb(cases, queries), "spark": with_spark(cases, queries)}))


main()
