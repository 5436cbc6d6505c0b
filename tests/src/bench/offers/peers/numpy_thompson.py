"""Thompson sampling the plain way: one Beta draw for every arm, then the best three, for each decision.

Prints one line of JSON: {"version", "decisions_per_second", "p99_ms"}.
"""

import argparse
import json
import time

import numpy

parser = argparse.ArgumentParser()
parser.add_argument("--offers", type=int, required=True)
parser.add_argument("--seconds", type=float, required=True)
parser.add_argument("--slots", type=int, default=3)
arguments = parser.parse_args()

rng = numpy.random.default_rng(7)
views = rng.integers(100, 10_000, arguments.offers)
clicks = rng.binomial(views, rng.beta(2, 200, arguments.offers))
alpha, beta = 1.0 + clicks, 100.0 + views - clicks


def decide():
    drawn = rng.beta(alpha, beta)
    best = numpy.argpartition(drawn, -arguments.slots)[-arguments.slots :]
    return best[numpy.argsort(-drawn[best])]


for _ in range(10):
    decide()
times = []
start = time.perf_counter()
while time.perf_counter() - start < arguments.seconds:
    began = time.perf_counter()
    decide()
    times.append(time.perf_counter() - began)
elapsed = time.perf_counter() - start
print(
    json.dumps(
        {
            "version": f"numpy {numpy.__version__}",
            "decisions_per_second": len(times) / elapsed,
            "p99_ms": float(numpy.quantile(times, 0.99)) * 1000,
        }
    )
)
