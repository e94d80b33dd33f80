#include "train/config.h"

#include <cmath>
#include <initializer_list>
#include <set>
#include <utility>

#include "support/atomic_file.h"
#include "support/error.h"

namespace polyformer::train {
namespace {

using Json = nlohmann::ordered_json;

// One object of the configuration: reads its keys, each within bounds, and refuses those that nobody asked for.
class Section {
  public:
    Section(const Json& json, std::string place) : json_(json), place_(std::move(place)) {
        require<FormatError>(json.is_object(), "{}: expected an object in braces, found {}", place_, json.type_name());
    }

    void read(const char* key, double& value, double least, double most) {
        const Json* found = find(key);
        if (found == nullptr) return;
        require<FormatError>(found->is_number(), "{}.{}: expected a number, found {}", place_, key, found->dump());
        value = found->get<double>();
        require<FormatError>(std::isfinite(value) && value >= least && value <= most, "{}.{}: {} is outside [{}, {}]",
                             place_, key, value, least, most);
    }

    void read(const char* key, std::size_t& value, std::size_t least, std::size_t most) {
        const Json* found = find(key);
        if (found == nullptr) return;
        require<FormatError>(found->is_number_unsigned(), "{}.{}: expected a whole number, found {}", place_, key,
                             found->dump());
        value = found->get<std::size_t>();
        require<FormatError>(value >= least && value <= most, "{}.{}: {} is outside [{}, {}]", place_, key, value,
                             least, most);
    }

    std::string choice(const char* key, const std::string& otherwise, std::initializer_list<const char*> allowed) {
        const Json* found = find(key);
        if (found == nullptr) return otherwise;
        std::string list;
        for (const char* name : allowed) {
            if (*found == name) return name;
            list += list.empty() ? name : fmt::format(", {}", name);
        }
        fail<FormatError>("{}.{}: {} is none of: {}", place_, key, found->dump(), list);
    }

    template <class Read>
    void section(const char* key, const Read& read_section) {
        const Json* found = find(key);
        if (found == nullptr) return;
        Section inner(*found, fmt::format("{}.{}", place_, key));
        read_section(inner);
        inner.refuse_unknown();
    }

    void refuse_unknown() const {
        for (const auto& [key, value] : json_.items()) {
            std::string known;
            for (const std::string& name : asked_) known += known.empty() ? name : ", " + name;
            require<FormatError>(asked_.contains(key), "{}: unknown key '{}' (known: {})", place_, key, known);
        }
    }

  private:
    const Json* find(const char* key) {
        asked_.insert(key);
        const auto found = json_.find(key);
        return found == json_.end() ? nullptr : &*found;
    }

