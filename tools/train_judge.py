"""Train the judge and write utils/assets/judge.keras: `course.py judge`.

The judge measures every generative model in the course, so it is trained once and shipped; lesson 3 trains the same
network with the same settings.
"""

from utils.runtime import start  # first: it sets TensorFlow up

import keras

from utils.assets import FOLDER, record_checksums
from utils.data import load_mnist, to_unit_range
from utils.models import CLASSIFIER_BATCH_SIZE, CLASSIFIER_EPOCHS, build_classifier, classifier_optimizer

lesson = start("03")
mnist = load_mnist()
train_images, test_images = (to_unit_range(images)[..., None] for images in (mnist.train_images, mnist.test_images))

judge = build_classifier()
judge.compile(classifier_optimizer(CLASSIFIER_EPOCHS * -(-len(train_images) // CLASSIFIER_BATCH_SIZE)),
              keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"],
              steps_per_execution=16)
judge.fit(train_images, mnist.train_labels, batch_size=CLASSIFIER_BATCH_SIZE, epochs=CLASSIFIER_EPOCHS, verbose=2)
accuracy = judge.evaluate(test_images, mnist.test_labels, batch_size=500, verbose=0)[1]
lesson.expect("test accuracy of the judge", 100 * accuracy, at_least=99.2, unit="%")

# Only the network is shipped. The optimiser's state would triple the file, and the layer that moves images would move
# them in a plain call as well.
keras.Model(judge.layers[1].output, judge.outputs, name="judge").save(FOLDER / "judge.keras")
record_checksums()
