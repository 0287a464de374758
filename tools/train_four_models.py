"""The closing table of the course: four models, three seeds: writes utils/assets/four_models.json.

    python -m tools.train_four_models        (or: course.py models; an hour of one core)

Each model trains for so many epochs that all take about the same processor time, on the course's 55,000 images; the
test images judge. ONLY="GAN" trains one of them alone, and writes its rows into the file.
"""

from utils.runtime import start  # first: it sets TensorFlow up

import json
import os
import time

import keras
import numpy as np
import tensorflow as tf

from tests.benchmarks import training
from tests.cells import lesson as cells_of
from utils import evaluation
from utils.assets import FOLDER, record_checksums
from utils.data import binarise, binarised_test_set, flatten, load_mnist, split_validation, to_unit_range
from utils.lesson_09.study import CHANGES, batches_of, drawn_images
from utils.lesson_11.study import inpaint
from utils.lesson_13.study import clipped_adam
from utils.likelihood import importance_estimate, importance_log_weights
from utils.models import VAE, use_average

SEEDS = range(3)
EPOCHS = {"VAE": 29, "GAN": 11, "hidden pixels": 5, "normal noise": 5}  # about 150 seconds, by a measurement
GUIDANCE, STEPS, FILLED = 1.5, 8, 300
FILE = FOLDER / "four_models.json"
HOW = ("Made by `course.py models`: each model trained on the 55,000 training images for about the same seconds of one "
       "core (its row says how many); scores of 10,000 drawn images, made zeros and ones by coins, against the "
       "binarised test images; seconds are those of one core.")


def fit_vae(seed):
    """Train lesson 7's dense VAE of 50 latents; return it, its weights and its seconds."""
    vae, seconds = training.train_vae(lambda: VAE(*training.networks_of_lesson_7(convolutional=False), seed=seed), seed,
                                      training.grey_images(), EPOCHS["VAE"])
    return vae, vae.count_params(), seconds["CPU s"]


def fit_gan(seed):
    """Train lesson 9's recipe; return it, its weights and its seconds."""
    steps = EPOCHS["GAN"] * len(training.grey_images()) // 64
    gan = cells_of("09").build_changed(CHANGES, steps, seed)
    batches = batches_of(training.grey_images(), CHANGES, seed)
    seconds = training.timed_fit(gan, batches, steps_per_epoch=steps, shuffle=False)
    use_average(gan, gan.latents(30_000))
    return gan, gan.generator.count_params() + gan.discriminator.count_params(), seconds["CPU s"]


def fit_diffusion(name, seed):
    """Train one of lesson 13's models as the lesson does; return it, its weights and its seconds."""
    room = cells_of("13")
    keras.utils.set_random_seed(seed)
    if name == "hidden pixels":
        model, labels = room.HiddenPixels(room.build_network(channels=2), seed), ()
    else:
        model = room.DigitFlow(room.build_network(channels=1, conditions=room.WAVES + 11), seed)
        labels = split_validation(load_mnist().train_labels.astype("int32"))[:1]
    images, epochs = training.grey_images(), EPOCHS[name]
    steps = epochs * len(images) // room.BATCH
    optimizer = clipped_adam(*(room.RATE, steps, 10) if name == "hidden pixels" else (room.RATE / 2, steps, 1))
    model.compile(optimizer, steps_per_execution=50)
    seconds = training.timed_fit(model, images, *labels, epochs=epochs, batch_size=room.BATCH)
    return model, model.network.count_params(), seconds["CPU s"]


def draw(name, model, count, seed=1):
    """Return images in [0, 1], (count, 784)."""
    if name == "VAE":
        return 1 / (1 + np.exp(-training.draw(model.decoder, count, 50, seed)))
    if name == "GAN":
        return drawn_images(model, CHANGES, count)
    room, parts = cells_of("13"), count // 1000
    if name == "hidden pixels":
        blank = np.zeros((1000, 784), "float32")
        return np.concatenate([room.uncover(model, blank, blank, 20, seed + place) for place in range(parts)])
    labels = np.random.default_rng(seed).permutation(load_mnist().train_labels)[:count].astype("int32")
    return np.concatenate([room.draw(model, some, GUIDANCE, STEPS, seed=seed + place)
                           for place, some in enumerate(np.split(labels, parts))])


