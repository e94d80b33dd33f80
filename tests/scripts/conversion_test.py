"""What scripts/to-safetensors makes of pickles, ONNX and glassllm's arrays, and what it refuses. Run by scripts/check-conversion.

The files of data/ are PyTorch's own: see scripts/golden-pickles.
"""
import collections
import json
import os
import pathlib
import pickle
import subprocess
import sys
import tempfile
import unittest
import zipfile

import numpy as np
from safetensors.numpy import load_file

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
DATA = pathlib.Path(__file__).resolve().parent / "data"
sys.path.insert(0, str(REPOSITORY / "scripts"))
import fairseq_roberta  # noqa: E402
import torch_pickle  # noqa: E402


def executes(*call):
    """What, unpickled, calls something."""
    return type("Trap", (), {"__reduce__": lambda self: call})()


class Pickles(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name) / "pytorch_model.bin"

    def tearDown(self):
        self.folder.cleanup()

    def legacy(self, contents, keys=()):
        parts = [torch_pickle.MAGIC, torch_pickle.PROTOCOL, {"little_endian": True}, contents, list(keys)]
        self.path.write_bytes(b"".join(pickle.dumps(part, protocol=2) for part in parts))

    def zipped(self, data, storages=(), compression=zipfile.ZIP_STORED):
        with zipfile.ZipFile(self.path, "w", compression) as archive:
            archive.writestr("archive/data.pkl", data)
            for key, value in storages:
                archive.writestr(f"archive/data/{key}", value)

    def refused(self, *parts):
        with self.assertRaises(torch_pickle.Refused) as caught:
            torch_pickle.arrays(torch_pickle.read_checkpoint(self.path))
        for part in parts:
            self.assertIn(part, str(caught.exception))

    def test_both_formats_give_what_was_saved(self):
        expected = load_file_with_brain(DATA / "weights.safetensors")
        for name in ("zip.bin", "legacy.bin"):
            found = torch_pickle.arrays(torch_pickle.read_checkpoint(DATA / name))
            self.assertEqual(found.keys(), expected.keys())
            for key, value in found.items():
                self.assertEqual(value.shape, expected[key].shape, key)
                self.assertTrue((value == expected[key]).all(), key)

    def test_nothing_is_executed(self):
        mark = pathlib.Path(self.folder.name) / "mark"
        touch = f"import pathlib; pathlib.Path({str(mark)!r}).touch()"
        for call in ((os.system, (f"touch {mark}",)), (exec, (touch,)), (subprocess.Popen, (["touch", str(mark)],)),
                     (eval, (f"__import__('pathlib').Path({str(mark)!r}).touch()",)), (getattr, ("", "join"))):
            refusal = f".{call[0].__name__}, which is not among the names", "nothing was executed"
            for contents in ({"weight": executes(*call)}, executes(*call)):
                self.legacy(contents)
                self.refused(*refusal)
                self.zipped(pickle.dumps(contents, protocol=2))
                self.refused(*refusal)
        self.assertFalse(mark.exists())

    def test_names_are_exact(self):
        # Protocol 4 allows dots in names: an attribute of what is allowed is not allowed.
        for module, name in ((b"collections", b"OrderedDict.fromkeys"), (b"torch._utils", b"torch.os.system"),
                             (b"torch", b"load"), (b"torch.storage", b"_load_from_bytes"), (b"argparse", b"sys")):
            stack_global = b"\x80\x04" + b"".join(b"\x8c" + bytes([len(part)]) + part for part in (module, name))
            self.zipped(stack_global + b"\x93.")
            self.refused(f"{module.decode()}.{name.decode()}")

    def test_what_is_damaged_is_refused(self):
        for whole in ((DATA / "zip.bin").read_bytes(), (DATA / "legacy.bin").read_bytes()):
            for size in [0, 1, 10, 100, *range(200, len(whole) - 1, 97), len(whole) - 1]:
                self.path.write_bytes(whole[:size])
                self.refused()

    def test_storages_must_have_what_tensors_take(self):
        def tensor(count, offset, shape, strides):
            """A zip file's data.pkl with one tensor, spelt out in opcodes."""
            def number(value):
                return b"I%d\n" % value
            row = b"(" + b"".join(map(number, shape)) + b"t", b"(" + b"".join(map(number, strides)) + b"t"
            identity = b"(Vstorage\nctorch\nFloatStorage\nV0\nVcpu\n" + number(count) + b"tQ"
            return (b"(dVw\nctorch._utils\n_rebuild_tensor_v2\n(" + identity + number(offset) + row[0] + row[1] +
                    b"I00\nNtRs.")
        self.zipped(tensor(4, 0, (2, 2), (2, 1)), [("0", np.arange(4, dtype="<f4").tobytes())])
        found = torch_pickle.arrays(torch_pickle.read_checkpoint(self.path))
        self.assertEqual(found["w"].tolist(), [[0, 1], [2, 3]])
        storage = [("0", bytes(16))]
        for arguments in ((4, 1, (2, 2), (2, 1)), (4, 0, (2, 3), (2, 1)), (4, -1, (2,), (1,)), (4, 0, (2, 2), (-1, 1)),
                          (4, 0, (2, 2), (1,))):
            self.zipped(tensor(*arguments), storage)
            self.refused("reaches beyond its storage")
        self.zipped(tensor(4, 0, (10**9,), (0,)), storage)
        self.refused("repeats")
        self.zipped(tensor(10**12, 0, (2,), (1,)), storage)
        self.refused("16 bytes")
        self.zipped(tensor(4, 0, (2,), (1,)), storage, zipfile.ZIP_DEFLATED)
        self.refused("16 bytes")

    def test_other_files_are_refused(self):
        self.path.write_bytes(b"no pickle at all")
        self.refused("no PyTorch checkpoint")
        self.legacy(["a", "list"])
        self.refused("a dictionary of weights")
        self.legacy(collections.OrderedDict(steps=3))
        self.refused("there are no weights")


