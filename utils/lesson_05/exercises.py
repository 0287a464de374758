"""Lesson 5 · Autoencoders."""

import keras
import numpy as np

from utils.data import add_noise
from utils.exercises.edits import edits_of
from utils.exercises.engine import Exercise, Mistake
from utils.lesson_05.study import build_autoencoder, find_what_is_missing, pca_reconstruct


def _images_and_components():
    """Return arguments of `pca_reconstruct`: the batch's own mean is not the mean that is given."""
    for batch, pixels, k in ((2, 3, 1), (4, 6, 2), (5, 12, 7)):
        random = np.random.default_rng(pixels)
        components = np.linalg.qr(random.normal(size=(pixels, pixels)))[0].T
        yield random.random((batch, pixels)), random.random(pixels), components, k


_of_pca = edits_of(pca_reconstruct)
_FIRST_LINE = "_require_components(images, mean, components, k)"


def _networks_at_work(function, code_size, widths):
    """Return what the networks compute once their weights are set to numbers that depend on the shapes alone."""
    networks = function(code_size, widths)
    if networks is None:
        return None
    if not (isinstance(networks, tuple | list) and len(networks) == 3
            and all(isinstance(network, keras.Model) for network in networks)):
        raise ValueError("three Keras networks are wanted: return encoder, decoder, autoencoder")
    encoder, decoder, autoencoder = networks
    if not (encoder.built and decoder.built):
        raise ValueError("a network has no weights yet. Begin each with `keras.Input`: it says what comes in")
    if encoder.input_shape != (None, 784):
        raise ValueError("the first network should take images of shape (None, 784), and this one takes "
                         f"{encoder.input_shape}. The order is encoder, decoder, autoencoder")
    random = np.random.default_rng(0)
    for network in (encoder, decoder):
        network.set_weights([random.normal(0, 1.5 / np.sqrt(weight.shape[0]), weight.shape)
                             for weight in network.get_weights()])
    images = random.random((4, 784)).astype(np.float32)
    codes = np.asarray(encoder(images))
    decoded = np.asarray(decoder(random.normal(size=(4, decoder.input_shape[-1])).astype(np.float32)))
    try:
        both = np.allclose(autoencoder(images), decoder(codes), atol=1e-5)
    except ValueError:  # codes that the decoder does not take
        both = False
    matrices = [[weight.ndim for weight in network.get_weights()].count(2) for network in (encoder, decoder)]
    return {"shapes of a code and of a decoded image": np.array([codes.shape[1], decoded.shape[1]]),
            "layers with weights (encoder, decoder)": np.array(matrices),
            "numbers of weights (encoder, decoder)": np.array([encoder.count_params(), decoder.count_params()]),
            "codes of four images": codes, "images decoded from four codes": decoded,
            "is the autoencoder the decoder behind the encoder? (1 yes, 0 no)": float(both)}


_of_networks = edits_of(build_autoencoder)


def _hidden(layer, *others):
    """Return the reference with another hidden layer in both halves, and other edits."""
    loops = [f"in {widths}:\n        hidden = {each}" for widths in ("widths", "reversed(widths)")
             for each in ("layers.Dense(width, activation='silu')", layer)]
    return _of_networks(*loops, *others)


def _pictures():
    """Return (images, deviation) cases: a quarter of the pixels black, a quarter white, the others grey."""
    grey = np.full((300, 400), 0.5, np.float32)
    grey[:, :100], grey[:, -100:] = 0.0, 1.0
    return [(grey, 0.1), (grey[:, ::-1], 0.2)]


