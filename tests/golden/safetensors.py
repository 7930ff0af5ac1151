"""Reads safetensors files with the standard library alone."""
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
