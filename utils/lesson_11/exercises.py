"""Lesson 11 · Applications and limits."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from utils.exercises.edits import edits_of
from utils.exercises.engine import Exercise, Mistake
from utils.lesson_11.study import anomaly_score, bits_per_image, inpaint, roc_auc


def _network(random, inputs, *outputs):
    """Return a network from so many inputs to one dense layer, or to several side by side."""
    given = keras.Input((inputs,))
    heads = [layers.Dense(units)(given) for units in outputs]
    network = keras.Model(given, heads if len(heads) > 1 else heads[0])
    network.set_weights([random.normal(0, 0.7, weight.shape) for weight in network.get_weights()])
    return network


def _zeros_and_ones(random, *shape):
    """Return zeros and ones, at least one of each in every row."""
    return np.argsort(np.argsort(random.random(shape), axis=-1), axis=-1) % 2 * np.float32(1)


def _small_vaes():
    random = np.random.default_rng(0)
    for images, draws, latent_dim, pixels in ((2, 3, 2, 4), (5, 4, 3, 9)):
        yield (_network(random, pixels, latent_dim, latent_dim), _network(random, latent_dim, pixels),
               _zeros_and_ones(random, images, pixels), np.float32(random.normal(size=(draws, images, latent_dim))))


def _scores_and_labels():
    random = np.random.default_rng(1)
    ties = random.integers(0, 6, 40) + 2.0 * (labels := np.arange(40) % 3 == 0)
    return [(np.array([0.1, 0.9, 0.4, 0.4, 0.7]), np.array([0, 1, 0, 1, 0])), (ties, labels.astype(int)),
            (random.normal(90, 20, 30) + 25 * (labels := random.random(30) < 0.4), labels.astype(int))]


def _area_of_precision(scores, labels):
    hits = labels[np.argsort(-scores, kind="stable")]
    return np.sum(hits * np.cumsum(hits) / np.arange(1, len(hits) + 1)) / np.sum(hits)


def _pictures_with_holes():
    random = np.random.default_rng(2)
    for images, latent_dim, pixels in ((2, 2, 6), (4, 3, 10)):
        visible = np.tile(np.float32(np.arange(pixels) > pixels // 2 - 2), (images, 1))
        yield (_network(random, latent_dim, pixels), _zeros_and_ones(random, images, pixels), visible,
               np.float32(random.normal(size=(images, latent_dim))))


def _slope_and_pictures(function, decoder, images, visible, starts):
    """Return the slope of the objective that the search is given, and pictures from the latents that it "finds".

    The search is not made: its place takes one that asks for the objective's slope and moves every latent by a half.
    """
    seen = {}

    def search(objective, starts):
        @tf.function(autograph=False)
        def slope_of_objective(latents):
            with tf.GradientTape() as tape:
                tape.watch(latents)
                heights = objective(latents)
            return heights, tape.gradient(heights, latents, unconnected_gradients="zero")

        latents = tf.convert_to_tensor(starts, tf.float32)
        heights, slope = slope_of_objective(latents)
        seen["shape of the objective's values"], seen["slope of the objective"] = np.array(heights.shape, float), slope
        return latents + 0.5

    pictures = function(decoder, images, visible, starts, search)
    if pictures is None:
        return None
    if not seen:
        raise ValueError("`search` was never called. Give it your objective and the starts, and it returns latents.")
    return seen | {"filled pictures": pictures}


_of_score, _of_area, _of_fill = map(edits_of, (anomaly_score, roc_auc, inpaint))
_KL = "kl_to_standard_normal(mean, log_variance)"
_AVERAGE = "sum(log_likelihoods) / len(log_likelihoods)"
_SCORE = f"{_KL} - {_AVERAGE}"
_DRAWN = "reparameterise(mean, log_variance, draw)"
_FILLED = "visible * images + (1 - visible) * probabilities"

EXERCISES = (
    Exercise(identifier="11.1", reference=anomaly_score, cases=_small_vaes, mistakes=(
        Mistake("the sign is turned: this is the ELBO, which is high for images that the model knows. A score of "
                "strangeness is high for those it does not.", _of_score(_SCORE, f"-({_SCORE})")),
        Mistake("this is the likelihood's part alone. How far the latents had to go from the prior tells of "
                "strangeness too.", _of_score(_KL, "")),
        Mistake("this is the KL alone. It says how unusual the latents are, not whether the decoder can draw the image "
                "from them.", _of_score(_SCORE, _KL)),
        Mistake("the KL has the wrong sign: it is a price, and what costs more is stranger.",
                _of_score(_KL, f"-{_KL}")),
        Mistake("the likelihood is averaged over the pixels. The KL beside it is not: nats of an image add up.",
                _of_score(_AVERAGE, f"{_AVERAGE} / images.shape[-1]")),
        Mistake("the score is divided by the number of pixels. Nats per image were asked for.",
                _of_score(_SCORE, f"({_SCORE}) / images.shape[-1]")),
        Mistake("you average over the images as well. Each has a score of its own.",
                _of_score(_SCORE, f"ops.mean({_SCORE})")),
        Mistake("the axes have changed places: one number for each draw came back, an average over the images. The "
                "draws of one image belong together.",
                _of_score(_SCORE, f"ops.mean({_KL} - ops.stack(log_likelihoods), axis=-1)")),
        Mistake("you keep the best draw of each image. The ELBO is an average over draws.",
                _of_score(_AVERAGE, "ops.max(log_likelihoods, axis=0)")),
        Mistake("you keep the worst draw of each image. The ELBO is an average over draws.",
                _of_score(_AVERAGE, "ops.min(log_likelihoods, axis=0)")),
        Mistake("the draws are added up. Average them: more draws must not make an image stranger.",
                _of_score("/ len(log_likelihoods)", "")),
        Mistake("the draws' scores are added up. Average them: more draws must not make an image stranger.",
                _of_score(_SCORE, f"len(noise) * ({_SCORE})")),
        Mistake("the logarithm is taken of the average likelihood. The ELBO averages the logarithms.",
                _of_score(_AVERAGE, "(ops.logsumexp(log_likelihoods, axis=0) - math.log(len(noise)))")),
        Mistake("you decode the mean, without any noise. Then the width that the encoder chose costs its KL and never "
                "shows.", _of_score("in noise", "in 0 * noise")),
        Mistake("only the first draw counts. Average over all of them.", _of_score("in noise", "in noise[:1]")),
        Mistake("noise is scaled by the variance. A draw from a Gaussian is scaled by the standard deviation.",
                _of_score(_DRAWN, "mean + ops.exp(log_variance) * draw")),
        Mistake("noise is scaled by the log variance itself. What is the standard deviation?",
                _of_score(_DRAWN, "mean + log_variance * draw")),
        Mistake("the noise is not scaled at all: the encoder's width is never used.", _of_score(_DRAWN, "mean + draw")),
    ), hints=(
        "The encoder is asked once, the decoder once for each draw. Lesson 6's three functions do the rest: "
        "`bernoulli_log_likelihood`; and from lesson 6 `reparameterise` (utils.models) and `kl_to_standard_normal` "
        "(utils.losses), which you may import.",
        "`for draw in noise` gives the noise of one draw, (n, latent_dim). Collect the log-likelihoods, (n,) each.",
        "Average the log-likelihoods over the draws. ELBO = that average − KL; which sign makes strange images score "
        "high?",
    )),
    Exercise(identifier="11.2", reference=roc_auc, cases=_scores_and_labels, mistakes=(
        Mistake("this is 1 − A: you count how often the *normal* image scores higher. Look at the sign of the scores, "
                "and at which label is the anomaly.", lambda *asked: 1 - roc_auc(*asked)),
        Mistake("ties count nothing. Of two equal scores the detector can only guess: what is that worth?",
                lambda scores, labels: np.mean(scores[labels == 1][:, None] > scores[labels == 0])),
        Mistake("ties count as won. Of two equal scores the detector can only guess: what is that worth?",
                lambda scores, labels: np.mean(scores[labels == 1][:, None] >= scores[labels == 0])),
        Mistake("the scores are not sorted: you stepped through the images as they came. A threshold that falls meets "
                "the highest score first.", lambda scores, labels: roc_auc(-np.arange(len(labels)), labels)),
        Mistake("ranks begin at 1 and yours at 0, or the sum taken off is too large. What is the smallest sum that the "
                "anomalies' ranks can have?", _of_area("rankdata(scores)", "(rankdata(scores) - 1)")),
        Mistake("the sum of ranks is not reduced by the smallest that it can be. Which is it for so many anomalies?",
                _of_area("- anomalies * (anomalies + 1) / 2", "")),
        Mistake("`argsort` returns who stands where, not the rank of each. It takes two of them, or `rankdata`.",
                _of_area("rankdata(scores)", "(np.argsort(scores, kind='stable') + 1)")),
        Mistake("tied scores have ranks one after the other, as they happened to stand. Give them their average rank, "
                "as `rankdata` does.", _of_area("rankdata(scores)", "rankdata(scores, method='ordinal')")),
        Mistake("you count pairs. Divide by how many pairs of an anomaly and a normal image there are.",
                _of_area("/ (anomalies * normals)", "")),
        Mistake("you divide by all pairs of images. Only those of an anomaly and a normal image count.",
                _of_area("(anomalies * normals)", "(len(labels) * (len(labels) - 1) / 2)")),
        Mistake("this is the share of images on the right side of the average score, an accuracy at one threshold. The "
                "area knows all thresholds.", lambda scores, labels: np.mean((scores > scores.mean()) == labels)),
        Mistake("this is the share of images on the right side of the median score, an accuracy at one threshold. The "
                "area knows all thresholds.", lambda scores, labels: np.mean((scores > np.median(scores)) == labels)),
        Mistake("this is the average precision, the area under another curve.", _area_of_precision),
        Mistake("this is 2A − 1, which is 0 for a score that says nothing. The area itself was asked for.",
                lambda *asked: 2 * roc_auc(*asked) - 1),
    ), hints=(
        "Compare every anomaly's score with every normal image's: won 1, tied ½, lost 0. The area is the average.",
        "Few images: `scores[labels == 1][:, None]` against `scores[labels == 0]` makes a matrix of all pairs. Many "
        "images: `scipy.stats.rankdata` ranks all scores at once, ties with their average.",
        "An anomaly's rank counts all scores up to its own. Add the anomalies' ranks, take off what they would add up "
        "to if they stood lowest (1 + 2 + …), and divide by the number of pairs.",
    )),
    Exercise(identifier="11.3", reference=inpaint, cases=_pictures_with_holes, observe=_slope_and_pictures, mistakes=(
        Mistake("the objective counts the hidden pixels and not the visible ones. What is 1 in `visible`?",
                _of_fill("sum(visible", "sum((1 - visible)")),
        Mistake("the objective looks at all pixels, also at the hidden ones, which nobody may know.",
                _of_fill("sum(visible *", "sum(")),
        Mistake("hidden pixels count as zeros: the search is told that they are black. They must not count at all: "
                "what is to be multiplied by `visible`?",
                _of_fill("visible * (images * logits", "(visible * images * logits")),
        Mistake("only the pixels that are 1 are scored. A visible 0 says as much: log p(x | z) has two parts.",
                _of_fill("- ops.softplus(logits)", "")),
        Mistake("the prior is missing. Without it the latents go anywhere that fits the visible pixels, also where no "
                "digit was ever encoded.", _of_fill("- 0.5 * ops.sum(ops.square(latents), axis=-1)", "")),
        Mistake("the prior has the wrong sign: latents far from 0 are *less* probable.", _of_fill("- 0.5", "+ 0.5")),
        Mistake("the prior counts twice. log N(z; 0, I) is, but for a constant, minus *half* the sum of squares.",
                _of_fill("0.5 *", "")),
        Mistake("the prior is averaged over the latents, the likelihood is a sum. Nats add up.",
                _of_fill("ops.sum(ops.square", "ops.mean(ops.square")),
        Mistake("the likelihood is averaged over the pixels, and the prior drowns it. Nats add up.",
                _of_fill("ops.sum(visible", "ops.mean(visible")),
        Mistake("this is a loss, to be minimised. The search climbs.",
                _of_fill("log_joint, starts", "lambda z: -log_joint(z), starts")),
        Mistake("you add up the rows. Each image searches for itself: one number a row.",
                _of_fill("log_joint, starts", "lambda z: ops.sum(log_joint(z)), starts")),
        Mistake("you average over the rows. Each image searches for itself: one number a row.",
                _of_fill("log_joint, starts", "lambda z: ops.mean(log_joint(z)), starts")),
        Mistake("the whole picture is the model's. What is known need not be guessed: keep the visible pixels.",
                _of_fill(_FILLED, "probabilities")),
        Mistake("the picture keeps what was hidden and replaces what was visible.",
                _of_fill(_FILLED, "(1 - visible) * images + visible * probabilities")),
        Mistake("hidden pixels are filled with logits. The decoder's numbers are no probabilities yet.",
                _of_fill("ops.sigmoid", "")),
        Mistake("hidden pixels stay empty: the model's part is multiplied by the wrong mask or missing.",
                _of_fill("+ (1 - visible) * probabilities", "")),
        Mistake("the two parts overlap: the model's picture is added whole to the visible pixels.",
                _of_fill("(1 - visible) * probabilities", "probabilities")),
        Mistake("hidden pixels are rounded to 0 or 1. Return the probabilities, which also say how sure the model is.",
                _of_fill("* probabilities", "* ops.round(probabilities)")),
        Mistake("the picture is decoded from the starts. The search returned something better.",
                _of_fill("decoder(search(log_joint, starts))", "decoder((search(log_joint, starts), starts)[1])")),
        Mistake("the search climbs nowhere: the objective's gradient is cut off. Is there NumPy, `float` or a "
                "`stop_gradient` in it?",
                _of_fill("log_joint, starts", "lambda z: log_joint(tf.stop_gradient(z)), starts")),
    ), hints=(
        "Two parts: a function of latents that the search climbs, and a picture made of two halves. "
        "`search(your_function, starts)` returns the latents.",
        "One pixel's log-likelihood is x · l − softplus(l), with the logit l. Multiply by `visible` before the sum "
        "over the pixels, then add log p(z).",
        "Up to a constant, log p(z) is −½ Σ z². The picture is `visible` times one thing plus `1 - visible` times "
        "another.",
    )),
    Exercise(identifier="11.4", reference=bits_per_image,
             cases=lambda: [(-90.0,), (np.array([-543.4, -88.25]),), (np.array([[-101.5], [-12.0]]),)], mistakes=(
        Mistake("these are nats. A bit is ln 2 = 0.69 nats: does a number of bits come out larger or smaller?",
                lambda elbo: -elbo),
        Mistake("you multiply by ln 2. A bit is the smaller unit, so there are more bits than nats.",
                lambda elbo: -elbo * np.log(2)),
        Mistake("the sign is missing: a code has a positive length, the ELBO is negative.",
                lambda elbo: elbo / np.log(2)),
        Mistake("these are decimal digits: log 10 where log 2 belongs.", lambda elbo: -elbo / np.log(10)),
        Mistake("this is the logarithm of the ELBO. It is a logarithm already: only its base changes.",
                lambda elbo: np.log2(-elbo)),
        Mistake("these are bits per pixel. Those of the whole image were asked for.",
                lambda elbo: -elbo / np.log(2) / 784),
        Mistake("these are bytes. Bits were asked for.", lambda elbo: -elbo / np.log(2) / 8),
        Mistake("you divide by 2. A nat is 1 / ln 2 bits.", lambda elbo: -elbo / 2),
        Mistake("you average over the images. Each has a length of its own.", lambda elbo: np.mean(-elbo / np.log(2))),
    ), hints=(
        "An image of probability p needs −log₂ p bits. The ELBO stands for ln p.",
        "log₂ p = ln p divided by which number?",
    )),
)
