"""Train the judge and write utils/assets/judge.keras: `make judge`.

The judge measures every generative model in the course, so it is trained once and shipped; lesson 3 trains the same
network with the same settings.
"""

import keras

from utils.assets import FOLDER, record_checksums
from utils.data import load_mnist, to_unit_range
from utils.models import build_classifier
from utils.runtime import start

EPOCHS, BATCH_SIZE = 6, 128

lesson = start("03")
mnist = load_mnist()
train_images, test_images = (to_unit_range(images)[..., None] for images in (mnist.train_images, mnist.test_images))

steps = EPOCHS * -(-len(train_images) // BATCH_SIZE)
schedule = keras.optimizers.schedules.CosineDecay(0.0, decay_steps=steps * 9 // 10, warmup_target=4e-3,
                                                  warmup_steps=steps // 10)
judge = build_classifier()
judge.compile(keras.optimizers.Adam(schedule), keras.losses.SparseCategoricalCrossentropy(from_logits=True),
              metrics=["accuracy"], steps_per_execution=16)
judge.fit(train_images, mnist.train_labels, batch_size=BATCH_SIZE, epochs=EPOCHS, verbose=2)
accuracy = judge.evaluate(test_images, mnist.test_labels, batch_size=500, verbose=0)[1]
lesson.expect("test accuracy of the judge", 100 * accuracy, at_least=99.2, unit="%")

# Only the network is shipped: the optimiser's state would triple the file.
keras.Model(judge.inputs, judge.outputs, name="judge").save(FOLDER / "judge.keras")
record_checksums()
