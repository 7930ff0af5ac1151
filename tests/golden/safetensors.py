"""Reads and writes safetensors files, and writes shards of tokens, with the standard library alone."""
import array
import json
import struct

FORMATS = {"F32": "f", "F64": "d", "I8": "b", "I32": "i", "I64": "q"}


def load(path):
    """{name: (shape, array of numbers)}"""
    with open(path, "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
        body = file.read()
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        numbers = array.array(FORMATS[entry["dtype"]])
        numbers.frombytes(body[begin:end])
        tensors[name] = (entry["shape"], numbers)
    return tensors


def save(path, tensors):
    """`tensors`: {name: (shape, array.array of floats)}, as load() gives them."""
    types = {code: name for name, code in FORMATS.items()}
    header, offset = {}, 0
    for name, (shape, numbers) in tensors.items():
        size = len(numbers) * numbers.itemsize
        header[name] = {"dtype": types[numbers.typecode], "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, numbers in tensors.values():
            file.write(numbers.tobytes())


def save_shard(path, tokens):
    """A shard: 256 int32 (magic, version 1, count, zeros), then the tokens as uint16."""
    with open(path, "wb") as file:
        file.write(struct.pack("<256i", 20240520, 1, len(tokens), *[0] * 253))
        file.write(array.array("H", tokens).tobytes())
