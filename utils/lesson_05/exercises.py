"""Lesson 5 · Autoencoders."""

from itertools import product

import keras
import numpy as np

from utils.data import add_noise
from utils.exercises.comparing import Fact, difference
from utils.exercises.edits import edits_of
from utils.exercises.engine import Exercise, Mistake
from utils.exercises.running import Unusable
from utils.lesson_05.study import build_autoencoder, find_what_is_missing, pca_reconstruct


def _images_and_components():
    """Return arguments of `pca_reconstruct`: the batch's own mean is not the mean that is given."""
    for batch, pixels, k in ((3, 4, 2), (4, 6, 3), (5, 12, 7)):
        random = np.random.default_rng(pixels)
        components = np.linalg.qr(random.normal(size=(pixels, pixels)))[0].T
        yield random.random((batch, pixels)), random.random(pixels), components, k


def _reconstructed(function, images, mean, components, k):
    """Return the reconstruction, and if it is right whether k = 0 leaves the mean alone, as the lesson shows."""
    right, alone = (pca_reconstruct(images, mean, components, count) for count in (k, 0))
    found = {"images rebuilt from k components": function(images, mean, components, k)}
    if difference(right, next(iter(found.values())), tolerance=1e-5) is None:
        try:
            none = function(images.copy(), mean, components, 0)
        except Exception:
            none = None
        found[Fact("does k = 0 leave the mean?", "right, but not for `k` = 0, with which the lesson begins: without a "
                   "component, every image should come back as the mean.")] = difference(alone, none, 1e-5) is None
    return found


_reconstructed.plain = lambda function, *arguments: function(*arguments)
_of_pca = edits_of(pca_reconstruct)
_FIRST_LINE = "_require_components(images, mean, components, k)"


ACTIVATIONS = {
    "a SiLU": lambda sums: sums / (1 + np.exp(-sums)),
    "no activation": lambda sums: sums,
    "a sigmoid": lambda sums: 1 / (1 + np.exp(-sums)),
    "a ReLU": lambda sums: np.maximum(sums, 0),
    "a tanh": np.tanh,
    "a softmax": lambda sums: np.exp(sums) / np.exp(sums).sum(axis=-1, keepdims=True),
}
OF_HIDDEN = {"no activation": " However deep, such a network is linear, no better than PCA."}
OF_CODE = {
    "a SiLU": ", which is hardly ever negative",
    "a sigmoid": ", between 0 and 1",
    "a ReLU": ": no code can be negative, and a unit that gives 0 for all images stays at 0",
    "a tanh": ", between -1 and 1",
}
OF_IMAGE = {"a tanh": " A tanh reaches down to -1.", "a softmax": " A softmax lets the pixels share a sum of 1."}
OWN_WEIGHTS = ("the weights of the autoencoder are not those of the encoder and the decoder, all of them and no "
               "others: training it would leave some of theirs as they are. Call the two networks themselves.")
NOT_IN_A_ROW = ("the autoencoder has the weights of the other two, but it is not the encoder and then the decoder. "
                "Each should be called once, with nothing else around them.")


def _networks_at_work(function, code_size, widths):
    """Return what the networks compute once their weights are set to numbers that depend on the shapes alone."""
    networks = function(code_size, widths)
    if not (isinstance(networks, tuple | list) and all(isinstance(network, keras.Model) for network in networks)):
        raise Unusable("three Keras models are wanted, and something else came back. `keras.Model(inputs, outputs)` "
                       "makes one of two tensors.")
    if len(networks) != 3:
        raise Unusable(f"{len(networks)} networks came back, and three are wanted: encoder, decoder, autoencoder.")
    _require_roles(*networks, code_size)
    encoder, decoder, autoencoder = networks
    if {*map(id, encoder.weights)} & {*map(id, decoder.weights)}:
        raise Unusable("encoder and decoder have weights in common. Each has its own; it is the third network that "
                       "shares those of both.")
    random = np.random.default_rng(0)
    images, codes = random.random((4, 784)).astype(np.float32), random.normal(size=(4, code_size)).astype(np.float32)
    given = (("encoder", encoder, images, widths), ("decoder", decoder, codes, widths[::-1]))
    for name, network, _, wanted in given:
        _require_layers(name, network, tuple(wanted))
        network.set_weights([random.normal(0, 1.5 / np.sqrt(weight.shape[0]), weight.shape)
                             for weight in network.get_weights()])
    known = [_activations(name, network, inputs) for name, network, inputs, _ in given]
    return {
        Fact("are the activations as they should be?", "one of the activations is not right. SiLUs belong in all "
             "hidden layers, none to the code, a sigmoid to the pixels."): all(known),
        Fact("does the autoencoder share all weights?", OWN_WEIGHTS):
            {*map(id, autoencoder.weights)} == {*map(id, encoder.weights + decoder.weights)},
        Fact("is it the decoder behind the encoder?", NOT_IN_A_ROW):
            np.allclose(autoencoder(images), decoder(encoder(images)), atol=1e-4),
        "codes of four images": np.asarray(encoder(images)),
        "images decoded from four codes": np.asarray(decoder(codes)),
    }


