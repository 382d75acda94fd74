"""Image files that mean harm: every format, mode and size, cut, patched, lying and bombs."""

import io
import struct
import zlib
from functools import cache

import numpy as np
from PIL import Image

from tests.attacks.damage import damage

_SAVES = {
    "JPEG": ["L", "L", "RGB", "CMYK"],
    "PNG": ["L", "L", "RGB", "RGBA", "LA", "P", "1", "I;16", "I"],
    "GIF": ["L", "P"],
    "BMP": ["L", "RGB", "1", "P"],
    "PPM": ["L", "RGB", "1", "I;16"],
    "TIFF": ["L", "RGB", "RGBA", "CMYK", "1", "I;16", "F", "P", "LAB"],
    "WEBP": ["RGB", "RGBA"],
}
_SIDES = (1, 2, 47, 49, 64, 300)
_CLAIMS = (0, 1, 47, 49, 10_000, 30_000, 65_535, 2**31 - 1)
_BOMB_SIDE = 9_400  # within Pillow's limit of 89 million pixels


def mutate_image(random, image, formats=tuple(_SAVES)):
    """Make a file of an image, which may be anything by now; returns it, and what was done."""
    if random.random() < 0.0015:
        bomb = random.choice([_png_bomb, _rgba_bomb, _jpeg_bomb, _gif_bomb, _tiff_bomb, _deep_bomb])
        return bomb(), [bomb.__name__]
    format = random.choice(formats)
    content, story = _save(random, image, format)
    kind = random.randrange(8)
    if kind == 0:
        content = content[: random.randrange(len(content) + 1)]
        story.append("cut")
    elif kind in (1, 2):
        content = damage(random, content, keep=random.choice([0, 16, 16, 40]))
        story.append("damaged")
    elif kind == 3 and format in _CLAIMED:
        content = _CLAIMED[format](content, random.choice(_CLAIMS), random.choice(_CLAIMS))
        story.append("other size")
    elif kind == 4 and format == "PNG":
        content = _mutate_chunks(random, content)
        story.append("chunks")
    elif kind == 5 and format == "JPEG":
        content = _mutate_segments(random, content)
        story.append("segments")
    if format == "PNG" and random.random() < 0.5:
        content = _mend_crcs(content)
    return content, story


def _save(random, image, format):
    mode = random.choice(_SAVES[format])
    image = Image.fromarray(image)
    if random.random() < 0.2:
        image = image.resize((random.choice(_SIDES), random.choice(_SIDES)))
    if mode == "RGB" and random.random() < 0.5:
        noise = np.random.default_rng(random.randrange(9)).integers(0, 256, (*image.size[::-1], 3))
        image = Image.fromarray(noise.astype(np.uint8))
    elif mode in ("RGBA", "LA"):
        image = image.convert(mode)
        image.putalpha(random.choice([255, 255, 128, 0]))
    elif mode == "I;16":
        image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
    elif mode == "LAB":
        image = Image.frombytes("LAB", image.size, np.asarray(image.convert("RGB")).tobytes())
    elif mode == "I":
        image = Image.fromarray(np.asarray(image).astype(np.int32) * 257)
    else:
        image = image.convert(mode)
    options, story = {}, [format, mode, str(image.size)]
    if format in ("JPEG", "TIFF", "WEBP", "PNG") and random.random() < 0.2:
        exif = Image.Exif()
        exif[0x0112] = random.choice([1, 2, 3, 4, 5, 6, 7, 8, 0, 9, 65_535])
        options["exif"] = exif
        story.append(f"orientation {exif[0x0112]}")
    if (
        format in ("GIF", "PNG", "WEBP", "TIFF")
        and mode not in ("I;16", "F")
        and random.random() < 0.1
    ):
        options |= {"save_all": True, "append_images": [image.transpose(1)] * random.choice([1, 3])}
        story.append("frames")
    if format == "JPEG":
        options |= {"quality": random.choice([30, 90, 100]), "progressive": random.random() < 0.3}
    if format == "TIFF":
        options["compression"] = random.choice([None, "tiff_lzw", "tiff_adobe_deflate", "packbits"])
        if mode == "1":
            options["compression"] = random.choice([None, "group3", "group4"])
    if format in ("PNG", "GIF") and mode in ("P", "L", "RGB") and random.random() < 0.1:
        options["transparency"] = (0, 0, 0) if mode == "RGB" else random.choice([0, 9])
        story.append("transparency")
    stream = io.BytesIO()
    try:
        image.save(stream, format, **options)
    except (OSError, ValueError, RuntimeError, SystemError):  # not every mode has every option
        stream = io.BytesIO()
        Image.new("L", image.size).save(stream, format)
        story = [format, "L", str(image.size)]
    return stream.getvalue(), story


# -- other sizes than there are ------------------------------------------------------------------


def _claim_png(content, width, height):
    return _mend_crcs(content[:16] + struct.pack(">II", width, height) + content[24:])


