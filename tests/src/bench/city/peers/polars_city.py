"""The same question asked of Polars: for each sensor and day the sum, mean, greatest and number of its flows.

Prints one line of JSON: {"version", "seconds", "peak_mib"}; writes the answer to a file, which is not timed.
"""

import argparse
import json
import resource
import time

import polars

parser = argparse.ArgumentParser()
for name in ("--file", "--answer", "--columns", "--id", "--date", "--flow", "--engine"):
    parser.add_argument(name, required=True)
arguments = parser.parse_args()

# All columns are declared, so that nothing is guessed; only the three are read.
schema = {name: polars.String for name in arguments.columns.split(";")}
schema[arguments.flow] = polars.Float64
flow = polars.col(arguments.flow)
question = (
    polars.scan_csv(arguments.file, separator=";", schema=schema)
    .select(
        polars.col(arguments.id).alias("id"),
        polars.col(arguments.date).str.slice(0, 10).alias("day"),
        flow.alias("flow"),
    )
    .filter(polars.col("id").is_not_null() & (polars.col("id") != ""))
    .group_by("id", "day")
    .agg(
        polars.col("flow").sum().alias("total"),
        polars.col("flow").mean().alias("mean"),
        polars.col("flow").max().alias("most"),
        polars.col("flow").count().alias("hours"),
    )
)
start = time.perf_counter()
rows = question.collect(engine=arguments.engine)
seconds = time.perf_counter() - start

lines = []
for id, day, total, _, most, hours in rows.iter_rows():
    if hours:
        lines.append(f"{id};{day};{round(total * 1000)};{round(most * 1000)};{hours}\n")
with open(arguments.answer, "w") as answer:
    answer.writelines(sorted(lines))
print(
    json.dumps(
        {
            "version": f"Polars {polars.__version__}",
            "seconds": seconds,
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
    )
)
