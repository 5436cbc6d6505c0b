"""Vowpal Wabbit ranking the same number of offers for each person, with a model that has learnt a little.

The options are those of its own tutorial for contextual bandits in Python: --cb_explore_adf with interactions of user
and action, epsilon-greedy. What helps it is done: the offers, which do not change, are parsed once, and only the person
is parsed anew for each decision.

Prints one line of JSON: {"version", "decisions_per_second", "p99_ms"}.
"""

import argparse
import heapq
import json
import random
import time

import vowpalwabbit

parser = argparse.ArgumentParser()
parser.add_argument("--offers", type=int, required=True)
parser.add_argument("--seconds", type=float, required=True)
parser.add_argument("--slots", type=int, default=3)
parser.add_argument("--categories", type=int, default=100)
arguments = parser.parse_args()

rng = random.Random(7)
label = vowpalwabbit.LabelType.CONTEXTUAL_BANDIT
workspace = vowpalwabbit.Workspace("--cb_explore_adf -q UA --epsilon 0.2 --quiet")


def person():
    user = rng.randrange(1_000_000)
    return f"shared |User id=U{user} segment={('premium', 'standard', 'new_user')[user % 3]}"


def action(number):
    return f"|Action offer=B{number} category=c{number % arguments.categories}"


for _ in range(200):
    shown = [action(rng.randrange(arguments.offers)) for _ in range(10)]
    shown[0] = f"0:{-float(rng.random() < 0.1)}:0.1 {shown[0]}"
    workspace.learn([person(), *shown])

offers = workspace.parse([person(), *map(action, range(arguments.offers))], label)[1:]


def decide():
    parsed = workspace.parse(person(), label)
    shared = parsed[0] if isinstance(parsed, list) else parsed
    chances = workspace.predict([shared, *offers])
    return heapq.nlargest(arguments.slots, range(len(chances)), chances.__getitem__)


decide()
times = []
start = time.perf_counter()
while time.perf_counter() - start < arguments.seconds:
    began = time.perf_counter()
    decide()
    times.append(time.perf_counter() - began)
elapsed = time.perf_counter() - start
times.sort()
print(
    json.dumps(
        {
            "version": f"vowpalwabbit {vowpalwabbit.__version__}",
            "decisions_per_second": len(times) / elapsed,
            "p99_ms": times[min(len(times) - 1, int(len(times) * 0.99))] * 1000,
        }
    )
)
