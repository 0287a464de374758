"""Draw the pictures of README.md and lesson 0 from the models that lessons 6 and 8 have trained: `make pictures`.

The weights are those that the lessons keep in the learner's folder (COURSE_HOME); `make pictures` runs both lessons
first, into a folder of its own.
"""

import numpy as np


from utils import plots
from utils.assets import FOLDER, record_checksums
from utils.data import from_symmetric_range
from utils.models import VAE, build_decoder, build_encoder, build_generator, decode_grid
from utils.training import load_weights


def save(name, images, columns):
    """Write a mosaic of images as a small PNG into utils/assets."""
    (FOLDER / name).write_bytes(plots.png(plots.digits(images, columns=columns)))


vae = VAE(build_encoder(), build_decoder())
load_weights(vae, "06-vae")
save("vae_plane.png", decode_grid(vae.decoder, side=20), columns=20)

generator = build_generator()
load_weights(generator, "08-generator")
latents = np.random.default_rng(0).normal(size=(98, generator.input_shape[1])).astype("float32")
save("gan_samples.png", from_symmetric_range(generator(latents)), columns=14)
record_checksums()
