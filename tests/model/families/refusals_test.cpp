// Folders that cannot be imported, each one change away from one that can.
#include <algorithm>

#include "polyformer/model/families/read_checkpoint.h"
#include "tests/model/fixtures.h"

namespace polyformer::model {
namespace {

using nlohmann::json;

/// A copy of a golden checkpoint, to be spoilt.
class Refusals : public testing::Test {
  protected:
    void copy(const char* name) {
        folder_ = scratch_.path() / "model";
        std::filesystem::remove_all(folder_);
        std::filesystem::copy(std::filesystem::path(POLYFORMER_TEST_DATA) / "checkpoints" / name, folder_,
                              std::filesystem::copy_options::recursive);
    }

    template <class Change>
    void change_json(const char* file, const Change& change) {
        json document = json::parse(read_file(folder_ / file));
        change(document);
        write_file(folder_ / file, document.dump());
    }

    /// The tensors again, as float32, after a change of them.
    template <class Change>
    void change_weights(const Change& change) {
        const std::filesystem::path file = folder_ / "model.safetensors";
        FloatTensors tensors = read_safetensors(file);
        change(tensors);
        FloatTensorViews views;
        for (const auto& [name, tensor] : tensors) views[name] = {tensor.shape, tensor.values};
        write_safetensors(views, file);
    }

    template <class E = FormatError>
    void expect_refused(const std::vector<std::string>& parts) const {
        expect_error<E>([&] { read_checkpoint(folder_, 6); }, parts);
    }

    /// The config is judged before a weight is read: without weights the message is the same.
    void expect_setting_refused(const char* key, const json& value, const std::vector<std::string>& parts) {
        copy("distilbert-plain");
        std::filesystem::remove(folder_ / "model.safetensors");
        change_json("config.json", [&](json& config) { config[key] = value; });
        expect_refused(parts);
    }