def processor_seconds(run):
    began = time.process_time()
    result = run()
    return result, time.process_time() - began


def likelihood_and_filling(name, model):
    """Return what only models of p(x) have: nats, and halves of validation images filled in."""
    mnist, test = load_mnist(), binarised_test_set()
    images = binarise(to_unit_range(flatten(split_validation(mnist.train_images)[1][:FILLED])), seed=0)
    digits = split_validation(mnist.train_labels)[1][:FILLED]
    half = np.tile(np.repeat([1, 0], 392).astype("float32"), (FILLED, 1))
    if name == "VAE":
        log_weights = importance_log_weights(model.encoder, model.decoder, test, 200)
        nats = np.mean(importance_estimate(log_weights).log_marginal)
        more = {}

        def fill():
            return inpaint(model.decoder, images, half, np.zeros((FILLED, 50), "float32"))
    else:
        nats = np.mean([model.predict(test, batch_size=500, verbose=0) for _ in range(4)])
        uncover, blank = cells_of("13").uncover, np.zeros((250, 784), "float32")
        real = evaluation.judge_features(binarise(to_unit_range(split_validation(mnist.train_images)[1]), seed=0))
        more = {f"Fréchet distance, 250 in {steps} steps": evaluation.frechet_distance(
            evaluation.judge_features(uncover(model, blank, blank, steps, seed=1)), real) for steps in (1, 10, 50, 784)}

        def fill():
            return uncover(model, images, half, 20)
    fill()  # makes the graphs
    filled, seconds = processor_seconds(fill)
    right = np.mean(evaluation.judge_labels(np.asarray(filled)) == digits)
    return {"log p(x) is at least, nats": nats, "filled in and read right": right,
            "seconds to fill in 300": seconds} | more


def row(name, seed):
    """Train a model and return all that is measured of it."""
    fit = {"VAE": fit_vae, "GAN": fit_gan}.get(name, lambda seed: fit_diffusion(name, seed))
    model, weights, seconds = fit(seed)
    known = likelihood_and_filling(name, model) if name in ("VAE", "hidden pixels") else {}
    draw(name, model, 1000)  # makes the graphs
    _, seconds_to_draw = processor_seconds(lambda: draw(name, model, 1000))
    images = draw(name, model, 10_000)
    of_test = to_unit_range(load_mnist().test_images)
    real, binary = evaluation.judge_features(of_test), evaluation.judge_features(binarised_test_set())
    features = evaluation.judge_features(binarise(images, seed=0))
    scores = evaluation.neighbour_scores(binary, features)
    grey = {} if name == "hidden pixels" else {
        "Fréchet distance, grey": evaluation.frechet_distance(evaluation.judge_features(images), real)}
    figures = {**known, "Fréchet distance": evaluation.frechet_distance(features, binary), **grey,
               "precision": scores.precision, "recall": scores.recall, "coverage": scores.coverage, "weights": weights,
               "seconds to train": seconds, "seconds to draw 1,000": seconds_to_draw}
    return {measure: round(float(value), 4) for measure, value in figures.items()}


def main():
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    start("13")
    for seed in SEEDS:
        for name in [name for name in EPOCHS if os.environ.get("ONLY", name) == name]:
            figures = row(name, seed)
            print(name, seed, figures, flush=True)
            rows = json.loads(FILE.read_text(encoding="utf-8"))["rows"] if FILE.exists() else []
            rows = [each for each in rows if (each["model"], each["seed"]) != (name, seed)]
            rows.append({"model": name, "seed": seed} | figures)
            rows.sort(key=lambda each: (each["seed"], list(EPOCHS).index(each["model"])))
            lines = ",\n".join(json.dumps(each, ensure_ascii=False) for each in rows)
            how = json.dumps(HOW, ensure_ascii=False)
            FILE.write_text(f'{{"how": {how},\n"rows": [\n{lines}\n]}}\n', encoding="utf-8")
    record_checksums()


if __name__ == "__main__":
    main()
