"""The shared module of the course: what the lessons have derived, and the plumbing that they do not show."""

import os

# Must be set before TensorFlow is imported: its C++ start-up messages would land in the notebook as errors.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