def _shapes(network, size):
    """Return the shapes of what a network gives for one row of so many numbers; None if it does not take them."""
    try:
        given = network(np.zeros((1, size), np.float32))
    except Exception:
        return None
    return [tuple(part.shape) for part in (given if isinstance(given, tuple | list) else [given])]


def _require_roles(encoder, decoder, autoencoder, code_size):
    """Refuse networks that do not lead from images to codes, from codes to images, and from images to images."""
    image = [(1, 784)]
    if not autoencoder.built:
        raise Unusable("the third network has no weights before it is called, and the lesson counts them first. Begin "
                       "it with `keras.Input`, or call it once.")
    codes, images, copies = _shapes(encoder, 784), _shapes(decoder, code_size), _shapes(autoencoder, 784)
    if codes in (None, image):
        raise Unusable("the first network should take images (batch, 784) and give codes. The order is encoder, "
                       "decoder, autoencoder.")
    if len(codes) > 1:
        raise Unusable(f"the encoder gives {len(codes)} outputs for an image, and one is wanted: the code.")
    if codes != [(1, code_size)]:
        raise Unusable(f"the encoder gives {' × '.join(map(str, codes[0][1:]))} numbers for an image, and `code_size` "
                       f"is {code_size}. Which layer makes the code?")
    if images is None:
        raise Unusable("the second network should take codes, (batch, code_size), and this one does not. The decoder "
                       "begins with an input of its own.")
    for name, found in ("decoder", images), ("autoencoder", copies):
        if found is None:
            raise Unusable("the third network should take images (batch, 784), and this one does not. Encoder first, "
                           "then decoder.")
        if found != image:
            raise Unusable(f"the {name} gives an output of shape {found[0]}, and one image has shape (1, 784).")


def _require_layers(name, network, widths):
    """Refuse a network of other layers than dense ones of these widths, and the last one."""
    shapes = [tuple(weight.shape) for weight in network.weights]
    matrices = [shape for shape in shapes if len(shape) == 2]
    hidden, order = tuple(shape[1] for shape in matrices[:-1]), "" if name == "encoder" else " in reverse"
    if hidden != widths:
        found = f"are {' and '.join(map(str, hidden))} wide" if hidden else "are missing"
        raise Unusable(f"the {name}'s hidden layers {found}, and `widths`{order} is {widths}.")
    if len(shapes) < 2 * len(matrices):
        raise Unusable("layers have no biases. `layers.Dense` has them unless it is told otherwise.")
    if len(shapes) > 2 * len(matrices):
        raise Unusable(f"the {name} has more weights than those of its dense layers. Is there a normalisation in it, "
                       "of which the text says nothing?")
    if len(network.trainable_weights) < len(shapes):
        raise Unusable(f"the {name} is frozen: training the autoencoder would not train it.")


def _activations(name, network, inputs):
    """Refuse activations that are known and not right; return whether it has the right ones."""
    weights, outputs = network.get_weights(), np.asarray(network(inputs))
    matrices, biases = ([weight for weight in weights if weight.ndim == rank] for rank in (2, 1))
    for hidden, last in product(ACTIVATIONS, ACTIVATIONS):
        values = inputs
        for place, (matrix, bias) in enumerate(zip(matrices, biases), 1):
            values = ACTIVATIONS[last if place == len(matrices) else hidden](values @ matrix + bias)
        if np.allclose(values, outputs, atol=1e-4):
            break
    else:
        return False
    if hidden != "a SiLU":
        raise Unusable(f"the {name}'s hidden layers have {hidden}, and not a SiLU.{OF_HIDDEN.get(hidden, '')}")
    if name == "encoder" and last != "no activation":
        raise Unusable(f"the code comes out of {last}{OF_CODE.get(last, '')}. The code layer wants no activation.")
    if name == "decoder" and last != "a sigmoid":
        raise Unusable(f"the last layer has {last}, and not a sigmoid.{OF_IMAGE.get(last, '')} Each pixel lies in "
                       "[0, 1] by itself.")
    return True


