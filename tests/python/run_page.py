"""Runs every query and script of a section of a page as it is written there, in the current folder.

usage: run_page.py PAGE SECTION     SECTION: how the heading begins, such as "## 11."

One JSON object: for each statement or script, under its comment or its place, how many rows it gave (null for scripts).
"""
import json
import pathlib
import re
import sys

import duckdb


def section(page, heading):
    text = pathlib.Path(page).read_text()
    text = text[text.index("\n" + heading) + 1 :]
    end = text.find("\n## ", 1)
    return text if end < 0 else text[:end]


def main():
    page, heading = sys.argv[1:]
    found = {}
    for language, block in re.findall(r"```(sql|python)\n(.*?)```", section(page, heading), re.S):
        if language == "python":
            exec(compile(block, f"{page} script {len(found)}", "exec"), {})
            found[f"script {len(found)}"] = None
            continue
        connection = duckdb.connect()
        for statement in block.split(";"):
            if statement.strip():
                name = statement.strip().splitlines()[0].removeprefix("-- ")
                # Rows are counted where they are: DuckDB's Python wants another package to bring times here.
                body = "\n".join(line for line in statement.splitlines() if not line.startswith("--"))
                found[name] = connection.execute(f"SELECT count(*) FROM ({body})").fetchone()[0]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
