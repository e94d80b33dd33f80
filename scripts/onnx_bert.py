"""A BERT out of an ONNX file as PyTorch exports it: its weights under Hugging Face's names, its config.json.

Exports keep the names of biases and norms; the matrix of a linear map is transposed and has lost its name, but the map
still adds a named bias. Nothing in the graph is run. Needs the package onnx.
"""
import onnx
import onnx.numpy_helper

ACTIVATIONS = {"Erf": "gelu", "Tanh": "gelu_new", "Relu": "relu", "Gelu": "gelu"}


class Graph:
    def __init__(self, path):
        self.graph = onnx.load(path).graph
        self.values = {t.name: onnx.numpy_helper.to_array(t) for t in self.graph.initializer}
        for node in self.graph.node:
            if node.op_type == "Constant" and node.attribute[0].name == "value":
                self.values[node.output[0]] = onnx.numpy_helper.to_array(node.attribute[0].t)
        self.readers = {}
        for node in self.graph.node:
            for name in node.input:
                self.readers.setdefault(name, []).append(node)

    def named_weights(self):
        """Every weight under the name that it has in PyTorch."""
        found = {t.name: self.values[t.name] for t in self.graph.initializer if "::" not in t.name}
        for node in self.graph.node:
            if node.op_type not in ("MatMul", "Gemm") or len(node.input) < 2 or node.input[1] not in self.values:
                continue
            matrix = self.values[node.input[1]]
            transposed = node.op_type == "Gemm" and any(a.name == "transB" and a.i == 1 for a in node.attribute)
            biases = list(node.input[2:]) + [name for reader in self.readers.get(node.output[0], [])
                                             if reader.op_type == "Add" for name in reader.input]
            bias = next((name for name in biases if name.endswith(".bias") and name in self.values), None)
            if bias is None:
                raise ValueError(f"the map '{node.name}' adds no named bias: its weight cannot be told from others")
            name = bias.removesuffix("bias") + "weight"
            found.pop(node.input[1], None)
            found[name] = matrix if transposed else matrix.T
        return found

    def head_width(self):
        """The last of the sizes that queries are reshaped to: (texts, tokens, heads, width)."""
        for node in self.graph.node:
            if node.op_type == "Reshape" and "/attention/self/" in node.name:
                shape = node.input[1]
                if shape in self.values:
                    return int(self.values[shape].flatten()[-1])
                concat = next((n for n in self.graph.node if shape in n.output and n.op_type == "Concat"), None)
                if concat and len(concat.input) == 4 and concat.input[3] in self.values:
                    return int(self.values[concat.input[3]].flatten()[-1])
        raise ValueError("the file does not show how many heads attention has: give --heads")

    def epsilon(self):
        """Of the first LayerNorm, whether a node of its own or spelt out."""
        for node in self.graph.node:
            if node.op_type == "LayerNormalization":
                return next((a.f for a in node.attribute if a.name == "epsilon"), 1e-5)
            if node.op_type == "Add" and "LayerNorm" in node.name:
                for name in node.input:
                    if name in self.values and self.values[name].size == 1:
                        return float(self.values[name].flatten()[0])
        raise ValueError("there is no LayerNorm in this file")

    def activation(self):
        for node in self.graph.node:
            if "/intermediate/" in node.name and node.op_type in ACTIVATIONS:
                return ACTIVATIONS[node.op_type]
        raise ValueError(f"no activation that is known ({', '.join(ACTIVATIONS)}) lies between the maps of a layer")

    def takes_mean(self):
        """Whether the last layer is followed by a mean over tokens: a sum by the attention mask, and a division."""
        kinds = {node.op_type for node in self.graph.node[self.last_norm():]}
        return {"ReduceSum", "Div"} <= kinds or "ReduceMean" in kinds

    def last_norm(self):
        norms = [i for i, node in enumerate(self.graph.node) if "/encoder/" in node.name and "/LayerNorm/" in node.name]
        return norms[-1] + 1 if norms else len(self.graph.node)


def convert(path, heads=None):
    """(config.json, tensors, 'mean' or None) of an encoder, without a head."""
    graph = Graph(path)
    weights = graph.named_weights()
    anchor = "embeddings.word_embeddings.weight"
    prefixes = [name.removesuffix(anchor) for name in weights if name.endswith(anchor)]
    if len(prefixes) != 1:
        raise ValueError(f"'{anchor}' must occur once, but occurs {len(prefixes)} times: this is no BERT")
    tensors = {name.removeprefix(prefixes[0]): value for name, value in weights.items()
               if name.startswith(prefixes[0]) and value.dtype.kind == "f"}
    vocabulary, width = tensors[anchor].shape
    layers = 1 + max(int(name.split(".")[2]) for name in tensors if name.startswith("encoder.layer."))
    config = {
        "architectures": ["BertModel"], "model_type": "bert", "vocab_size": vocabulary, "hidden_size": width,
        "num_hidden_layers": layers, "num_attention_heads": heads or width // graph.head_width(),
        "intermediate_size": tensors["encoder.layer.0.intermediate.dense.weight"].shape[0],
        "hidden_act": graph.activation(),
        "max_position_embeddings": tensors["embeddings.position_embeddings.weight"].shape[0],
        "type_vocab_size": tensors["embeddings.token_type_embeddings.weight"].shape[0],
        "layer_norm_eps": float(f"{graph.epsilon():.6g}"), "position_embedding_type": "absolute", "pad_token_id": 0}
    return config, tensors, "mean" if graph.takes_mean() else None
