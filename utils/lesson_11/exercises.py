"""Lesson 11 · Applications and limits."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops
from scipy.stats import rankdata

from utils.exercises.engine import Exercise, Mistake
from utils.lesson_11.study import anomaly_score, bits_per_image, inpaint, roc_auc
from utils.losses import bernoulli_log_likelihood, kl_to_standard_normal


def _dense(units, seed):
    return layers.Dense(units, kernel_initializer=keras.initializers.RandomNormal(stddev=0.8, seed=seed),
                        bias_initializer=keras.initializers.RandomNormal(stddev=0.4, seed=seed + 1))


def _decoder(latent_dim, pixels, seed):
    return keras.Sequential([keras.Input((latent_dim,)), _dense(pixels, seed)])


def _encoder(latent_dim, pixels, seed):
    images = keras.Input((pixels,))
    return keras.Model(images, [_dense(latent_dim, seed)(images), _dense(latent_dim, seed + 2)(images)])


def _zeros_and_ones(random, *shape):
    """Return zeros and ones, at least one of each in every row."""
    return np.argsort(np.argsort(random.random(shape), axis=-1), axis=-1) % 2 * np.float32(1)


# Anomaly scores ---------------------------------------------------------------------------------------------

def _small_vaes():
    random = np.random.default_rng(0)
    return [(_encoder(latent_dim, pixels, seed), _decoder(latent_dim, pixels, seed + 4),
             _zeros_and_ones(random, images, pixels),
             random.normal(size=(draws, images, latent_dim)).astype(np.float32))
            for images, draws, latent_dim, pixels, seed in ((2, 3, 2, 4, 10), (5, 4, 3, 9, 20))]


def _array(function, *arguments):
    """Return the answer as an array, whether TensorFlow, Keras or NumPy computed it."""
    answer = function(*arguments)
    return np.asarray(answer) if tf.is_tensor(answer) else answer


def _score(join=lambda likelihoods, kl: kl - ops.mean(likelihoods, axis=0), likelihood=bernoulli_log_likelihood,
           deviation=lambda log_variance: ops.exp(0.5 * log_variance), use=lambda noise: noise):
    """Return the function with its parts exchangeable, to make mistakes with."""
    def score(encoder, decoder, images, noise):
        mean, log_variance = encoder(images)
        likelihoods = [likelihood(images, decoder(mean + deviation(log_variance) * draw)) for draw in use(noise)]
        return join(ops.stack(likelihoods), kl_to_standard_normal(mean, log_variance))
    return score


# Areas ------------------------------------------------------------------------------------------------------

def _scores_and_labels():
    random = np.random.default_rng(1)
    ties = random.integers(0, 6, 40) + 2.0 * (labels := np.arange(40) % 3 == 0)
    return [(np.array([0.1, 0.9, 0.4, 0.4, 0.7]), np.array([0, 1, 0, 1, 0])), (ties, labels.astype(int)),
            (random.normal(90, 20, 30) + 25 * (labels := random.random(30) < 0.4), labels.astype(int))]


def _pairs(win):
    """Return the average of what a pair of an anomaly's and a normal score wins."""
    def area(scores, labels):
        return float(np.mean(win(scores[labels == 1][:, None], scores[labels == 0])))
    return area


def _area_by_ranks(ranks, smallest=lambda count: count * (count + 1) / 2):
    def area(scores, labels):
        count = np.sum(labels == 1)
        return float((ranks(scores)[labels == 1].sum() - smallest(count)) / (count * np.sum(labels == 0)))
    return area


def _area_of_unsorted_steps(scores, labels):
    false_alarms, alarms = (np.append(0, np.cumsum(labels == kind) / np.sum(labels == kind)) for kind in (0, 1))
    return float(np.trapezoid(alarms, false_alarms))


def _area_of_precision(scores, labels):
    hits = labels[np.argsort(-scores, kind="stable")]
    return float(np.sum(hits * np.cumsum(hits) / np.arange(1, len(hits) + 1)) / np.sum(hits))


# Inpainting -------------------------------------------------------------------------------------------------

