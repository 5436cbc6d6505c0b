"""The same question asked of DuckDB: for each sensor and day the sum, mean, greatest and number of its flows.

Prints one line of JSON: {"version", "seconds", "peak_mib"}; writes the answer to a file, which is not timed.
"""

import argparse
import json
import resource
import time

import duckdb

parser = argparse.ArgumentParser()
for name in ("--file", "--answer", "--columns", "--id", "--date", "--flow"):
    parser.add_argument(name, required=True)
arguments = parser.parse_args()

# All columns are declared, so that nothing is guessed; only the three are read.
columns = {name: "VARCHAR" for name in arguments.columns.split(";")}
columns[arguments.flow] = "DOUBLE"
declared = ", ".join("'" + name.replace("'", "''") + f"': '{kind}'" for name, kind in columns.items())
question = f"""
    SELECT "{arguments.id}" AS id, left("{arguments.date}", 10) AS day, sum("{arguments.flow}") AS total,
           avg("{arguments.flow}") AS mean, max("{arguments.flow}") AS most, count("{arguments.flow}") AS hours
    FROM read_csv('{arguments.file}', auto_detect = false, header = true, delim = ';', quote = '"', escape = '"',
                  columns = {{{declared}}})
    WHERE id IS NOT NULL AND id <> ''
    GROUP BY ALL
"""
connection = duckdb.connect()
# It would stand between the lines of the answer.
connection.execute("SET enable_progress_bar = false")
start = time.perf_counter()
rows = connection.execute(question).fetchnumpy()
seconds = time.perf_counter() - start

lines = []
for id, day, total, most, hours in zip(rows["id"], rows["day"], rows["total"], rows["most"], rows["hours"]):
    if hours:
        lines.append(f"{id};{day};{round(total * 1000)};{round(most * 1000)};{hours}\n")
with open(arguments.answer, "w") as answer:
    answer.writelines(sorted(lines))
print(
    json.dumps(
        {
            "version": f"DuckDB {duckdb.__version__}",
            "seconds": seconds,
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
    )
)