def _claim_jpeg(content, width, height):
    for marker in (b"\xff\xc0\x00", b"\xff\xc2\x00"):
        at = content.find(marker)
        if at > 0:
            size = struct.pack(">HH", height % 2**16, width % 2**16)
            return content[: at + 5] + size + content[at + 9 :]
    return content


def _claim_gif(content, width, height):
    return content[:6] + struct.pack("<HH", width % 2**16, height % 2**16) + content[10:]


def _claim_bmp(content, width, height):
    return content[:18] + struct.pack("<ii", width, height) + content[26:]


def _claim_ppm(content, width, height):
    kind, rest = content[:2], content[3:].partition(b"\n")[2]
    return kind + b"\n%d %d\n" % (width, height) + rest


def _claim_tiff(content, width, height):
    at = content.find(struct.pack("<HHI", 0x100, 4, 1))
    if at < 0:
        return content
    content = content[: at + 8] + struct.pack("<I", width) + content[at + 12 :]
    return content[: at + 20] + struct.pack("<I", height) + content[at + 24 :]


_CLAIMED = {
    "PNG": _claim_png,
    "JPEG": _claim_jpeg,
    "GIF": _claim_gif,
    "BMP": _claim_bmp,
    "PPM": _claim_ppm,
    "TIFF": _claim_tiff,
}


# -- parts of files ------------------------------------------------------------------------------


def _chunks(content):
    at = 8
    while at + 12 <= len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        if at + 12 + size > len(content):
            break
        yield content[at + 4 : at + 8], content[at + 8 : at + 8 + size]
        at += 12 + size


def _chunk(kind, content):
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def _png(chunks):
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def _mend_crcs(content):
    chunks = list(_chunks(content))
    rest = content[8 + sum(12 + len(data) for _, data in chunks) :]
    return _png(chunks) + rest


def _mutate_chunks(random, content):
    chunks = list(_chunks(content))
    at, kind = random.randrange(len(chunks)), random.randrange(6)
    if kind == 0:
        del chunks[at]
    elif kind == 1:
        chunks.insert(at, random.choice(chunks))
    elif kind == 2:
        random.shuffle(chunks)
    elif kind == 3:
        chunks[at] = chunks[at][0], damage(random, chunks[at][1])
    elif kind == 4:
        chunks.insert(at, random.choice(_more_chunks()))
    else:
        chunks[0] = b"IHDR", chunks[0][1][:8] + random.randbytes(5)
    return _png(chunks)


@cache
def _more_chunks():
    bomb = zlib.compress(bytes(2**26))
    return [
        (b"zTXt", b"a\0\0" + bomb),
        (b"iCCP", b"a\0\0" + bomb),
        (b"iTXt", b"a\0\1\0\0\0" + bomb),
        (b"tEXt", b"a\0" + b"x" * 2**20),
        (b"eXIf", b"MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 99),
        (b"tRNS", b"\0\x09"),
        (b"PLTE", bytes(768)),
        (b"acTL", struct.pack(">II", 2**31 - 1, 0)),
        (b"fcTL", struct.pack(">IIIIIHHBB", 0, 2**31 - 1, 48, 0, 0, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(99))),
        (b"xxxx", b""),
        (b"sRGB", b"\xff"),
    ]


def _mutate_segments(random, content):
    at = content.find(b"\xff", random.randrange(2, len(content)))
    kind = random.randrange(4)
    if kind == 0:
        return content[:at] + b"\xff" * random.choice([1, 9, 5000]) + content[at:]
    if kind == 1:
        marker = bytes([0xFF, random.randrange(0xC0, 0x100)])
        return (
            content[:at]
            + marker
            + struct.pack(">H", random.choice([0, 2, 9, 65_535]))
            + content[at:]
        )
    if kind == 2:
        return content[:at] + content[at : at + 2] * random.choice([2, 99]) + content[at + 2 :]
    start = content.find(b"\xff\xda")
    return content[:-2] + content[start:-2] * random.choice([1, 20]) + content[-2:]


# -- bombs ---------------------------------------------------------------------------------------


@cache
def _png_bomb():
    return _bomb("L", "PNG")


@cache
def _rgba_bomb():
    return _bomb("RGBA", "PNG")


@cache
def _deep_bomb():
    return _bomb("I;16", "PNG")


@cache
def _gif_bomb():
    return _bomb("P", "GIF")


@cache
def _tiff_bomb():
    return _bomb("RGB", "TIFF", compression="tiff_lzw")


@cache
def _jpeg_bomb():
    """A progressive JPEG whose last scan comes hundreds of times."""
    content = _bomb("L", "JPEG", progressive=True, side=3000)
    start = content.rfind(b"\xff\xda")
    return content[:-2] + content[start:-2] * 500 + content[-2:]


def _bomb(mode, format, side=_BOMB_SIDE, **options):
    stream = io.BytesIO()
    Image.new(mode, (side, side)).save(stream, format, **options)
    return stream.getvalue()


def make_bombs():
    """Make all of them, before any time is taken."""
    return [_png_bomb(), _rgba_bomb(), _jpeg_bomb(), _gif_bomb(), _tiff_bomb(), _deep_bomb()]
