"""Reads the weights in a PyTorch checkpoint, both in the zip format and the one before it, and executes nothing in it.

A pickle is a program: what it names is imported and called. Here the few names that rebuild tensors are allowed and
mean functions of this file, which take them as data; any other name is refused. Needs numpy, not PyTorch.
"""
import collections
import contextlib
import io
import math
import os
import pickle
import zipfile

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C  # of the format before the zip files
PROTOCOL = 1001
TYPES = {"DoubleStorage": "<f8", "FloatStorage": "<f4", "HalfStorage": "<f2", "BFloat16Storage": "bfloat16",
         "LongStorage": "<i8", "IntStorage": "<i4", "ShortStorage": "<i2", "CharStorage": "i1", "ByteStorage": "u1",
         "BoolStorage": "?"}


class Refused(Exception):
    """The file asks for what only running it would give, or is no checkpoint."""


class Settings:
    """Stands for argparse.Namespace: what training was told. Attributes and nothing else."""

    def __setstate__(self, state):
        if not isinstance(state, dict):
            raise Refused("the settings of the training run are no dictionary")
        self.values = state


class Storage:
    """Numbers in a row, of one type. Their bytes may come later in the file."""

    def __init__(self, kind, count):
        self.kind, self.count, self.bytes = kind, count, None

    def item_size(self):
        return 2 if TYPES[self.kind] == "bfloat16" else np.dtype(TYPES[self.kind]).itemsize

    def numbers(self):
        if self.bytes is None or len(self.bytes) != self.count * self.item_size():
            raise Refused(f"a {self.kind} of {self.count} numbers does not have their bytes: is the file truncated?")
        if TYPES[self.kind] == "bfloat16":  # the upper half of a float32
            return (np.frombuffer(self.bytes, "<u2").astype("<u4") << 16).view("<f4")
        return np.frombuffer(self.bytes, TYPES[self.kind])


class Tensor:
    """A view of a storage, as PyTorch describes it; strides count numbers."""

    def __init__(self, storage, offset, shape, strides):
        self.storage, self.offset, self.shape, self.strides = storage, offset, tuple(shape), tuple(strides)

    def array(self):
        numbers = self.storage.numbers()
        last = self.offset + sum((size - 1) * stride for size, stride in zip(self.shape, self.strides))
        if len(self.shape) != len(self.strides) or min((0, self.offset, *self.shape, *self.strides)) < 0 or (
                0 not in self.shape and last >= len(numbers)):
            raise Refused(f"a tensor of shape {self.shape} reaches beyond its storage of {len(numbers)} numbers")
        if 0 in self.shape:
            return np.zeros(self.shape, numbers.dtype)
        if math.prod(self.shape) > len(numbers):
            raise Refused(f"a tensor of shape {self.shape} repeats the {len(numbers)} numbers of its storage")
        item = numbers.itemsize
        return np.lib.stride_tricks.as_strided(numbers[self.offset:], self.shape,
                                               [stride * item for stride in self.strides]).copy()


def rebuild_tensor(storage, offset, shape, strides, *_):
    return Tensor(storage, offset, shape, strides)


def rebuild_parameter(tensor, *_):
    return tensor


ALLOWED = {("collections", "OrderedDict"): collections.OrderedDict,
           ("argparse", "Namespace"): Settings,
           ("torch._utils", "_rebuild_tensor"): rebuild_tensor,
           ("torch._utils", "_rebuild_tensor_v2"): rebuild_tensor,
           ("torch._utils", "_rebuild_parameter"): rebuild_parameter}


class DataOnly(pickle.Unpickler):
    """An unpickler to which names are data. `storage(kind, key, count)` gives or makes a storage."""

    def __init__(self, file, storage):
        super().__init__(file, encoding="utf-8")
        self.storage = storage

    def find_class(self, module, name):
        if module == "torch" and name in TYPES:
            return name  # only ever part of a persistent id
        if (module, name) not in ALLOWED:
            raise Refused(f"the pickle names {module}.{name}, which is not among the names that rebuild weights; "
                          "nothing was executed")
        return ALLOWED[module, name]

    def persistent_load(self, identity):
        if not isinstance(identity, tuple) or len(identity) < 5 or identity[0] != "storage":
            raise Refused("the pickle refers to something that is no storage")
        kind, key, count = identity[1], identity[2], identity[4]
        if kind not in TYPES or not isinstance(count, int) or count < 0:
            raise Refused(f"the pickle refers to a storage of kind {kind!r} and {count!r} numbers")
        if len(identity) > 5 and identity[5] is not None:
            raise Refused("storages that are views of others were given up in PyTorch 0.4: save the file anew")
        return self.storage(kind, str(key), count)


def read_zip(path):
    with zipfile.ZipFile(path) as archive:
        pickles = [name for name in archive.namelist() if name.endswith("/data.pkl") or name == "data.pkl"]
        if len(pickles) != 1:
            raise Refused("a zip file without one data.pkl is no PyTorch checkpoint")
        folder = pickles[0][:-len("data.pkl")]
        if folder + "byteorder" in archive.namelist() and archive.read(folder + "byteorder") != b"little":
            raise Refused("the file was written on a big-endian machine")

        def storage(kind, key, count):
            found = Storage(kind, count)
            entry = archive.getinfo(f"{folder}data/{key}")
            if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != count * found.item_size():
                raise Refused(f"storage {key} has {entry.file_size} bytes, which is not what {count} numbers take")
            found.bytes = archive.read(entry)
            return found
        return DataOnly(io.BytesIO(archive.read(pickles[0])), storage).load()


def read_legacy(path):
    with open(path, "rb") as file:
        storages = {}

        def storage(kind, key, count):
            return storages.setdefault(key, Storage(kind, count))

        def load():
            return DataOnly(file, storage).load()
        if load() != MAGIC or load() != PROTOCOL:
            raise Refused("this is no PyTorch checkpoint")
        if load().get("little_endian") is not True:
            raise Refused("the file was written on a big-endian machine")
        contents = load()
        for key in load():  # the storages' order in the file: a count and the numbers each
            found = storages.get(str(key))
            count = int.from_bytes(file.read(8), "little")
            if found is None or found.count != count:
                raise Refused(f"storage {key} has {count} numbers, which is not what the tensors say")
            if count * found.item_size() > os.path.getsize(path) - file.tell():
                raise Refused(f"storage {key} of {count} numbers ends beyond the file: was it truncated?")
            found.bytes = file.read(count * found.item_size())
        return contents


def arrays(contents):
    """The tensors of a dictionary by name, as numpy arrays."""
    with refusing_what_is_damaged():
        found = {name: value.array() for name, value in contents.items()
                 if isinstance(name, str) and isinstance(value, Tensor)}
    if not found:
        raise Refused("there are no weights in this file")
    return found


def read_checkpoint(path):
    """What was saved: dictionaries, numbers, Settings, and Tensors for arrays()."""
    with refusing_what_is_damaged():
        contents = read_zip(path) if zipfile.is_zipfile(path) else read_legacy(path)
    if not isinstance(contents, dict):
        raise Refused("a checkpoint is a dictionary of weights, this is something else")
    return contents


@contextlib.contextmanager
def refusing_what_is_damaged():
    """A file may hold anything where a number or a tuple belongs, and break off anywhere."""
    try:
        yield
    except (pickle.UnpicklingError, zipfile.BadZipFile, ArithmeticError, AttributeError, EOFError, LookupError,
            MemoryError, RecursionError, TypeError, ValueError) as error:
        raise Refused(f"this is no PyTorch checkpoint, or it is damaged ({type(error).__name__}: {error})") from error
