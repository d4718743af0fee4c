"""What Keras prints, and its CSVLogger."""

import os

os.environ["KERAS_BACKEND"] = "torch"
import keras
import numpy as np

keras.utils.set_random_seed(0)
x = np.random.rand(64, 4)
y = x.sum(axis=1)
model = keras.Sequential([keras.layers.Dense(1)])
model.compile("sgd", "mse", metrics=["mae"])
model.fit(
    x, y, batch_size=8, epochs=3, validation_data=(x, y), callbacks=[keras.callbacks.CSVLogger("history.csv")]
)