    const Json& json_;
    std::string place_;
    std::set<std::string> asked_;
};

void read_schedule(Section& section, Schedule& schedule) {
    section.read("epochs", schedule.epochs, 0, 1000);
    section.read("batch", schedule.batch, 1, 65536);
    section.read("learning_rate", schedule.learning_rate, 1e-8, 1);
    section.read("warmup_steps", schedule.warmup_steps, 0, 1000000);
    section.read("weight_decay", schedule.weight_decay, 0, 1);
    section.read("dropout", schedule.dropout, 0, 0.9);
    section.read("gradient_clip", schedule.gradient_clip, 1e-3, 1e6);
    section.read("range_weight", schedule.range_weight, 0, 1e6);
    section.read("variance_weight", schedule.variance_weight, 0, 1e6);
}

}  // namespace

Config parse_config(const std::string& text, const std::string& origin) {
    Json json;
    try {
        json = Json::parse(text);
    } catch (const Json::parse_error& error) {
        fail<FormatError>("{} is not valid JSON: {}", origin, error.what());
    }
    Config config;
    Section root(json, origin);
    std::size_t seed = config.seed;
    root.read("seed", seed, 0, std::size_t{1} << 53);
    config.seed = seed;
    root.section("model", [&](Section& section) {
        Architecture& model = config.model;
        section.read("layers", model.layers, 1, 256);
        section.read("width", model.width, 1, 16384);
        section.read("heads", model.heads, 1, 256);
        section.read("context", model.context, 1, 65536);
        section.read("feed_forward", model.feed_forward, 1, 65536);
        section.read("vocabulary", model.vocabulary, 300, 1000000);
        const std::string scale = section.choice("length_scale", "position_root", {"context_root", "position_root"});
        model.length_scale = scale == "context_root" ? LengthScale::context_root : LengthScale::position_root;
    });
    require<FormatError>(config.model.width % config.model.heads == 0,
                         "{}.model: width {} is not a multiple of heads {}: each head takes width / heads features",
                         origin, config.model.width, config.model.heads);
    root.section("tokenizer", [&](Section& section) {
        config.tokenizer.algorithm = section.choice("algorithm", config.tokenizer.algorithm, {"unigram", "bpe"});
        section.read("sentences", config.tokenizer.sentences, 100, 10000000);
    });
    root.section("train", [&](Section& section) { read_schedule(section, config.train); });
    root.section("tune", [&](Section& section) { read_schedule(section, config.tune); });
    root.section("ranges", [&](Section& section) {
        section.read("scores", config.ranges.scores, 0.1, 1000);
        section.read("hidden", config.ranges.hidden, 0.1, 1000);
        section.read("variance_ratio", config.ranges.variance_ratio, 1.01, 1e6);
    });
    root.section("convert", [&](Section& section) { read_schedule(section, config.convert); });
    root.section("substitution", [&](Section& section) {
        section.read("scores_degree", config.substitution.scores_degree, 1, 255);
        section.read("hidden_degree", config.substitution.hidden_degree, 1, 255);
        section.read("inverse_sqrt_degree", config.substitution.inverse_sqrt_degree, 1, 255);
        section.read("margin", config.substitution.margin, 0, 10);
    });
    root.refuse_unknown();
    return config;
}

Config load_config(const std::filesystem::path& file) {
    return parse_config(read_file(file, std::size_t{1} << 20), file.string());
}

nlohmann::ordered_json to_json(const Architecture& model) {
    return {{"layers", model.layers},
            {"width", model.width},
            {"heads", model.heads},
            {"context", model.context},
            {"feed_forward", model.feed_forward},
            {"vocabulary", model.vocabulary},
            {"length_scale", model.length_scale == LengthScale::context_root ? "context_root" : "position_root"}};
}

nlohmann::ordered_json to_json(const Schedule& schedule) {
    return {{"epochs", schedule.epochs},
            {"batch", schedule.batch},
            {"learning_rate", schedule.learning_rate},
            {"warmup_steps", schedule.warmup_steps},
            {"weight_decay", schedule.weight_decay},
            {"dropout", schedule.dropout},
            {"gradient_clip", schedule.gradient_clip},
            {"range_weight", schedule.range_weight},
            {"variance_weight", schedule.variance_weight}};
}

nlohmann::ordered_json to_json(const Config& config) {
    return {{"seed", config.seed},
            {"model", to_json(config.model)},
            {"tokenizer", {{"algorithm", config.tokenizer.algorithm}, {"sentences", config.tokenizer.sentences}}},
            {"train", to_json(config.train)},
            {"tune", to_json(config.tune)},
            {"ranges",
             {{"scores", config.ranges.scores},
              {"hidden", config.ranges.hidden},
              {"variance_ratio", config.ranges.variance_ratio}}},
            {"convert", to_json(config.convert)},
            {"substitution",
             {{"scores_degree", config.substitution.scores_degree},
              {"hidden_degree", config.substitution.hidden_degree},
              {"inverse_sqrt_degree", config.substitution.inverse_sqrt_degree},
              {"margin", config.substitution.margin}}}};
}

}  // namespace polyformer::train
