"""Make the demo pictures from a folder of free source pictures.

    python make_pictures.py SOURCES OUTPUT

Each source gives three files: NAME.jpg (the picture, scaled down),
NAME_detail.jpg (a part of it) and NAME_scan.jpg (a faded, slightly turned
print on a sheet of paper). The same sources, Pillow and numpy give the same files;
the bundled ones were made with Pillow 13.0.0 and numpy 2.4.6.

SOURCES holds these files, all in one folder (licences: LICENCES.md):

    PyPI scikit-image 0.26.0, skimage/data/: astronaut.png camera.png chelsea.png
        coffee.png coins.png horse.png hubble_deep_field.jpg retina.jpg rocket.jpg
    PyPI scikit-learn 1.9.1, sklearn/datasets/images/: china.jpg flower.jpg
    PyPI nikola 8.3.3, nikola/data/samplesite/galleries/demo/:
        tesla_conducts_lg.webp tesla_lightning1_lg.jpg tesla_tower1_lg.jpg
    PyPI nikola 8.3.3, nikola/data/samplesite/images/: frontispiece.jpg illus_001.jpg
    npm startbootstrap-grayscale 7.0.6, src/assets/img/: bg-masthead.jpg
    Debian gcompris-qt-data 3.1-2, explore_world_animals.rcc (a Qt resource file),
        src/activities/explore_world_animals/resource/animals/: moose.webp
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

SEED = 20240617
LONGEST_SIDE = 600
QUALITY = 82

# name: (source file, the detail as left, top, width and height in parts of the picture)
PICTURES = {
    "astronaut_portrait": ("astronaut.png", (0.09, 0.00, 0.80, 0.80)),
    "bull_moose": ("moose.webp", (0.13, 0.00, 0.82, 0.82)),
    "camera_operator": ("camera.png", (0.05, 0.00, 0.80, 0.80)),
    "cat_face": ("chelsea.png", (0.05, 0.00, 0.82, 0.84)),
    "coffee_cup": ("coffee.png", (0.11, 0.05, 0.79, 0.82)),
    "dahlia_flower": ("flower.jpg", (0.09, 0.03, 0.80, 0.80)),
    "deep_field_galaxies": ("hubble_deep_field.jpg", (0.00, 0.18, 0.82, 0.82)),
    "dr_nikola_frontispiece": ("frontispiece.jpg", (0.06, 0.03, 0.90, 0.84)),
    "foggy_mountains": ("bg-masthead.jpg", (0.03, 0.15, 0.84, 0.80)),
    "greek_coins": ("coins.png", (0.18, 0.18, 0.82, 0.82)),
    "horse_silhouette": ("horse.png", (0.18, 0.00, 0.82, 0.84)),
    "retina_left_eye": ("retina.jpg", (0.00, 0.11, 0.80, 0.80)),
    "rocket_launch_pad": ("rocket.jpg", (0.15, 0.18, 0.79, 0.82)),
    "ship_railing": ("illus_001.jpg", (0.00, 0.08, 0.84, 0.76)),
    "summer_palace": ("china.jpg", (0.01, 0.03, 0.80, 0.82)),
    "tesla_laboratory": ("tesla_lightning1_lg.jpg", (0.00, 0.09, 0.82, 0.84)),
    "tesla_lamp": ("tesla_conducts_lg.webp", (0.12, 0.03, 0.84, 0.80)),
    "wardenclyffe_tower": ("tesla_tower1_lg.jpg", (0.09, 0.00, 0.82, 0.84)),
}

# What a scan looks like: its paper, and how much of the colour and contrast is left.
LOOKS = (
    {"paper": (240, 230, 208), "colour": 0.90, "contrast": 0.93, "tint": (6, 2, -6)},  # warm
    {"paper": (228, 228, 224), "colour": 0.85, "contrast": 0.94, "tint": (2, 1, -2)},  # grey
    {"paper": (236, 231, 220), "colour": 0.92, "contrast": 0.90, "tint": (3, 2, -2)},  # faded
)


def read(path):
    """The picture in RGB, transparent parts white, the longest side LONGEST_SIDE at most."""
    picture = Image.open(path).convert("RGBA")
    sheet = Image.new("RGBA", picture.size, "white")
    picture = Image.alpha_composite(sheet, picture).convert("RGB")
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    return picture


def detail(picture, box):
    left, top, width, height = box
    w, h = picture.size
    return picture.crop(tuple(map(round, (left * w, top * h, (left + width) * w, (top + height) * h))))


def scan(picture, look, rng):
    """A faded print of the picture, turned a degree or so on a sheet of paper."""
    pixels = np.asarray(picture, dtype=np.float32)
    grey = pixels @ np.float32([0.299, 0.587, 0.114])
    pixels = grey[..., None] + look["colour"] * (pixels - grey[..., None])
    pixels = 132 + look["contrast"] * (pixels - 128) + np.float32(look["tint"])
    print_ = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))

    margin = round(0.012 * max(picture.size))
    sheet = Image.new("RGB", (picture.width + 2 * margin, picture.height + 2 * margin), look["paper"])
    sheet.paste(print_, (margin, margin))
    angle = float(rng.uniform(1, 1.6) * rng.choice([-1, 1]))
    sheet = sheet.rotate(angle, Image.Resampling.BICUBIC, fillcolor=look["paper"])
    sheet.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    sheet = sheet.filter(ImageFilter.GaussianBlur(0.5))

    pixels = np.asarray(sheet, dtype=np.float32)
    pixels = pixels + rng.normal(0, 1.5, pixels.shape[:2])[..., None]
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def main():
    parser = argparse.ArgumentParser(description="Make the demo pictures.")
    parser.add_argument("sources", type=Path, help="folder with the source pictures")
    parser.add_argument("output", type=Path, help="folder for the JPEG files")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    for number, (name, (source, box)) in enumerate(PICTURES.items()):
        picture = read(arguments.sources / source)
        look, rng = LOOKS[number % len(LOOKS)], np.random.default_rng([SEED, number])
        for suffix, result in (("", picture), ("_detail", detail(picture, box)), ("_scan", scan(picture, look, rng))):
            result.save(arguments.output / f"{name}{suffix}.jpg", quality=QUALITY, optimize=True)


if __name__ == "__main__":
    main()
