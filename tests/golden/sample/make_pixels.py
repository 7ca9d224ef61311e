"""What Pillow, torchvision, Keras and TensorFlow read from the images.

    make_pixels.py pillow         write pixels.tsv: whole images
    make_pixels.py torchvision    its rows of crops.tsv: behind resize and crop
    make_pixels.py keras          the rows of Keras and TensorFlow

Runs in the folder of this script; a part replaces its own rows alone. Every sum
is a SHA-256 over height x width x RGB, rows without padding: bytes, or
little-endian float32 for float presets. The columns of pixels.tsv: as
convert("RGB") gives them; upright, where EXIF says otherwise
(ImageOps.exif_transpose); the high bytes of 16-bit grey; pasted on white, where
there is transparency ("-" where that is the first again). crops.tsv names
presets as reap does. The second part needs torch and torchvision, the third
tensorflow and keras, all of them Pillow and numpy.
"""
import hashlib
import os
import sys

import numpy as np
from PIL import Image, ImageOps

HEAD = "preset\tfile\theight\twidth\tdtype\tsha256\n"

# Behind every preset: each way to resize, and what geometry can do to it.
ALL = """scene_420.jpg scene_422_odd.jpg scene_444_tall.jpg scene_440_odd.jpg progressive.jpg
grey_tall.jpg cmyk.jpg large_smooth.jpg wide.jpg tall_260x700.jpg exact_256.jpg margin_77.jpg small.jpg
tiny.jpg pixel.jpg column.jpg row.jpg noise.jpg rgb.png grey16.png rgb_alpha.png lossy.webp""".split()


def files():
    with open("files.tsv", encoding="utf-8") as f:
        return [line.split("\t") for line in list(f)[1:]]


def fine():
    return [name for name, status, *_ in files() if status == "ok"]


def sha(a):
    return hashlib.sha256(np.ascontiguousarray(a).tobytes()).hexdigest()


def read(name):
    return Image.open(os.path.join("images", name))


def pillow():
    with open("pixels.tsv", "w", newline="\n") as out:
        out.write("file\twidth\theight\tmode\trgb\tupright\thigh_bytes\ton_white\n")
        for name, status, flags, _ in files():
            if status != "ok":
                continue
            flags, im = flags.split("+"), read(name)
            mode, rgb = im.mode, im.convert("RGB")
            cells = ["-"] * 3
            if "oriented" in flags and not name.endswith(".tiff"):  # Pillow turns it by itself
                cells[0] = sha(ImageOps.exif_transpose(read(name)).convert("RGB"))
            if {"grey", "depth16"} <= set(flags) and "alpha" not in flags:
                high = (np.asarray(read(name)) >> 8).astype(np.uint8)
                cells[1] = sha(np.repeat(high[..., None], 3, 2))
            if "alpha" in flags:
                white = Image.new("RGB", rgb.size, (255, 255, 255))
                white.paste(rgb, mask=read(name).convert("RGBA").getchannel("A"))
                cells[2] = sha(white)
            out.write("\t".join(map(str, (name, *rgb.size, mode, sha(rgb), *cells))) + "\n")


def torchvision():
    from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Resize
    bilinear, bicubic = InterpolationMode.BILINEAR, InterpolationMode.BICUBIC

    def short(edge, crop, how=bilinear):
        return Compose([Resize(edge, how), CenterCrop(crop)])

    def hf(im):  # Hugging Face rounds the corner down
        im = Resize(256, bicubic)(im)
        left, top = (im.width - 224) // 2, (im.height - 224) // 2
        return im.crop((left, top, left + 224, top + 224))

    presets = {"torchvision-v1": short(256, 224), "torchvision-v2": short(232, 224),
               "timm-a1": short(235, 224, bicubic), "timm-a1-288": short(288, 288, bicubic),
               "timm-bicubic": short(256, 224, bicubic), "hf": hf, "unit": short(232, 224),
               "squash-256": Compose([Resize((256, 256), bilinear), CenterCrop(224)])}
    for preset, make in presets.items():
        for name in fine() if preset == "torchvision-v1" else ALL:
            yield preset, name, make(read(name).convert("RGB"))


def keras():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    import tensorflow as tf

    def warp(how):
        return lambda path: keras.utils.load_img(path, target_size=(224, 224), interpolation=how)

    def resize(a):
        return tf.image.resize(a, (224, 224), method="bilinear", antialias=False).numpy()

    def pixels(path):
        return resize(np.asarray(Image.open(path).convert("RGB")))

    def dataset(path):  # its own decoder, whose default is the fast integer DCT
        return resize(tf.io.decode_jpeg(tf.io.read_file(path), channels=3))

    presets = {"keras-caffe": warp("nearest"), "keras-tf": warp("nearest"),
               "keras-bilinear": warp("bilinear"), "tf-resize": pixels, "tf-dataset": dataset}
    for preset, make in presets.items():
        for name in fine() if preset == "keras-caffe" else ALL:
            if preset == "tf-dataset" and (not name.endswith(".jpg") or name == "cmyk.jpg"):
                continue  # no decoder of TensorFlow, or not to RGB
            yield preset, name, make(os.path.join("images", name))


def crops(rows):
    table = {}
    for preset, name, image in rows:
        a = np.asarray(image)
        assert a.shape[2] == 3 and a.dtype in (np.uint8, np.float32)
        table[preset, name] = "\t".join(map(str, (preset, name, *a.shape[:2], a.dtype, sha(a)))) + "\n"
    mine = {preset for preset, _ in table}
    if os.path.exists("crops.tsv"):
        with open("crops.tsv", encoding="utf-8") as f:
            for line in list(f)[1:]:
                preset, name, *_ = line.split("\t")
                if preset not in mine:
                    table[preset, name] = line
    with open("crops.tsv", "w", newline="\n") as out:
        out.write(HEAD + "".join(table[k] for k in sorted(table)))


if __name__ == "__main__":
    os.chdir(os.path.dirname(os.path.abspath(__file__)))
    if sys.argv[1] == "pillow":
        pillow()
    else:
        crops({"torchvision": torchvision, "keras": keras}[sys.argv[1]]())
