"""What precision, recall, density and coverage cost at twice 10,000, in a process of its own (`course.py bench`)."""

import subprocess
import sys

MEASURE = """
import time
import numpy as np
from utils.evaluation import neighbour_scores

def peak():
    return next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))

random = np.random.default_rng(0)
real, fake = random.normal(size=(2, 10_000, 64)).astype("float32")
neighbour_scores(real[:100], fake[:100])  # libraries are loaded
before, began = peak(), time.process_time()
neighbour_scores(real, fake)
print(time.process_time() - began, peak() - before)
"""


def test_four_scores_of_ten_thousand_take_20_cpu_seconds_and_1_gb_at_most():
    done = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True)
    seconds, megabytes = map(float, done.stdout.split())
    print(f"10,000 against 10,000: {seconds:.1f} CPU s, {megabytes:.0f} MB more")
    assert seconds <= 20 and megabytes < 1_000
