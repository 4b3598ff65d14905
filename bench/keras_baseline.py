"""What the Python scripts did that Maken replaces: open, convert, resize, predict, save, in batches.

    python keras_baseline.py RECORDS_DIR VECTORS_DIR WEIGHTS.h5 BATCH

RECORDS_DIR holds <id>.json, VECTORS_DIR <id>.jpg and takes <id>.npy. Needs tensorflow and Pillow < 13.
"""
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
records, vectors, weights, batch = sys.argv[1:5]

import numpy as np
from keras.applications.inception_v3 import InceptionV3, preprocess_input
from keras.utils import img_to_array
import PIL
from PIL import Image

assert int(PIL.__version__.split(".")[0]) < 13, "Pillow 13 resizes tall pictures in another order"

model = InceptionV3(weights=None, include_top=True)
model.load_weights(weights)
from keras.models import Model

model = Model(model.input, model.get_layer("avg_pool").output)


def flush(ids, pictures):
    made = model.predict_on_batch(preprocess_input(np.stack(pictures)))
    for name, vector in zip(ids, made):
        np.save(Path(vectors) / f"{name}.npy", vector)


start = time.time()
first = None
ids, pictures = [], []
for path in sorted(Path(records).rglob("*.json")):
    record = json.loads(path.read_text())
    image = Image.open(Path(vectors) / f"{record['id']}.jpg").convert("RGB").resize((299, 299))
    ids.append(record["id"])
    pictures.append(img_to_array(image))
    if len(ids) == int(batch):
        flush(ids, pictures)
        first = first or time.time() - start
        ids, pictures = [], []
if ids:
    flush(ids, pictures)
print(json.dumps({"seconds": time.time() - start, "first": first}))