def _pictures_with_holes():
    random = np.random.default_rng(2)
    cases = []
    for images, latent_dim, pixels, seed in ((2, 2, 6, 30), (4, 3, 10, 40)):
        visible = np.ones((images, pixels), np.float32)
        visible[:, :pixels // 2 - 1] = 0
        cases.append((_decoder(latent_dim, pixels, seed), _zeros_and_ones(random, images, pixels), visible,
                      random.normal(size=(images, latent_dim)).astype(np.float32)))
    return cases


def _slope_and_pictures(function, decoder, images, visible, starts):
    """Return the slope of the objective that the search is given, and the pictures made from latents that it "finds".

    The search is not made: its place takes one that asks for the objective's slope and moves every latent by a half.
    """
    seen = {}

    def search(objective, starts):
        @tf.function(autograph=False)
        def slope_of(latents):
            with tf.GradientTape() as tape:
                tape.watch(latents)
                heights = objective(latents)
            return heights, tape.gradient(heights, latents, unconnected_gradients="zero")

        latents = tf.convert_to_tensor(starts, tf.float32)
        heights, slope = slope_of(latents)
        seen["shape of the objective's values"] = np.array(heights.shape, float)
        seen["slope of the objective"] = np.asarray(slope)
        return latents + 0.5

    pictures = function(decoder, images, visible, starts, search)
    if pictures is None:
        return None
    if not seen:
        raise ValueError("`search` was never called. Give it your objective and the starts, and it returns latents.")
    return seen | {"filled pictures": _array(lambda: pictures)}


def _pixels(images, logits):
    return images * logits - ops.softplus(logits)


def _joint(images, visible, logits):
    return ops.sum(visible * _pixels(images, logits), axis=-1)


def _prior(latents):
    return -0.5 * ops.sum(ops.square(latents), axis=-1)


def _composed(images, visible, logits):
    return visible * images + (1 - visible) * ops.sigmoid(logits)


def _inpaint(likelihood=_joint, prior=_prior, sign=1.0, compose=_composed, found=lambda latents, starts: latents):
    """Return the function with its parts exchangeable, to make mistakes with."""
    def fill(decoder, images, visible, starts, search=None):
        def objective(latents):
            return sign * (likelihood(images, visible, decoder(latents)) + prior(latents))
        return compose(images, visible, decoder(found(search(objective, starts), ops.convert_to_tensor(starts))))
    return fill


EXERCISES = (
    Exercise(
        identifier="11.1",
        reference=anomaly_score,
        cases=_small_vaes,
        observe=_array,
        mistakes=(
            Mistake("the sign is turned: this is the ELBO, which is high for images that the model knows. A score of "
                    "strangeness is high for those it does not.", _score(lambda each, kl: ops.mean(each, axis=0) - kl)),
            Mistake("this is the likelihood's part alone. How far the latents had to go from the prior tells of "
                    "strangeness too.", _score(lambda each, kl: -ops.mean(each, axis=0))),
            Mistake("this is the KL alone. It says how unusual the latents are, not whether the decoder can draw the "
                    "image from them.", _score(lambda each, kl: kl)),
            Mistake("the KL has the wrong sign: it is a price, and what costs more is stranger.",
                    _score(lambda each, kl: -kl - ops.mean(each, axis=0))),
            Mistake("the likelihood is averaged over the pixels. The KL beside it is not: nats of an image add up.",
                    _score(likelihood=lambda x, logits: ops.mean(x * logits - ops.softplus(logits), axis=-1))),
            Mistake("the score is divided by the number of pixels. Nats per image were asked for.",
                    lambda encoder, decoder, images, noise: _score()(encoder, decoder, images, noise)
                    / images.shape[-1]),
            Mistake("you average over the images as well. Each has a score of its own.",
                    _score(lambda each, kl: ops.mean(kl - ops.mean(each, axis=0)))),
            Mistake("the axes have changed places: one number for each draw came back, an average over the images. The "
                    "draws of one image belong together.",
                    _score(lambda each, kl: ops.mean(kl - each, axis=-1))),
            Mistake("you keep the best draw of each image. The ELBO is an average over draws.",
                    _score(lambda each, kl: kl - ops.max(each, axis=0))),
            Mistake("you keep the worst draw of each image. The ELBO is an average over draws.",
                    _score(lambda each, kl: kl - ops.min(each, axis=0))),
            Mistake("the draws are added up. Average them: more draws must not make an image stranger.",
                    _score(lambda each, kl: kl - ops.sum(each, axis=0))),
            Mistake("the draws' scores are added up. Average them: more draws must not make an image stranger.",
                    _score(lambda each, kl: ops.sum(kl - each, axis=0))),
            Mistake("the logarithm is taken of the average likelihood. The ELBO averages the logarithms.",
                    _score(lambda each, kl: kl - ops.logsumexp(each, axis=0) + float(np.log(each.shape[0])))),
            Mistake("you decode the mean, without any noise. Then the width that the encoder chose costs its KL and "
                    "never shows.", _score(use=lambda noise: 0 * noise)),
            Mistake("only the first draw counts. Average over all of them.", _score(use=lambda noise: noise[:1])),
            Mistake("noise is scaled by the variance. A draw from a Gaussian is scaled by the standard deviation.",
                    _score(deviation=ops.exp)),
            Mistake("noise is scaled by the log variance itself. What is the standard deviation?",
                    _score(deviation=lambda log_variance: log_variance)),
            Mistake("the noise is not scaled at all: the encoder's width is never used.",
                    _score(deviation=lambda log_variance: 1.0)),
        ),
        hints=(
            "The encoder is asked once, the decoder once for each draw. Lesson 6's three functions do the rest: "
            "`bernoulli_log_likelihood`; and from lesson 6 `reparameterise` (utils.models) and "
            "`kl_to_standard_normal` (utils.losses), which you may import.",
            "`for draw in noise` gives the noise of one draw, (n, latent_dim). Collect the log-likelihoods, (n,) each.",
            "Average the log-likelihoods over the draws. ELBO = that average − KL; which sign makes strange images "
            "score high?",
        ),
    ),
    Exercise(
        identifier="11.2",
        reference=roc_auc,
        cases=_scores_and_labels,
        mistakes=(
            Mistake("this is 1 − A: you count how often the *normal* image scores higher. Look at the sign of the "
                    "scores, and at which label is the anomaly.", _pairs(lambda a, b: (a < b) + 0.5 * (a == b))),
            Mistake("ties count nothing. Of two equal scores the detector can only guess: what is that worth?",
                    _pairs(lambda a, b: a > b)),
            Mistake("ties count as won. Of two equal scores the detector can only guess: what is that worth?",
                    _pairs(lambda a, b: a >= b)),
            Mistake("the scores are not sorted: you stepped through the images as they came. A threshold that falls "
                    "meets the highest score first.", _area_of_unsorted_steps),
            Mistake("ranks begin at 1 and yours at 0, or the sum taken off is too large. What is the smallest sum that "
                    "the anomalies' ranks can have?",
                    _area_by_ranks(lambda scores: rankdata(scores) - 1)),
            Mistake("the sum of ranks is not reduced by the smallest that it can be. Which is it for so many "
                    "anomalies?", _area_by_ranks(rankdata, lambda count: 0)),
            Mistake("`argsort` returns who stands where, not the rank of each. It takes two of them, or `rankdata`.",
                    _area_by_ranks(lambda scores: np.argsort(scores, kind="stable") + 1)),
            Mistake("tied scores have ranks one after the other, as they happened to stand. Give them their average "
                    "rank, as `rankdata` does.",
                    _area_by_ranks(lambda scores: np.argsort(np.argsort(scores, kind="stable"), kind="stable") + 1)),
            Mistake("you count pairs. Divide by how many pairs of an anomaly and a normal image there are.",
                    lambda scores, labels: roc_auc(scores, labels) * np.sum(labels == 1) * np.sum(labels == 0)),
            Mistake("you divide by all pairs of images. Only those of an anomaly and a normal image count.",
                    lambda scores, labels: roc_auc(scores, labels) * np.sum(labels == 1) * np.sum(labels == 0)
                    / (len(labels) * (len(labels) - 1) / 2)),
            Mistake("this is the share of images on the right side of the average score, an accuracy at one "
                    "threshold. The area knows all thresholds.",
                    lambda scores, labels: float(np.mean((scores > scores.mean()) == labels))),
            Mistake("this is the share of images on the right side of the median score, an accuracy at one "
                    "threshold. The area knows all thresholds.",
                    lambda scores, labels: float(np.mean((scores > np.median(scores)) == labels))),
            Mistake("this is the average precision, the area under another curve.", _area_of_precision),
            Mistake("this is 2A − 1, which is 0 for a score that says nothing. The area itself was asked for.",
                    lambda scores, labels: 2 * roc_auc(scores, labels) - 1),
        ),
        hints=(
            "Compare every anomaly's score with every normal image's: won 1, tied ½, lost 0. The area is the average.",
            "Few images: `scores[labels == 1][:, None]` against `scores[labels == 0]` makes a matrix of all pairs. "
            "Many images: `scipy.stats.rankdata` ranks all scores at once, ties with their average.",
            "An anomaly's rank counts all scores up to its own. Add the anomalies' ranks, take off what they would add "
            "up to if they stood lowest (1 + 2 + …), and divide by the number of pairs.",
        ),
    ),
    Exercise(
        identifier="11.3",
        reference=inpaint,
        cases=_pictures_with_holes,
        observe=_slope_and_pictures,
        mistakes=(
            Mistake("the objective counts the hidden pixels and not the visible ones. What is 1 in `visible`?",
                    _inpaint(lambda x, v, logits: _joint(x, 1 - v, logits))),
            Mistake("the objective looks at all pixels, also at the hidden ones, which nobody may know.",
                    _inpaint(lambda x, v, logits: _joint(x, 1, logits))),
            Mistake("hidden pixels count as zeros: the search is told that they are black. They must not count at "
                    "all: what is to be multiplied by `visible`?",
                    _inpaint(lambda x, v, logits: _joint(v * x, 1, logits))),
            Mistake("only the pixels that are 1 are scored. A visible 0 says as much: log p(x | z) has two parts.",
                    _inpaint(lambda x, v, logits: ops.sum(v * x * logits, axis=-1))),
            Mistake("the prior is missing. Without it the latents go anywhere that fits the visible pixels, also where "
                    "no digit was ever encoded.", _inpaint(prior=lambda latents: 0.0)),
            Mistake("the prior has the wrong sign: latents far from 0 are *less* probable.",
                    _inpaint(prior=lambda latents: -_prior(latents))),
            Mistake("the prior counts twice. log N(z; 0, I) is, but for a constant, minus *half* the sum of squares.",
                    _inpaint(prior=lambda latents: 2 * _prior(latents))),
            Mistake("the prior is averaged over the latents, the likelihood is a sum. Nats add up.",
                    _inpaint(prior=lambda latents: -0.5 * ops.mean(ops.square(latents), axis=-1))),
            Mistake("the likelihood is averaged over the pixels, and the prior drowns it. Nats add up.",
                    _inpaint(lambda x, v, logits: ops.mean(v * _pixels(x, logits), axis=-1))),
            Mistake("this is a loss, to be minimised. The search climbs.", _inpaint(sign=-1.0)),
            Mistake("you add up the rows. Each image searches for itself: one number a row.",
                    _inpaint(lambda x, v, logits: ops.sum(_joint(x, v, logits)),
                             lambda latents: ops.sum(_prior(latents)))),
            Mistake("you average over the rows. Each image searches for itself: one number a row.",
                    _inpaint(lambda x, v, logits: ops.mean(_joint(x, v, logits)),
                             lambda latents: ops.mean(_prior(latents)))),
            Mistake("the whole picture is the model's. What is known need not be guessed: keep the visible pixels.",
                    _inpaint(compose=lambda x, v, logits: ops.sigmoid(logits))),
            Mistake("the picture keeps what was hidden and replaces what was visible.",
                    _inpaint(compose=lambda x, v, logits: _composed(x, 1 - v, logits))),
            Mistake("hidden pixels are filled with logits. The decoder's numbers are no probabilities yet.",
                    _inpaint(compose=lambda x, v, logits: v * x + (1 - v) * logits)),
            Mistake("hidden pixels stay empty: the model's part is multiplied by the wrong mask or missing.",
                    _inpaint(compose=lambda x, v, logits: v * x + 0 * logits)),
            Mistake("the two parts overlap: the model's picture is added whole to the visible pixels.",
                    _inpaint(compose=lambda x, v, logits: v * x + ops.sigmoid(logits))),
            Mistake("hidden pixels are rounded to 0 or 1. Return the probabilities, which also say how sure the model "
                    "is.", _inpaint(compose=lambda x, v, logits: v * x + (1 - v) * ops.cast(logits > 0, "float32"))),
            Mistake("the picture is decoded from the starts. The search returned something better.",
                    _inpaint(found=lambda latents, starts: starts)),
            Mistake("the search climbs nowhere: the objective's gradient is cut off. Is there NumPy, `float` or a "
                    "`stop_gradient` in it?",
                    _inpaint(lambda x, v, logits: tf.stop_gradient(_joint(x, v, logits)), lambda latents: 0.0)),
        ),
        hints=(
            "Two parts: a function of latents that the search climbs, and a picture made of two halves. "
            "`search(your_function, starts)` returns the latents.",
            "One pixel's log-likelihood is x · l − softplus(l), with the logit l. Multiply by `visible` before the "
            "sum over the pixels, then add log p(z).",
            "Up to a constant, log p(z) is −½ Σ z². The picture is `visible` times one thing plus `1 - visible` times "
            "another.",
        ),
    ),
    Exercise(
        identifier="11.4",
        reference=bits_per_image,
        cases=lambda: [(-90.0,), (np.array([-543.4, -135.7, -88.25]),), (np.array([[-101.5, -60.0], [-75.5, -12.0]]),)],
        mistakes=(
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
            Mistake("you average over the images. Each has a length of its own.",
                    lambda elbo: float(np.mean(-elbo / np.log(2)))),
        ),
        hints=(
            "An image of probability p needs −log₂ p bits. The ELBO stands for ln p.",
            "log₂ p = ln p divided by which number?",
        ),
    ),
)