class Folders(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.work = pathlib.Path(self.folder.name)

    def tearDown(self):
        self.folder.cleanup()

    def convert(self, *arguments, code=0):
        run = subprocess.run([sys.executable, REPOSITORY / "scripts/to-safetensors", *map(str, arguments)],
                             capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, code, run.stderr)
        return run.stderr

    def test_a_folder_keeps_what_lies_beside_the_weights(self):
        source = self.work / "source"
        (source / "1_Pooling").mkdir(parents=True)
        (source / "pytorch_model.bin").write_bytes((DATA / "zip.bin").read_bytes())
        for name in ("config.json", "vocab.txt", "modules.json", "1_Pooling/config.json"):
            (source / name).write_text("{}")
        self.convert(source, "--out", self.work / "out", "--set", 'model_type="bert"', "--without", "float",
                     "--without", "half")
        expected = load_file_with_brain(DATA / "weights.safetensors")
        found = load_file(self.work / "out/model.safetensors")
        self.assertEqual(set(found), set(expected) - {"float", "half"})
        self.assertEqual(found["double"].dtype, np.float32)
        self.assertTrue((found["columns"] == expected["columns"]).all())
        self.assertEqual(json.loads((self.work / "out/config.json").read_text()), {"model_type": "bert"})
        self.assertTrue((self.work / "out/vocab.txt").is_file() and (self.work / "out/1_Pooling/config.json").is_file())
        self.assertIn("no config.json", self.convert(DATA / "zip.bin", "--out", self.work / "other", code=1))
        self.assertEqual(sorted(path.name for path in self.work.iterdir()), ["out", "source"])
        self.assertIn("is there already", self.convert(source, "--out", self.work / "out", code=1))

    def test_fairseq_becomes_roberta(self):
        self.convert(DATA / "fairseq.pt", "--out", self.work / "out")
        config = json.loads((self.work / "out/config.json").read_text())
        tensors = load_file(self.work / "out/model.safetensors")
        self.assertEqual((config["model_type"], config["num_hidden_layers"], config["max_position_embeddings"]),
                         ("roberta", 2, 12))
        state = torch_pickle.arrays(torch_pickle.read_checkpoint(DATA / "fairseq.pt")["model"])
        for ours, theirs in {
                "roberta.encoder.layer.1.attention.self.key.weight": "sentence_encoder.layers.1.self_attn.k_proj.weight",
                "roberta.encoder.layer.0.attention.output.LayerNorm.bias":
                    "sentence_encoder.layers.0.self_attn_layer_norm.bias",
                "roberta.encoder.layer.1.output.dense.weight": "sentence_encoder.layers.1.fc2.weight",
                "roberta.encoder.layer.1.output.LayerNorm.weight":
                    "sentence_encoder.layers.1.final_layer_norm.weight",
                "roberta.embeddings.LayerNorm.weight": "sentence_encoder.emb_layer_norm.weight",
                "lm_head.decoder.weight": "lm_head.weight", "lm_head.bias": "lm_head.bias",
                "lm_head.layer_norm.bias": "lm_head.layer_norm.bias"}.items():
            self.assertTrue((tensors[ours] == state["decoder." + theirs]).all(), ours)
        words = json.loads((self.work / "out/tokenizer.json").read_text())["model"]["vocab"]
        self.assertEqual(list(words), ["<s>", "<pad>", "</s>", "<unk>", "A", "C", "D", "E", "<mask>"])

    def test_symbols_of_several_characters_stand_between_spaces(self):
        words = fairseq_roberta.tokenizer(["<s>", "<pad>", "</s>", "<unk>", "A", "<mask>"])["pre_tokenizer"]
        self.assertEqual(words["type"], "Sequence")
        words = fairseq_roberta.tokenizer(["<s>", "<pad>", "</s>", "<unk>", "A", "Al", "<mask>"])["pre_tokenizer"]
        self.assertEqual(words, {"type": "WhitespaceSplit"})

    def test_onnx_finds_its_names_again(self):
        self.convert(DATA / "bert.onnx", "--out", self.work / "out", "--longest", "7")
        expected = load_file(DATA / "bert.safetensors")
        found = load_file(self.work / "out/model.safetensors")
        self.assertEqual(set(found), set(expected))
        for name, value in found.items():
            self.assertTrue((value == expected[name]).all(), name)
        config = json.loads((self.work / "out/config.json").read_text())
        self.assertEqual([config[key] for key in ("hidden_size", "num_hidden_layers", "num_attention_heads",
                                                  "intermediate_size", "vocab_size", "hidden_act")],
                         [8, 2, 2, 12, 13, "gelu"])
        self.assertAlmostEqual(config["layer_norm_eps"], 1e-12)
        pooling = json.loads((self.work / "out/1_Pooling/config.json").read_text())
        self.assertTrue(pooling["pooling_mode_mean_tokens"] and not pooling["pooling_mode_cls_token"])
        self.assertEqual(json.loads((self.work / "out/sentence_bert_config.json").read_text())["max_seq_length"], 7)

    def test_glassllm_becomes_llama(self):
        width, heads, key_heads, hidden = 8, 2, 1, 3
        shapes = {"E": (7, width), "norm_f.gamma": (width,), "blocks.0.norm1.gamma": (width,),
                  "blocks.0.norm2.gamma": (width,), "blocks.0.attn.W_Q": (width, width),
                  "blocks.0.attn.W_K": (width, width // 2), "blocks.0.attn.W_V": (width, width // 2),
                  "blocks.0.attn.W_O": (width, width), "blocks.0.ffn.W1": (width, hidden),
                  "blocks.0.ffn.W3": (width, hidden), "blocks.0.ffn.W2": (hidden, width)}
        draw = np.random.default_rng(1)
        arrays = {name: draw.normal(size=shape).astype(np.float16) for name, shape in shapes.items()}
        settings = {"vocab_size": 7, "d_model": width, "n_layers": 1, "n_heads": heads, "n_kv_heads": key_heads,
                    "max_len": 9, "rope_base": 100.0, "eps": 1e-6}
        np.savez(self.work / "xy.npz", __config__=np.array(json.dumps(settings)), **arrays)
        (self.work / "xy.tokenizer.json").write_text(json.dumps({"version": 1, "alphabet": ["a", "▁"],
                                                                 "merges": [["▁", "a"]]}))
        self.convert(self.work / "xy.npz", "--out", self.work / "out")
        found = load_file(self.work / "out/model.safetensors")
        self.assertEqual(len(found), len(shapes))
        layer = "model.layers.0."
        self.assertTrue((found[layer + "mlp.down_proj.weight"] == arrays["blocks.0.ffn.W2"].T).all())
        self.assertTrue((found[layer + "self_attn.v_proj.weight"] == arrays["blocks.0.attn.W_V"].T).all())
        # Features 0 and 1 of a head turn together there, 0 and 2 of four here.
        queries = found[layer + "self_attn.q_proj.weight"]
        self.assertTrue((queries == arrays["blocks.0.attn.W_Q"].T[[0, 2, 1, 3, 4, 6, 5, 7]]).all())
        keys = found[layer + "self_attn.k_proj.weight"]
        self.assertTrue((keys == arrays["blocks.0.attn.W_K"].T[[0, 2, 1, 3]]).all())
        config = json.loads((self.work / "out/config.json").read_text())
        self.assertEqual([config[key] for key in ("model_type", "intermediate_size", "rope_theta", "num_key_value_heads")],
                         ["llama", hidden, 100.0, key_heads])
        words = json.loads((self.work / "out/tokenizer.json").read_text())["model"]["vocab"]
        self.assertEqual(list(words), ["<pad>", "<unk>", "<bos>", "<eos>", "a", "▁", "▁a"])

    def test_a_pickle_that_would_execute_is_refused(self):
        source = self.work / "bad.bin"
        source.write_bytes(pickle.dumps(executes(os.system, ("true",))))
        message = self.convert(source, "--out", self.work / "out", code=1)
        self.assertIn("bad.bin: the pickle names posix.system", message)


def load_file_with_brain(path):
    """numpy has no bfloat16: read by hand, as float32."""
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:8 + length])
    types = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "BOOL": "?"}
    found = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        start, end = (8 + length + offset for offset in entry["data_offsets"])
        if entry["dtype"] == "BF16":
            values = (np.frombuffer(raw[start:end], "<u2").astype("<u4") << 16).view("<f4")
        else:
            values = np.frombuffer(raw[start:end], types[entry["dtype"]])
        found[name] = values.reshape(entry["shape"])
    return found


if __name__ == "__main__":
    unittest.main()
