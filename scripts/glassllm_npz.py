"""A model of the package glassllm, weights and tokenizer, under the names and in the order of Hugging Face's LLaMA.

It keeps maps as (inputs, outputs), turns features 2j and 2j + 1 of a head together, and its tokenizer joins characters
within chunks that a pattern finds. Nothing of the package is run.
"""
import json

import numpy as np

SPECIAL = ["<pad>", "<unk>", "<bos>", "<eos>"]
SPACE = "▁"
LAYER = {"norm1.gamma": "input_layernorm.weight", "norm2.gamma": "post_attention_layernorm.weight",
         "attn.W_Q": "self_attn.q_proj.weight", "attn.W_K": "self_attn.k_proj.weight",
         "attn.W_V": "self_attn.v_proj.weight", "attn.W_O": "self_attn.o_proj.weight",
         "ffn.W1": "mlp.gate_proj.weight", "ffn.W3": "mlp.up_proj.weight", "ffn.W2": "mlp.down_proj.weight"}
WHOLE = {"E": "model.embed_tokens.weight", "norm_f.gamma": "model.norm.weight"}


def name_of(name):
    if not name.startswith("blocks."):
        return WHOLE[name]
    _, layer, part = name.split(".", 2)
    return f"model.layers.{layer}.{LAYER[part]}"


def in_halves(rows, heads):
    """Features of each head: the first of every pair, then the second ones."""
    return rows.reshape(heads, -1, 2, rows.shape[1]).swapaxes(1, 2).reshape(rows.shape)


def tokenizer(alphabet, merges):
    """tokenizer.json of the same meaning. Special tokens are never found in a text."""
    def replace(what, by):
        return {"type": "Replace", "pattern": what, "content": by}
    pieces = SPECIAL + alphabet + [left + right for left, right in merges]
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [],
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, replace({"String": " "}, SPACE)]},
        "pre_tokenizer": {"type": "Split", "pattern": {"Regex": r"\n|▁*[^▁\n]+|▁+"}, "behavior": "Isolated",
                          "invert": False},
        "post_processor": None,
        "decoder": {"type": "Sequence", "decoders": [
            replace({"String": "<unk>"}, "⁇"), replace({"Regex": "<pad>|<bos>|<eos>"}, ""),
            replace({"String": SPACE}, " "), {"type": "Fuse"}]},
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                  "vocab": {piece: i for i, piece in enumerate(pieces)}, "merges": merges}}


def convert(path, vocabulary):
    """(config.json, tensors, tokenizer.json) of NAME.npz and NAME.tokenizer.json."""
    with np.load(path, allow_pickle=False) as data:
        settings = json.loads(str(data["__config__"]))
        arrays = {name: data[name] for name in data.files if name != "__config__"}
    tensors = {}
    for name, value in arrays.items():
        rows = value.T if value.ndim == 2 and name != "E" else value
        if name.endswith("attn.W_Q"):
            rows = in_halves(rows, settings["n_heads"])
        if name.endswith("attn.W_K"):
            rows = in_halves(rows, settings["n_kv_heads"])
        tensors[name_of(name)] = rows
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": settings["vocab_size"],
        "hidden_size": settings["d_model"], "num_hidden_layers": settings["n_layers"],
        "num_attention_heads": settings["n_heads"], "num_key_value_heads": settings["n_kv_heads"],
        "intermediate_size": arrays["blocks.0.ffn.W1"].shape[1], "hidden_act": "silu",
        "max_position_embeddings": settings["max_len"], "rms_norm_eps": settings["eps"],
        "rope_theta": settings["rope_base"], "attention_bias": False, "mlp_bias": False, "tie_word_embeddings": True}
    words = json.loads(vocabulary.read_text(encoding="utf-8"))
    return config, tensors, tokenizer(words["alphabet"], words["merges"])