_of_networks = edits_of(build_autoencoder)
SQUEEZED = ("hardly a pixel is exactly 0 or 1. Values outside [0, 1] should be set to the nearest limit, and all "
            "others stay: are they squeezed or rescaled?")
BLACK, DARK, GREY, WHITE = slice(0, 40), slice(40, 60), slice(60, 120), slice(120, 160)  # pixels of the images below


def _pictures():
    """Return (images, deviation) cases: black, nearly black, grey and white pixels in each image."""
    images = np.full((150, 160), 0.5, np.float32)
    images[:, BLACK], images[:, DARK], images[:, WHITE] = 0.0, 0.02, 1.0
    return [(images, 0.04), (images, 0.1)]


def _facts_of_noise(function, images, deviation):
    """Return facts that tell right noise from wrong, by moments: learners may draw as they like."""
    def noisy(factor=1, seed=3, given=None):
        found = np.array(function(images.copy() if given is None else given, factor * deviation, seed=seed))
        if found.shape != kept.shape:
            raise Unusable(f"images of shape {kept.shape} came back with shape {found.shape}.")
        return found.astype(np.float64)

    kept = images.copy()  # a function may write into what it gets
    again, other, wider, zero, zero_again, *fresh = (
        noisy(), noisy(seed=4), noisy(2), noisy(seed=0), noisy(seed=0), noisy(seed=None), noisy(seed=None))
    found = noisy(given=images)
    noise, twice = found[:, GREY] - 0.5, wider[:, GREY].std()
    size, below, above = noise.std(), found.min() < -1e-6, found.max() > 1 + 1e-6
    one, two, even, odd = noise[:75], noise[75:], noise[:, ::2], noise[:, 1::2]
    within = np.mean(np.abs(noise - noise.mean()) < size)  # 0.68 of a normal distribution's numbers
    growth = twice / max(size, 1e-9)
    return {
        Fact("is there noise?", "the images come back as they were, without noise."): np.any(found != kept),
        Fact("are they still images in [0, 1]?", "grey values far above 1 come back, as from 0 to 255. Images in [0, "
             "1] are wanted."): found.max() < 10,
        Fact("do the images show?", "the images are missing: this is the noise alone. It should be added to them."):
            found[:, GREY].mean() - found[:, DARK].mean() > 0.05,
        Fact("are there shades of grey?", "only 0 and 1 come back: are the noisy values rounded or compared?"):
            not np.isin(found, (0, 1)).all(),
        Fact("does noise differ at all?", "all pixels of all images get one and the same number."):
            size > 1e-6 or not np.any(noise),
        Fact("do images differ in their noise?", "every image gets the same noise. One generator should draw a number "
             "for each pixel of each image."): abs(np.mean(one * two)) < 0.3 * size**2 + noise.mean()**2,
        Fact("do pixels differ in their noise?", "all pixels of an image get the same number, so that it only grows "
             "lighter or darker. Draw one for each pixel."): abs(np.mean(even * odd)) < 0.3 * size**2 + noise.mean()**2,
        Fact("does nearly every pixel change?", "most pixels come back as they were. Normal noise changes every one, "
             "and none by its full value."): np.mean(noise == 0) < 0.7,
        Fact("is noise negative too?", "half of the grey pixels get no noise, and the others only grow lighter: "
             "negative noise is lost. Is the noise clipped, and not the sum?"): np.mean(noise == 0) < 0.3,
        Fact("does the deviation count?", "the noise is as strong whatever `deviation` is. Is it used, and as the "
             "standard deviation?"): growth > 1.2,
        Fact("is it no variance?", "`deviation` is taken for the variance: with twice as much of it, the noise grows "
             "by a root of 2. Is there a square root?"): growth > 1.6,
        Fact("is it not squared?", "the deviation is squared: with twice as much of it, the noise grows fourfold."):
            growth < 3,
        Fact("is nothing squeezed?", SQUEEZED): found[:, BLACK].min() < 0.2,
        Fact("does a pixel grow darker?", "no pixel grows darker. Noise is as often negative as positive."):
            np.any(noise < 0),
        Fact("do black pixels change?", "black pixels get no noise. It should be added to every pixel, whatever its "
             "value: is it multiplied with the image, or added only where the image is not black?"):
            np.any(found[:, BLACK] != 0),
        Fact("do values stay at the border?", "values that leave [0, 1] come in again at the other end. They should "
             "stay at the limit that they pass."): np.mean(found[:, BLACK] > 0.5) < 0.3,
        Fact("are values clipped?", "values below 0 and above 1 are left. What brings them back, once the noise is "
             "added?"): not (below and above),
        Fact("are values clipped at 0?", "values below 0 are left, and black is 0."): not below,
        Fact("are values clipped at 1?", "values above 1 are left, and white is 1."): not above,
        Fact("is half of the black still black?", SQUEEZED): np.mean(found[:, BLACK] == 0) > 0.3,
        Fact("do dark pixels reach 0?", "a pixel that would leave [0, 1] gets another value than the nearest limit. Is "
             "it put back to what it was?"): np.mean(found[:, DARK] == 0) > 0.1,
        Fact("is the noise centred?", "on average, grey pixels come out darker or lighter than they were. Noise has "
             "the average 0, and the image keeps its full weight."): abs(noise.mean()) < 0.1 * deviation,
        Fact("is it not uniform?", "the noise is uniform, or nearly so: numbers around 0 are no likelier than others. "
             "Normal noise is wanted."): within > 0.63,
        Fact("is it normal?", "the noise is not normal: it has too many small and too many large numbers. From which "
             "distribution is it drawn?"): within < 0.73,
        Fact("is its deviation the one asked for?", "the noise is normal, but its standard deviation is not "
             "`deviation`. Is it scaled, or added, twice?"): 0.9 < size / deviation < 1.1,
        Fact("does the same seed give the same noise?", "the same seed gives other noise at each call. Is `seed` used, "
             "by a generator that is made at each call?"): np.array_equal(found, again),
        Fact("does another seed give other noise?", "every seed gives the same noise. Is a number written where `seed` "
             "belongs?"): not np.array_equal(found, other),
        Fact("is 0 a seed?", "the seed 0 gives other noise at each call, and every other seed does not. What does `if "
             "seed` make of 0?"): np.array_equal(zero, zero_again),
        Fact("is noise without a seed fresh?", "without a seed, two calls give the same noise. `None` should draw "
             "afresh each time."): not np.array_equal(*fresh),
    }