def _moments_of_noise(function, images, deviation):
    """Return what tells right noise from wrong: moments to few digits, since learners may draw as they like."""
    kept = images.copy()  # a function may write into what it gets
    noisy = function(images, deviation, seed=3)
    if noisy is None:
        return None
    if not isinstance(noisy, np.ndarray):
        raise ValueError(f"a NumPy array is wanted, and a {type(noisy).__name__} came back")
    if noisy.shape != kept.shape:
        return {"shape of the noisy images": np.array(noisy.shape)}
    noisy, again, reseeded = (np.asarray(array, np.float64) for array in (
        noisy, *(function(kept.copy(), deviation, seed=seed) for seed in (3, 4))))
    noise, grey = noisy - kept, kept == 0.5
    size, rows = noise[grey].std(), noise[:, grey[0]]
    one, other = rows[:100], rows[100:200]
    return {
        "shape of the noisy images": np.array(noisy.shape),
        "does the same seed give the same noise? (1 yes, 0 no)": float(np.array_equal(noisy, again)),
        "does another seed give other noise? (1 yes, 0 no)": float(not np.array_equal(noisy, reseeded)),
        "average noise on a grey pixel, in standard deviations": np.round(noise[grey].mean() / deviation, 1) + 0.0,
        "standard deviation of that noise, over the one asked for": np.round(size / deviation, 1),
        "do two images get different noise? (1 yes, 0 no)": float(abs(np.mean(one * other)) < 0.3 * size**2),
        "do two pixels of an image get different noise? (1 yes, 0 no)":
            float(abs(np.mean(rows[:, ::2] * rows[:, 1::2])) < 0.3 * size**2),
        "smallest and largest value, to one decimal": np.round([noisy.min(), noisy.max()], 1) + 0.0,
        "share of black pixels that stay black, to one decimal": np.round(np.mean(noisy[kept == 0] <= 0), 1),
        "share of grey pixels within one standard deviation, to one decimal":
            np.round(np.mean(np.abs(noise[grey]) < deviation), 1),
    }


def _of_noise(*parts):
    """Return the reference, edited, with float64 draws: those that learners make, and so recognised to the decimal."""
    return edits_of(add_noise)("images.shape, dtype=np.float32", "images.shape", *parts)


_SUM = "images + np.float32(deviation) * noise"


def _which_are_right(function):
    """Return three flags instead of the numbers: a wrong answer must not be answered with the right one."""
    found = tuple(function())
    if not all(isinstance(number, int | np.integer) and 1 <= number <= 8 for number in found):
        raise ValueError("whole numbers from 1 to 8 are wanted, such as (1, 2, 3)")
    if len(found) != 3 or len(set(found)) != 3:
        raise ValueError("three different numbers are wanted, such as (1, 2, 3)")
    return {"parts found (1) or not (0)": np.isin(find_what_is_missing(), found).astype(float)}


