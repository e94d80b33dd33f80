"""A RoBERTa of fairseq under the names of Hugging Face's `transformers`, with a tokenizer of one symbol a token."""


def rename(name):
    """fairseq's name of a tensor → Hugging Face's."""
    name = name.removeprefix("decoder.").removeprefix("encoder.")
    head = {"lm_head.weight": "lm_head.decoder.weight", "lm_head.bias": "lm_head.bias"}
    if name in head or name.startswith("lm_head."):
        return head.get(name, name)
    for old, new in (("sentence_encoder.", "roberta."),
                     ("embed_tokens.", "embeddings.word_embeddings."),
                     ("embed_positions.", "embeddings.position_embeddings."),
                     ("emb_layer_norm.", "embeddings.LayerNorm."), ("layernorm_embedding.", "embeddings.LayerNorm."),
                     ("layers.", "encoder.layer."),
                     (".self_attn.q_proj.", ".attention.self.query."), (".self_attn.k_proj.", ".attention.self.key."),
                     (".self_attn.v_proj.", ".attention.self.value."),
                     (".self_attn.out_proj.", ".attention.output.dense."),
                     (".self_attn_layer_norm.", ".attention.output.LayerNorm."),
                     (".fc1.", ".intermediate.dense."), (".fc2.", ".output.dense."),
                     (".final_layer_norm.", ".output.LayerNorm.")):
        name = name.replace(old, new)
    return name


def convert(settings, weights, symbols):
    """(config.json, tensors, tokenizer.json) from the settings of the training run, its weights and dict.txt's lines."""
    if settings.get("activation_fn") not in ("gelu", "gelu_accurate", "relu"):
        raise ValueError(f"the activation {settings.get('activation_fn')} has no name in Hugging Face's RoBERTa")
    if settings.get("encoder_normalize_before", False) or settings.get("untie_weights_roberta", False):
        raise ValueError("norms before the sum and untied weights have no form in Hugging Face's RoBERTa")
    if settings.get("bpe"):
        raise ValueError(f"texts were taken apart by '{settings['bpe']}' before dict.txt: that has no form here yet")
    words = ["<s>", "<pad>", "</s>", "<unk>"] + [line.rsplit(" ", 1)[0] for line in symbols] + ["<mask>"]
    tensors = {rename(name): value for name, value in weights.items()}
    embedding = tensors["roberta.embeddings.word_embeddings.weight"]
    if len(words) != len(embedding):
        raise ValueError(f"dict.txt gives {len(words)} tokens with the special ones, but the weights know {len(embedding)}")
    tensors["roberta.embeddings.token_type_embeddings.weight"] = embedding[:1] * 0
    config = {
        "architectures": ["RobertaForMaskedLM"], "model_type": "roberta", "vocab_size": len(words),
        "hidden_size": int(embedding.shape[1]), "num_hidden_layers": settings["encoder_layers"],
        "num_attention_heads": settings["encoder_attention_heads"],
        "intermediate_size": settings["encoder_ffn_embed_dim"],
        "hidden_act": {"gelu": "gelu", "gelu_accurate": "gelu_new", "relu": "relu"}[settings["activation_fn"]],
        "max_position_embeddings": int(tensors["roberta.embeddings.position_embeddings.weight"].shape[0]),
        "type_vocab_size": 1, "layer_norm_eps": 1e-5, "position_embedding_type": "absolute",
        "bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2,
        "tie_word_embeddings": bool((tensors["lm_head.decoder.weight"] == embedding).all())}
    return config, tensors, tokenizer(words)


def tokenizer(words):
    """tokenizer.json: a token is what stands between spaces, or, where all symbols are one character, each of them; <s>
    before and </s> behind."""
    special_words = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
    between_spaces = {"type": "WhitespaceSplit"}
    characters = {"type": "Split", "pattern": {"Regex": "[\\s\\S]"}, "behavior": "Isolated", "invert": False}
    single = all(len(word) == 1 for word in words if word not in special_words)

    def special(word):
        return {"id": words.index(word), "content": word, "single_word": False, "lstrip": False, "rstrip": False,
                "normalized": False, "special": True}

    def piece(word):
        return {"SpecialToken": {"id": word, "type_id": 0}}
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [special(word) for word in special_words],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [between_spaces, characters]} if single else between_spaces,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [piece("<s>"), {"Sequence": {"id": "A", "type_id": 0}}, piece("</s>")],
            "pair": [piece("<s>"), {"Sequence": {"id": "A", "type_id": 0}}, piece("</s>"), piece("</s>"),
                     {"Sequence": {"id": "B", "type_id": 0}}, piece("</s>")],
            "special_tokens": {word: {"id": word, "ids": [words.index(word)], "tokens": [word]}
                               for word in ("<s>", "</s>")}},
        "decoder": {"type": "Fuse"},
        "model": {"type": "WordLevel", "vocab": {word: i for i, word in enumerate(words)}, "unk_token": "<unk>"}}