_of_noise = edits_of(add_noise)
_SUM = "images + np.float32(deviation) * noise"
NOT_MISSING = {  # the five parts that are no answer, and why
    1: "part 1 is there already: line 6 compares each image with what comes back.",
    3: "part 3 is there already: in lines 6 and 7, one Adam moves encoder and decoder together.",
    5: "part 5 is not what is missing: more layers may copy better, but the bound of lesson 4 does not ask for them.",
    7: "part 7 is not what is missing: the bound of lesson 4 holds for images alone, without labels.",
    8: "part 8 is not what is missing: line 6 has an optimiser of its own, and the two of line 4 could go.",
}


def _which_are_right(function):
    """Return flags instead of the numbers: a wrong answer must not be answered with the right one."""
    found = function()
    found = np.asarray(sorted(found) if isinstance(found, set) else found)
    if found.dtype.kind not in "iuf" or np.any(found % 1) or np.any((found < 1) | (found > 8)):
        raise Unusable("the numbers of the parts are wanted, from 1 to 8: no texts, and no True or False for each.")
    if found.size != 3 or len(np.unique(found)) != 3:
        raise Unusable(f"{found.size} number{'s' * (found.size > 1)} came back, and three different ones are wanted.")
    facts = {Fact(f"is part {part} left out?", reason): part not in found for part, reason in NOT_MISSING.items()}
    return facts | {"parts found (1) or not (0)": np.isin(find_what_is_missing(), found).astype(float)}