EXERCISES = (
    Exercise(identifier="5.1", reference=pca_reconstruct, cases=_images_and_components, mistakes=(
        Mistake("the images are not centred: the components describe how an image differs from the mean, so that "
                "must be subtracted before anything else.", _of_pca("(images - mean)", "images")),
        Mistake("the mean is not added back: these are differences from it.", _of_pca(" + mean", "")),
        Mistake("the mean is subtracted at both ends. What was taken away at the beginning must come back.",
                _of_pca("+ mean", "- mean")),
        Mistake("the mean does not appear at all: subtract it first, and add it back at the end.",
                _of_pca("(images - mean)", "images", " + mean", "")),
        Mistake("you centre with the mean of this batch. The components belong to the mean that is given.",
                _of_pca(_FIRST_LINE, "mean = images.mean(axis=0)")),
        Mistake("you subtract each image's own average grey value. `mean` is an image: one value for each pixel.",
                _of_pca(_FIRST_LINE, "mean = images.mean(axis=1, keepdims=True)")),
        Mistake("all components are used, so that nothing is left out and the images come back as they were. Where "
                "does `k` enter?", _of_pca(_FIRST_LINE, "k = len(components)")),
        Mistake("you keep the last k components, those that matter least.",
                _of_pca(_FIRST_LINE, "components = components[-k:]")),
        Mistake("you leave the first k components out and keep the others.",
                _of_pca(_FIRST_LINE, "components, k = components[k:], None")),
        Mistake("rows and columns are swapped: a component is a row of `components`, with one number a pixel.",
                _of_pca(_FIRST_LINE, "components = components.T")),
        Mistake("these are the codes, k numbers for each image. The way back to pixels is missing.",
                _of_pca("codes @ components[:k] + mean", "codes")),
        Mistake("values are cut off at 0 and 1. A picture wants that, but the reconstruction is linear: leave it "
                "as it comes.", lambda *given: np.clip(pca_reconstruct(*given), 0, 1)),
    ), hints=(
        "Three steps: centre, encode into k numbers, decode. What was subtracted first comes back last.",
        "A code is the scalar product of the centred image with each of the first k rows: a matrix product with "
        "a transpose, (batch, pixels) times (pixels, k).",
        "`rows = components[:k]`. Encoding multiplies by `rows.T`, decoding by `rows`: each component comes back "
        "as often as it was found.",
    )),
    Exercise(identifier="5.2", reference=build_autoencoder, cases=lambda: [(2, (8, 5)), (3, (6,)), (5, (9, 7, 4))],
             observe=_networks_at_work, tolerance=1e-4, seconds=60.0, mistakes=(
        Mistake("the code comes out of a ReLU: no code can be negative, and a unit that falls silent stays silent. "
                "The code layer wants no activation.", _of_networks("name='code'", "activation='relu'")),
        Mistake("the code comes out of the hidden layers' SiLU, which is hardly ever negative. The code layer "
                "wants no activation.", _of_networks("name='code'", "activation='silu'")),
        Mistake("the code comes out of a sigmoid, between 0 and 1. The code layer wants no activation.",
                _of_networks("name='code'", "activation='sigmoid'")),
        Mistake("the last layer has no sigmoid: pixels may come out below 0 or above 1.",
                _of_networks("activation='sigmoid', ", "")),
        Mistake("the last layer has a tanh, which reaches down to -1. Pixels lie in [0, 1].",
                _of_networks("'sigmoid'", "'tanh'")),
        Mistake("the last layer has a ReLU. Pixels lie in [0, 1]: which activation does too?",
                _of_networks("'sigmoid'", "'relu'")),
        Mistake("the hidden layers have no activation. However deep, such a network is linear, no better than PCA.",
                _hidden("layers.Dense(width)")),
        Mistake("the hidden layers have a tanh. The networks of this lesson have SiLUs: `activation=\"silu\"`.",
                _hidden("layers.Dense(width, 'tanh')")),
        Mistake("the hidden layers have ReLUs. The networks of this lesson have SiLUs: `activation=\"silu\"`.",
                _hidden("layers.Dense(width, 'relu')")),
        Mistake("the decoder has the encoder's widths in the same order. It should mirror them.",
                _of_networks("reversed(widths)", "widths")),
        Mistake("the decoder has no hidden layers.", _of_networks("reversed(widths)", "()")),
        Mistake("the networks come back in another order: first the encoder, then the decoder, then both in a row.",
                lambda *sizes: [build_autoencoder(*sizes)[place] for place in (2, 0, 1)]),
        Mistake("layers have no biases. `layers.Dense` has them unless it is told otherwise.",
                _hidden("layers.Dense(width, 'silu', use_bias=False)", "name='code'", "use_bias=False",
                        "name='image'", "use_bias=False")),
        Mistake("the code has not `code_size` numbers: the encoder ends in its last hidden layer.",
                lambda _, widths: _of_networks("name='code'", "activation='silu'")(widths[-1], widths[:-1])),
        Mistake("each network is right, but the autoencoder has weights of its own: training it would leave "
                "encoder and decoder as they are. Call the encoder and the decoder themselves.",
                lambda *sizes: [*build_autoencoder(*sizes)[:2], build_autoencoder(*sizes)[2]]),
    ), hints=(
        "Three models: one from images to codes, one from codes to images, and a third that calls the first two.",
        "Each half begins with its own `keras.Input`: 784 pixels, or `code_size` numbers. A loop over the widths "
        "adds `layers.Dense(width, activation=\"silu\")`.",
        "The last layer of the encoder is `layers.Dense(code_size)`, without activation; that of the decoder has "
        "784 units and a sigmoid, behind the widths in reverse. A model can be called like a layer: "
        "`decoder(encoder(images))`.",
    )),
    Exercise(identifier="5.3", reference=add_noise, cases=_pictures, observe=_moments_of_noise, mistakes=(
        Mistake("every image gets the same noise. Draw one number for each pixel of each image.",
                _of_noise("images.shape)", "images.shape[1:])")),
        Mistake("all pixels of an image get the same number, so that it only grows lighter or darker.",
                _of_noise("images.shape)", "(len(images), 1))")),
        Mistake("the noise is not centred: it only makes pixels lighter. Uniform numbers from 0 to 1 have the "
                "average ½.", _of_noise("standard_normal", "random")),
        Mistake("the noise is uniform. That of a normal distribution is wanted, whose size is its standard "
                "deviation.", _of_noise("standard_normal(", "uniform(-1, 1, ")),
        Mistake("the noise replaces the image. It should be added to it.", _of_noise("images + ", "")),
        Mistake("the noise multiplies the image, so that black stays black. It should be added.",
                _of_noise(_SUM, "images * (1 + deviation * noise)")),
        Mistake("`deviation` is taken for the variance: the noise is too large. Is there a square root?",
                _of_noise("float32(deviation)", "sqrt(deviation)")),
        Mistake("the deviation is squared. It scales standard normal numbers as it is.",
                _of_noise("float32(deviation)", "square(deviation)")),
        Mistake("the deviation is not used: noise of 1 drowns every image.", _of_noise("np.float32(deviation) * ", "")),
        Mistake("values below 0 and above 1 are left. What brings them back?",
                _of_noise(f"np.clip({_SUM}, 0, 1)", _SUM)),
        Mistake("the clipping hits the noise and not the sum, so that negative noise is lost.",
                _of_noise(_SUM, "images + np.clip(deviation * noise, 0, 1)")),
        Mistake("right noise, but the same for every seed: is a number written where `seed` belongs?",
                _of_noise("rng(seed)", "rng(0)")),
        Mistake("right noise, but another one at each call: `seed` is not used.", _of_noise("rng(seed)", "rng()")),
    ), hints=(
        "`random = np.random.default_rng(seed)` makes a generator, which draws normal numbers of any shape.",
        "Standard normal numbers times the standard deviation have that standard deviation. Their shape is that "
        "of `images`: a number for each pixel of each image.",
        "Add, and let `np.clip` bring the sum back to where grey values lie.",
    )),
    Exercise(identifier="5.4", reference=find_what_is_missing, cases=lambda: [()], observe=_which_are_right, mistakes=(
        Mistake("two are right: the range of the codes, and the density. Look at the bound of lesson 4: it has two "
                "terms. Which of them does the loss lack?", lambda: (2, 4, 8)),
        Mistake("two are right: the range of the codes, and the pull. Ask what the expectation in the bound of "
                "lesson 4 is taken over.", lambda: (2, 6, 8)),
        Mistake("two are right: the density, and the pull. Ask which numbers line 8 hands to the decoder, and "
                "which it has met in training.", lambda: (4, 6, 8)),
        Mistake("one is right, the range of the codes. The others stand in the bound of lesson 4: what is q, and "
                "which terms are there?", lambda: (2, 3, 8)),
        Mistake("one is right, the density with its draws. What else does the bound of lesson 4 ask of it, and "
                "which codes come out of line 1?", lambda: (1, 4, 8)),
        Mistake("one is right, the pull towards the prior. On what would it pull, and which codes come out of line "
                "1?", lambda: (3, 6, 8)),
        Mistake("none of the three yet. Line 3 joins both networks, and lines 6 and 7 train them on a loss: what "
                "stands there already is not missing.", lambda: (1, 3, 8)),
    ), hints=(
        "Line 8 draws from N(0, I). What must be true of the codes in training for that to make sense?",
        "Write down the bound of lesson 4 for any density q, and tick what the listing has of it. Then compare "
        "the range of the codes with that of a normal distribution.",
        "Line 1 ends in a ReLU, and half of what line 8 draws is negative. In the bound, an expectation is taken "
        "over a density q, and a second term compares q with the prior.",
    )),
)
