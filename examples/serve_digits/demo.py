"""The main job: a real model served through all five decorators, by a service that fails, stalls and lies.

    python examples/serve_digits/demo.py

Trains a classifier on scikit-learn's handwritten digits, serves predictions to threads and to asyncio tasks at once,
and then checks what it promised. Ends with status 0 if every promise was kept, and with 1 if one was broken.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

import cladding
import cost
import report
from clients import Tally, serve_asyncio, serve_threads
from pipeline import DigitPipeline, Prediction
from promises import Promise, Witness, check_all
from service import RATES

HERE = Path(__file__).resolve().parent
HOST = "127.0.0.1"
NO_SUCH_SAMPLE = 99_999
METRICS = HERE.parents[1] / "build" / "demo" / "metrics.prom"


def main() -> int:
    options = parse_options()
    start = time.monotonic()
    threadpool_limits(1)  # rows are small and clients many: threads within one product would only be in the way
    with service(options.seed) as port:
        digits = load_digits()
        rows = digits.data.astype(np.float32)
        model, held_out = train(rows, digits.target)
        truth = {i: true_prediction(model, rows[i]) for i in held_out}
        print(f"A classifier is trained. {len(held_out)} digits that it has not seen are going to be asked for,")
        print(f"from a service at {HOST}:{port} that goes wrong in {sum(RATES.values()):.0%} of its replies.\n")

        witness = Witness(model, rows)
        tallies = serve(DigitPipeline(witness, HOST, port), held_out, options)
        metrics, table = cladding.metrics_text(), report.table()
        promises = check_all(tallies, truth, witness, Counter(tell(port, "counts")), metrics)

        tell(port, "mend")
        clean = DigitPipeline(model, HOST, port)
        undecorated = predict_undecorated(clean, held_out)
        accuracy, promise = compare(tallies, undecorated, digits.target)
        promises.append(promise)
        price = cost.measure(clean, held_out[0])

    options.metrics.parent.mkdir(parents=True, exist_ok=True)
    options.metrics.write_text(metrics)
    print(f"\nWhat the decorators saw\n{table}")
    print(f"\nAccuracy\n{accuracy}")
    print(f"\nCost of the decorators on the hot path\n{price}")
    print(f"\nMetrics, in the text format of Prometheus\n  {options.metrics}")
    print("\nPromises", *promises, sep="\n")
    broken = [promise.text for promise in promises if promise.broken]
    print(f"\n{report.duration(time.monotonic() - start)} in all.", flush=True)
    if broken:
        print(f"demo: broken: {'; '.join(broken)}", file=sys.stderr)
    return 1 if broken else 0


def train(rows: np.ndarray, digits: np.ndarray) -> tuple[Any, list[int]]:
    """A classifier trained on one half of the rows, and the ids of the other half."""
    half, held_out = train_test_split(np.arange(len(rows)), test_size=0.5, random_state=0, stratify=digits)
    model = LogisticRegression(C=0.05, max_iter=2_000).fit(rows[half], digits[half])
    return model, [int(i) for i in held_out]


def true_prediction(model: Any, row: np.ndarray) -> Prediction:
    """What the model says of a row, with nothing in between."""
    chances = model.predict_proba(row[np.newaxis])[0]
    return Prediction(int(chances.argmax()), float(chances.max()))


def serve(pipeline: DigitPipeline, held_out: Sequence[int], options: argparse.Namespace) -> list[Tally]:
    """Let both crowds of clients ask for their samples, and show how far they are."""
    crowds = []
    for name, ask, workers in (("threads", serve_threads, 16), ("asyncio", serve_asyncio, 64)):
        sample_ids = requests(held_out, options.requests, random.Random(f"{options.seed}/{name}"))
        tally = Tally(name, len(sample_ids))
        thread = threading.Thread(target=ask, args=(pipeline, sample_ids, tally, workers), daemon=True)
        crowds.append((tally, thread))
    tallies = [tally for tally, _ in crowds]
    for _, thread in crowds:
        thread.start()
    report.watch(tallies, lambda: any(thread.is_alive() for _, thread in crowds))
    return tallies


def requests(held_out: Sequence[int], number: int, dice: random.Random) -> list[int]:
    """Every sample once, some far more often than others, and now and then one that does not exist."""
    repeated = dice.choices(
        held_out, [1 / rank for rank in range(1, len(held_out) + 1)], k=max(0, number - len(held_out))
    )
    nowhere = [NO_SUCH_SAMPLE] * (number // 200)
    mixed = [*held_out, *repeated, *nowhere]
    dice.shuffle(mixed)
    return mixed


def predict_undecorated(pipeline: DigitPipeline, held_out: Sequence[int]) -> dict[int, Prediction]:
    """The same functions with every decorator switched off, on input that needs none."""
    with cladding.disabled():
        return {sample_id: pipeline.predict(sample_id) for sample_id in held_out}


def compare(tallies: Sequence[Tally], undecorated: Mapping[int, Prediction], digits: np.ndarray) -> tuple[str, Promise]:
    """The accuracy under faults beside that of the undecorated pipeline on clean input; both must be the same."""
    served = {sample_id: given.digit for tally in tallies for sample_id, given in tally.answers}
    bare = {sample_id: undecorated[sample_id].digit for sample_id in served}
    under_faults, on_clean = (
        sum(digit == digits[i] for i, digit in found.items()) / max(1, len(found)) for found in (served, bare)
    )
    text = (
        f"  {under_faults:.2%} decorated, under faults: {len(served)} of {len(undecorated)} digits answered\n"
        f"  {on_clean:.2%} undecorated, on clean input, for the same digits"
    )
    different = [f"sample {i}: {served[i]} and {bare[i]}" for i in served if served[i] != bare[i]]
    if not served:
        different.append("nothing was predicted")
    return text, Promise("predictions are those of the undecorated pipeline on clean input", different)


@contextlib.contextmanager
def service(seed: int) -> Iterator[int]:
    """The feature service, in a process of its own; gives its port."""
    command = [sys.executable, str(HERE / "service.py"), "--seed", str(seed)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            port = process.stdout.readline()
            if not port:
                raise SystemExit("demo: the feature service did not start")
            yield int(port)
        finally:
            process.stdin.close()


def tell(port: int, what: str) -> Any:
    """Talk to the service behind the pipeline's back."""
    with urllib.request.urlopen(f"http://{HOST}:{port}/{what}", timeout=10) as response:
        return json.load(response)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Serve a real model through all five decorators, under faults.")
    parser.add_argument("--requests", type=int, default=20_000, help="for threads and for asyncio each (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the faults and of what is asked for (%(default)s)")
    parser.add_argument("--metrics", type=Path, default=METRICS, help="where the metrics text goes (%(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