    const ScratchDirectory scratch_;
    std::filesystem::path folder_;
};

TEST_F(Refusals, WhatAConfigAsksForAndWeLackIsNamed) {
    expect_setting_refused(
        "model_type", "deberta-v2",
        {"'deberta-v2'", "bert, distilbert, roberta, xlm-roberta, camembert, llama, mistral, qwen2, gpt2 can"});
    expect_setting_refused("model_type", nullptr, {"'model_type'", "is missing", "\"bert\""});
    expect_setting_refused("position_embedding_type", "relative_key",
                           {"'position_embedding_type' is \"relative_key\"", "absolute"});
    expect_setting_refused("is_decoder", true, {"'is_decoder' is true"});
    expect_setting_refused("add_cross_attention", true, {"'add_cross_attention'"});
    expect_setting_refused("pruned_heads", {{"0", {1}}}, {"'pruned_heads'"});
    expect_setting_refused("quantization_config", {{"bits", 4}}, {"'quantization_config'", "float16"});
    expect_setting_refused("auto_map", {{"AutoModel", "x.py"}}, {"'auto_map'", "code of its own"});
    expect_setting_refused("problem_type", "multi_label_classification", {"'problem_type'", "exclude each other"});
    expect_setting_refused("activation", "quick_gelu", {"'activation' is 'quick_gelu'", "gelu_new"});
    expect_setting_refused("architectures", {"DistilBertForQuestionAnswering"},
                           {"'DistilBertForQuestionAnswering'", "ForSequenceClassification"});
    expect_setting_refused("architectures", nullptr, {"'architectures' is missing"});
    expect_setting_refused("architectures", {"A", "B"}, {"must hold one name"});
    expect_setting_refused("n_heads", 3, {"3 heads do not divide a width of 8"});
    expect_setting_refused("n_heads", 0, {"'n_heads' must be a whole number from 1"});
    expect_setting_refused("n_layers", nullptr, {"'n_layers' is missing"});
    expect_setting_refused("dim", "8", {"'dim' must be a whole number"});
    expect_setting_refused("id2label", {{"1", "a"}}, {"'id2label'", "no text under \"0\""});
}

TEST_F(Refusals, ClassesMustBeTwo) {
    copy("bert-classes");
    change_json("config.json", [](json& config) { config["id2label"] = {{"0", "score"}}; });
    expect_refused({"has 1 labels", "regression"});
}

TEST_F(Refusals, LabelsMustBeOnesThatCanBeShown) {
    copy("bert-classes");
    change_json("config.json", [](json& config) { config["id2label"]["1"] = "good"; });
    expect_refused({"config.json", "'good', is there twice"});
}

TEST_F(Refusals, FurtherSettingsAndNullsDoNotMatter) {
    copy("distilbert-plain");
    change_json("config.json", [](json& config) {
        config["something_new"] = {1, 2};
        config["position_embedding_type"] = nullptr;
        config["pruned_heads"] = json::object();
        config["id2label"] = nullptr;
    });
    EXPECT_NO_THROW(read_checkpoint(folder_, 6));
}

TEST_F(Refusals, CountedLabelsStandForWrongNames) {
    copy("bert-classes");
    change_json("config.json", [](json& config) {
        config["id2label"] = {{"0", "LABEL_0"}, {"1", "LABEL_1"}};
        config["num_labels"] = 3;
    });
    EXPECT_EQ(read_checkpoint(folder_, 6).text.labels, (std::vector<std::string>{"LABEL_0", "LABEL_1", "LABEL_2"}));
}

TEST_F(Refusals, LabelsThatTheConfigLeavesOutAreTwo) {
    copy("bert-classes");
    change_json("config.json", [](json& config) { config.erase("id2label"); });
    expect_refused({"'classifier.weight'", "[3, ", "[2, "});
    change_weights([](FloatTensors& tensors) {
        for (const char* const name : {"classifier.weight", "classifier.bias"}) {
            FloatTensor& tensor = tensors.at(name);
            tensor.values.resize(tensor.values.size() / 3 * 2);
            tensor.shape[0] = 2;
        }
    });
    EXPECT_EQ(read_checkpoint(folder_, 6).text.labels, (std::vector<std::string>{"LABEL_0", "LABEL_1"}));
}

TEST_F(Refusals, MissingTensorsWrongShapesAndStrangersAreNamed) {
    copy("distilbert-masked");
    change_weights([](FloatTensors& tensors) { tensors.erase("distilbert.transformer.layer.1.ffn.lin1.bias"); });
    expect_refused({"model.safetensors", "'transformer.layer.1.ffn.lin1.bias' of shape [12]", "'distilbert.'"});

    copy("distilbert-masked");
    change_json("config.json", [](json& config) { config["hidden_dim"] = 16; });
    expect_refused({"'distilbert.transformer.layer.0.ffn.lin1.weight'", "[12, 8]", "[16, 8]"});

    copy("distilbert-masked");
    change_weights([](FloatTensors& tensors) { tensors["distilbert.adapter.weight"] = {{1}, {2}}; });
    expect_refused({"1 tensors have no place", "'distilbert.adapter.weight'"});

    copy("distilbert-masked");
    change_json("config.json", [](json& config) { config["n_layers"] = 1; });
    expect_refused({"16 tensors have no place", "'distilbert.transformer.layer.1.attention.k_lin.bias'", "..."});

    copy("distilbert-masked");
    change_json("config.json", [](json& config) { config["tie_word_embeddings"] = false; });
    expect_refused({"'vocab_projector.weight' of shape [13, 8]"});
}

TEST_F(Refusals, AHeadOfAnotherTaskIsLeftOut) {
    copy("distilbert-masked");
    change_json("config.json", [](json& config) { config["architectures"] = {"DistilBertModel"}; });
    EXPECT_EQ(read_checkpoint(folder_, 6).graph.vocabulary, 8U);
    copy("bert-pretraining");
    change_json("config.json", [](json& config) { config["architectures"] = {"BertModel"}; });
    EXPECT_EQ(read_checkpoint(folder_, 6).graph.vocabulary, 8U);
}

TEST_F(Refusals, WeightsThatAreTooLargeTogetherAreTheFilesFault) {
    copy("distilbert-plain");
    change_weights([](FloatTensors& tensors) {
        for (auto& [name, tensor] : tensors) {
            if (name.ends_with("layer_norm.weight") || name.ends_with("lin1.weight")) {
                std::ranges::fill(tensor.values, 3e38F);
            }
        }
    });
    expect_refused({"model: node '", "inf", "finite", "damaged"});
}

TEST_F(Refusals, PicklesAreNeverLoaded) {
    for (const char* name : {"pytorch_model.bin", "checkpoint.pt", "weights.pth", "last.ckpt"}) {
        copy("distilbert-plain");
        std::filesystem::rename(folder_ / "model.safetensors", folder_ / name);
        expect_refused({name, "a pickle", "scripts/to-safetensors"});
    }
    for (const std::string& start : {std::string("PK\x03\x04 zipped"), std::string("\x80\x02\x8a\nl\xfc\x9c"
                                                                                   "F\xf9 j")}) {
        copy("distilbert-plain");
        write_file(folder_ / "model.safetensors", start);
        expect_refused({"model.safetensors", "a pickle", "scripts/to-safetensors"});
    }
    copy("distilbert-plain");
    expect_error<FormatError>(
        [&] {
            std::filesystem::rename(folder_ / "model.safetensors", folder_ / "a.onnx");
            read_checkpoint(folder_ / "a.onnx", 6);
        },
        {"a.onnx", "scripts/to-safetensors"});
    std::filesystem::rename(folder_ / "a.onnx", folder_ / "tf_model.h5");
    expect_refused({"tf_model.h5", "TensorFlow's"});
    std::filesystem::remove(folder_ / "tf_model.h5");
    expect_refused({"neither model.safetensors nor"});
}

TEST_F(Refusals, FilesThatAreMissingAreNamed) {
    copy("distilbert-plain");
    std::filesystem::remove(folder_ / "tokenizer.json");
    expect_refused<IoError>({"neither tokenizer.json nor vocab.txt"});
    write_file(folder_ / "vocab.txt", "[PAD]\n");
    EXPECT_EQ(read_checkpoint(folder_, 6).tokenizer_file, folder_ / "vocab.txt");
    std::filesystem::remove(folder_ / "config.json");
    expect_refused<IoError>({"config.json"});
    folder_ = scratch_.path() / "elsewhere";
    expect_refused<IoError>({"elsewhere: this is no folder", "config.json"});
}

TEST_F(Refusals, ShardsMustBeTheFoldersOwn) {
    copy("bert-first-dense");
    std::filesystem::remove(folder_ / "model-00002-of-00002.safetensors");
    expect_refused<IoError>({"model-00002-of-00002.safetensors", "missing"});

    copy("bert-first-dense");
    change_json("model.safetensors.index.json", [](json& index) {
        for (auto& [name, file] : index["weight_map"].items()) file = "../model.safetensors";
    });
    expect_refused({"index.json", "\"../model.safetensors\"", "no safetensors file of the folder"});

    copy("bert-first-dense");
    std::filesystem::copy(folder_ / "model-00001-of-00002.safetensors", folder_ / "model-00002-of-00002.safetensors",
                          std::filesystem::copy_options::overwrite_existing);
    expect_refused({"model-00002-of-00002.safetensors", "in another file of the folder too"});
}

TEST_F(Refusals, ModulesThatWeLackAreNamed) {
    copy("bert-first-dense");
    change_json("1_Pooling/config.json", [](json& pooling) { pooling["pooling_mode_max_tokens"] = true; });
    expect_refused({"1_Pooling", "cls_token and max_tokens"});
    change_json("1_Pooling/config.json", [](json& pooling) { pooling = {{"pooling_mode", "lasttoken"}}; });
    expect_refused({"1_Pooling", "the pooling is lasttoken"});

    copy("bert-first-dense");
    change_json("2_Dense/config.json", [](json& dense) { dense["activation_function"] = "torch.nn.ReLU"; });
    expect_refused({"2_Dense", "'torch.nn.ReLU'", "Tanh"});
    change_json("2_Dense/config.json", [](json& dense) {
        dense["activation_function"] = "torch.nn.Identity";
        dense["in_features"] = 9;
    });
    expect_refused({"2_Dense", "'in_features' is 9, but 8"});

    copy("bert-first-dense");
    change_json("modules.json", [](json& modules) { modules[1]["type"] = "x.LSTM"; });
    expect_refused({"modules.json", "'x.LSTM'"});
    change_json("modules.json", [](json& modules) { modules.erase(1); });
    expect_refused({"modules.json", "the letters TD"});
    change_json("modules.json", [](json& modules) { modules[0]["path"] = "../x"; });
    expect_refused({"modules.json", "'../x' leads out"});
}

TEST_F(Refusals, MapsBehindThePoolingMayHaveNoBias) {
    copy("bert-first-dense");
    change_json("2_Dense/config.json", [](json& dense) { dense["bias"] = false; });
    expect_refused({"2_Dense", "'linear.bias'", "have no place"});
    const FloatTensors tensors = read_safetensors(folder_ / "2_Dense/model.safetensors");
    const FloatTensor& weight = tensors.at("linear.weight");
    write_safetensors({{"linear.weight", {weight.shape, weight.values}}}, folder_ / "2_Dense/model.safetensors");
    EXPECT_EQ(read_checkpoint(folder_, 6).graph.vocabulary, 5U);
}

TEST_F(Refusals, APromptIsToldOf) {
    copy("bert-mean");
    write_file(folder_ / "config_sentence_transformers.json",
               R"({"prompts":{"query":"query: "},"default_prompt_name":null})");
    EXPECT_TRUE(read_checkpoint(folder_, 6).notes.empty());
    write_file(folder_ / "config_sentence_transformers.json",
               R"({"prompts":{"query":"query: "},"default_prompt_name":"query"})");
    const std::vector<std::string> notes = read_checkpoint(folder_, 6).notes;
    ASSERT_EQ(notes.size(), 1U);
    EXPECT_THAT(notes[0], testing::HasSubstr("'query: ' before each text"));
}

TEST_F(Refusals, LowerCaseIsTheTokenizersOwn) {
    copy("bert-mean");
    change_json("sentence_bert_config.json", [](json& settings) { settings["do_lower_case"] = true; });
    expect_refused({"'do_lower_case'", "tokenizer.json"});
    change_json("tokenizer.json", [](json& tokenizer) {
        tokenizer["normalizer"] = {{"type", "BertNormalizer"}, {"lowercase", true}};
    });
    EXPECT_NO_THROW(read_checkpoint(folder_, 6));
}

}  // namespace
}  // namespace polyformer::model