EXERCISES = (
    Exercise(identifier="5.1", reference=pca_reconstruct, cases=_images_and_components, observe=_reconstructed,
             mistakes=(
        Mistake("you centre with the mean of this batch. The components belong to the mean that is given.",
                _of_pca(_FIRST_LINE, "mean = images.mean(axis=0)")),
        Mistake("you subtract each image's own average grey value. `mean` is an image: one value for each pixel.",
                _of_pca(_FIRST_LINE, "mean = images.mean(axis=1, keepdims=True)")),
        Mistake("you leave the first k components out and keep the others.", _of_pca("[:k]", "[k:]")),
        Mistake("you keep one component alone, the one with the number `k`. The first k together are wanted.",
                _of_pca("[:k]", "[k:k + 1]")),
        Mistake("the first component, which matters most, is skipped. Python counts from 0.",
                _of_pca("[:k]", "[1:k + 1]")),
        Mistake("these are the codes, k numbers for each image. The way back to pixels is missing.",
                _of_pca("codes @ kept + mean", "codes")),
        Mistake("this is what is lost, the images minus what comes back. What comes back is wanted.",
                _of_pca("codes @ kept + mean", "images - (codes @ kept + mean)")),
        Mistake("the components are subtracted where they should be added, or `images` and `mean` are swapped.",
                _of_pca("codes @ kept", "-codes @ kept")),
        Mistake("the shares of the components are averaged. They add up.",
                _of_pca("codes @ kept", "codes @ kept / max(k, 1)")),
        Mistake("images and components are multiplied pixel by pixel. For a code, the products of all pixels add up.",
                _of_pca("codes @ kept", "(images - mean) * kept.sum(axis=0)")),
        Mistake("the signs of the codes are lost. A component may have to be taken away.",
                _of_pca("(images - mean) @ kept.T", "np.abs((images - mean) @ kept.T)")),
        Mistake("negative codes are set to 0. This code is linear, and as often negative as positive.",
                _of_pca("(images - mean) @ kept.T", "np.maximum((images - mean) @ kept.T, 0)")),
        Mistake("the codes are squared. A component is added with its code as the factor.",
                _of_pca("(images - mean) @ kept.T", "np.square((images - mean) @ kept.T)")),
        Mistake("values are cut off at 0 and 1. A picture wants that, but the reconstruction is linear: leave it "
                "as it comes.", lambda *given: np.clip(pca_reconstruct(*given), 0, 1)),
    ), hints=(
        "Three steps: centre, encode into k numbers, decode. What was subtracted first comes back last.",
        "A code is the scalar product of the centred image with each of the first k rows: a matrix product with "
        "a transpose, (batch, pixels) times (pixels, k).",
        "`rows = components[:k]`. Encoding multiplies by `rows.T`, decoding by `rows`: each component is added "
        "with its number of the code as the factor.",
    )),
    Exercise(identifier="5.2", reference=build_autoencoder, cases=lambda: [(2, (8, 5)), (3, (9, 7, 4))],
             observe=_networks_at_work, tolerance=1e-4, mistakes=(
        Mistake(OWN_WEIGHTS, lambda *sizes: [*build_autoencoder(*sizes)[:2], build_autoencoder(*sizes)[2]]),
        Mistake(NOT_IN_A_ROW, _of_networks("decoder(encoder(images))", "decoder(encoder(decoder(encoder(images))))")),
    ), hints=(
        "Three models: one from images to codes, one from codes to images, and a third that calls the first two.",
        "Each half begins with its own `keras.Input`: 784 pixels, or `code_size` numbers. A loop over the widths "
        "adds `layers.Dense(width, activation=\"silu\")`.",
        "The last layer of the encoder is `layers.Dense(code_size)`, without activation; that of the decoder has "
        "784 units and a sigmoid, behind the widths in reverse. A model can be called like a layer: "
        "`decoder(encoder(images))`.",
    )),
    Exercise(identifier="5.3", reference=add_noise, cases=_pictures, observe=_facts_of_noise, calls=150, mistakes=(
        Mistake("the noise replaces the image. It should be added to it.", _of_noise("images + ", "")),
        Mistake("the noise multiplies the image, so that black stays black. It should be added.",
                _of_noise(_SUM, "images * (1 + deviation * noise)")),
    ), hints=(
        "`random = np.random.default_rng(seed)` makes a generator, which draws normal numbers of any shape.",
        "Standard normal numbers times the standard deviation have that standard deviation. Their shape is that "
        "of `images`: a number for each pixel of each image.",
        "Add, and let `np.clip` bring the sum back to where grey values lie.",
    )),
    Exercise(identifier="5.4", reference=find_what_is_missing, cases=lambda: [()], observe=_which_are_right, mistakes=(
        Mistake("none of the three. Are these lines of the listing? The numbers of the parts below it are wanted.",
                lambda: (1, 5, 8)),
        Mistake("this is the example, and none of the three is missing: lines 6 and 7 have parts 1 and 3, and part 8 "
                "makes no model.", lambda: (1, 3, 8)),
    ), hints=(
        "Line 8 draws from N(0, I). What must be true of the codes in training for that to make sense?",
        "Write down the bound of lesson 4 for any density q, and tick what the listing has of it. Then compare "
        "the range of the codes with that of a normal distribution.",
        "Line 1 ends in a ReLU, and half of what line 8 draws is negative. In the bound, an expectation is taken "
        "over a density q, and a second term compares q with the prior.",
    )),
)
