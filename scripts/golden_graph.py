"""What golden-model and golden-vision share: graphs with the values of their nodes, and the files that hold them.

An implementation of its own, apart from the one in C++. Needs numpy.
"""
import hashlib
import json
import struct
from math import erf, sqrt

import numpy as np
from numpy.polynomial import chebyshev

# The numbers that fingerprints have for operations; attention_scores with windows or a bias have 12.
OPERATIONS = ["input", "linear", "feature_mean", "add", "multiply", "polynomial", "attention_scores",
              "attention_values", "add_constant", "mix_tokens", "merge_tokens", "token_mean"]
INPUTS = ("input", "left", "right", "query", "key", "scores", "value")


def interpolate(function, lower, upper, degree):
    coefficients = chebyshev.chebinterpolate(
        lambda u: np.vectorize(function)(lower + (upper - lower) * (u + 1) / 2), degree)
    return {"lower": lower, "upper": upper, "chebyshev": [float(c) for c in coefficients]}


def polynomial(p, x):
    return chebyshev.chebval((2 * x - p["lower"] - p["upper"]) / (p["upper"] - p["lower"]), p["chebyshev"])


def gelu(x):
    return x * (1 + erf(x / sqrt(2))) / 2


def double(matrix):
    return matrix.astype(np.float64)


def project(x, weights):
    return x @ double(weights["weight"]) + double(weights["bias"])


def with_norm_before(norm, weights):
    w = double(weights["weight"])
    return {"weight": (double(norm["gamma"])[:, None] * w).astype(np.float32),
            "bias": (double(norm["beta"]) @ w + double(weights["bias"])).astype(np.float32)}


class Graph:
    """Nodes in order of evaluation, each with the value that it has for one input."""

    def __init__(self, embedded):
        self.nodes, self.values, self.weights = [], {}, {}
        self.add("input", embedded, operation="input")

    def add(self, name, value, /, **fields):
        self.values[name] = value
        self.nodes.append({"name": name, **fields, "bound": 1.25 * float(np.abs(value).max())})
        return name

    def linear(self, name, source, weights):
        self.weights[name + ".weight"] = weights["weight"]
        self.weights[name + ".bias"] = weights["bias"]
        return self.add(name, project(self.values[source], weights), operation="linear", input=source, bias=True)

    def apply(self, name, source, p, replaces):
        return self.add(name, polynomial(p, self.values[source]), operation="polynomial", input=source,
                        replaces=replaces, **p)

    def multiply(self, name, left, right):
        return self.add(name, self.values[left] * self.values[right], operation="multiply", left=left, right=right)

    def sum(self, name, left, right):
        return self.add(name, self.values[left] + self.values[right], operation="add", left=left, right=right)

    def save(self, directory, version):
        sizes = (*self.values["input"].shape, self.values[self.nodes[-1]["name"]].shape[1])
        context, width, vocabulary = sizes
        document = {"format": "polyformer-graph", "version": version, "context": context, "width": width,
                    "vocabulary": vocabulary, "fingerprint": self._fingerprint(sizes), "nodes": self.nodes}
        (directory / "graph.json").write_text(json.dumps(document, indent=1) + "\n")
        write_safetensors(directory / "weights.safetensors", self.weights)

    def _fingerprint(self, sizes):
        ids = {node["name"]: i for i, node in enumerate(self.nodes)}
        out = _text("polyformer graph 2") + b"".join(map(_integer, (*sizes, len(self.nodes))))
        for node in self.nodes:
            out += _text(node["name"]) + struct.pack("<d", node["bound"]) + _integer(_number(node))
            out += b"".join(_integer(ids[node[key]]) for key in INPUTS if key in node)
            out += self._fields(node)
        return hashlib.blake2b(out, digest_size=32).hexdigest()

    def _fields(self, node):
        kind, weight = node["operation"], lambda what: self.weights[f"{node['name']}.{what}"]
        bias = lambda: _array(weight("bias"), "<f4") if node["bias"] else _integer(0)
        if kind == "linear":
            return _matrix(weight("weight")) + bias()
        if kind == "polynomial":
            return (struct.pack("<dd", node["lower"], node["upper"]) + _array(node["chebyshev"], "<f8")
                    + _text(node["replaces"]))
        if kind == "add_constant":
            return _matrix(weight("values"))
        if kind == "mix_tokens":
            return (_integer(len(node["sources"])) + b"".join(_array(tap, "<i4") for tap in node["sources"])
                    + _matrix(weight("weights")) + bias())
        if kind == "merge_tokens":
            return _integer(node["group"])
        if kind == "attention_scores":
            out = _integer(node["heads"]) + struct.pack("<d", node["scale"])
            if _number(node) == OPERATIONS.index(kind):
                return out
            return out + _integer(node["window"]) + _matrix(weight("bias") if node["bias"] else np.empty((0, 0)))
        if kind == "attention_values":
            return _integer(node["heads"]) + _integer(int(node["causal"])) + _matrix(weight("mask"))
        return b""


def _number(node):
    kind = node["operation"]
    special = kind == "attention_scores" and (node.get("window", 0) or node.get("bias", False))
    return len(OPERATIONS) if special else OPERATIONS.index(kind)


def _integer(value):
    return struct.pack("<Q", value)


def _array(values, kind):
    return _integer(np.size(values)) + np.asarray(values, kind).tobytes()


def _matrix(value):
    return _integer(value.shape[0]) + _integer(value.shape[1]) + _array(value, "<f4")


def _text(value):
    return _integer(len(value)) + value.encode()


def write_safetensors(path, tensors):
    header, data = {}, b""
    for key, tensor in tensors.items():
        encoded = np.ascontiguousarray(tensor, "<f4").tobytes()
        header[key] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(encoded)]}
        data += encoded
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def flatten(value, prefix=""):
    """The arrays in dictionaries and lists, by names with dots."""
    if isinstance(value, np.ndarray):
        return {prefix: value}
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return {name: leaf for key, child in items
            for name, leaf in flatten(child, f"{prefix}.{key}" if prefix else str(key)).items()}
