"""Which of lesson 8's six changes were needed? Train 14 GANs with three seeds: writes utils/assets/six_changes.json.

    python -m tools.train_six_changes        (or: course.py changes; 45 minutes of one core)

The classic network that collapses, each change alone added to it, the recipe with all six changes, and each alone
removed from it. All aim at the same processor time: a change that makes each step slower gets fewer steps.
"""

from utils.runtime import start  # first: it sets TensorFlow up

import json
import math
import os
import time

import tensorflow as tf

from tests.cells import lesson as cells_of
from utils import evaluation
from utils.assets import FOLDER, record_checksums
from utils.data import flatten, load_mnist, split_validation, to_unit_range
from utils.lesson_09.study import CHANGES, batches_of, drawn_images
from utils.models import use_average

SECONDS, SEEDS = float(os.environ.get("CPU_SECONDS") or 60), range(int(os.environ.get("SEEDS") or 3))
ROWS = {"classic": (), **{f"+ {change}": (change,) for change in CHANGES}, "recipe": CHANGES,
        **{f"− {change}": tuple(other for other in CHANGES if other != change) for change in CHANGES}}
HOW = (f"Made by `course.py changes`: for each row as many steps as fit into {SECONDS:g} seconds of one core by a "
       "measurement beforehand (cpu_seconds: what the training then took); 55,000 training images; scores of 10,000 "
       "drawn images against the 5,000 validation images. classic: the networks and settings that collapse in lesson "
       "8, both players moved at once; recipe: all six changes; +: one added to the classic; −: one removed from the "
       "recipe.")


def fit(gan, changes, images, steps, seed):
    gan.fit(batches_of(images, changes, seed), steps_per_epoch=steps, shuffle=False, verbose=0)


def steps_within(changes, images):
    """Return how many steps, a multiple of 50, fit into the processor time."""
    gan, times = cells_of("09").build_changed(changes, 1000, seed=0), {}
    for steps in (50, 50, 350, 50, 350):  # the first makes the graph
        began = time.process_time()
        fit(gan, changes, images, steps, seed=0)
        times[steps] = min(times.get(steps, math.inf), time.process_time() - began)
    return int(SECONDS / (times[350] - times[50]) * 300) // 50 * 50


def scores_of_row(name, steps, images, seed):
    """Train one network of the table; return its scores."""
    gan = cells_of("09").build_changed(ROWS[name], steps, seed)
    began = time.process_time()
    fit(gan, ROWS[name], images, steps, seed)
    seconds = time.process_time() - began
    if "average" in ROWS[name]:
        use_average(gan, gan.latents(30_000))
    scores = evaluation.report(drawn_images(gan, ROWS[name]), against="validation")
    return {"name": name, "seed": seed, "steps": steps, "cpu_seconds": round(seconds, 1),
            "frechet": round(scores.frechet, 2), "precision": round(scores.precision, 4),
            "recall": round(scores.recall, 4), "digits": evaluation.classes_covered(scores.class_counts)}


def main():
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    start("09")
    images = split_validation(to_unit_range(flatten(load_mnist().train_images)))[0]
    steps, rows = {name: steps_within(changes, images) for name, changes in ROWS.items()}, []
    print(steps, flush=True)
    for seed in SEEDS:
        for name in ROWS:
            rows.append(scores_of_row(name, steps[name], images, seed))
            print(rows[-1], flush=True)
            lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
            (FOLDER / "six_changes.json").write_text(
                f'{{"how": {json.dumps(HOW, ensure_ascii=False)},\n"rows": [\n{lines}\n]}}\n', encoding="utf-8")
    record_checksums()


if __name__ == "__main__":
    main()
