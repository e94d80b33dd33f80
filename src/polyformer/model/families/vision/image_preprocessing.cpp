#include "polyformer/model/families/vision/image_preprocessing.h"

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "polyformer/model/checkpoints/weight_files.h"
#include "polyformer/support/error.h"
#include "polyformer/support/json.h"
#include "polyformer/support/system/atomic_file.h"

namespace polyformer::model {

namespace {

using nlohmann::json;

constexpr const char* kFile = "preprocessor_config.json";
constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;

class Preprocessing {
  public:
    explicit Preprocessing(const std::filesystem::path& file)
        : label_(file.string()), document_(parse_json(read_file(file, kMaxFileBytes), label_)) {
        require<FormatError>(document_.is_object(), "{}: an object is needed", label_);
    }

    const json& value(const char* key) const {
        static const json nothing;
        const auto found = document_.find(key);
        return found == document_.end() ? nothing : *found;
    }

    bool flag(const char* key) const {
        const json& found = value(key);
        require<FormatError>(found.is_null() || found.is_boolean(), "{}: '{}' must be true or false", label_, key);
        return found.is_null() || found.get<bool>();
    }

    /// 224, {"height": 224, "width": 224} or {"shortest_edge": 224}; 0 where there is none.
    std::size_t side(const char* key) const {
        const json& found = value(key);
        if (found.is_null()) return 0;
        if (found.is_number_unsigned()) return found.get<std::size_t>();
        const auto number = [&](const char* name) -> std::size_t {
            const auto size = found.find(name);
            return size != found.end() && size->is_number_unsigned() ? size->get<std::size_t>() : 0;
        };
        if (found.is_object()) {
            if (number("shortest_edge") > 0) return number("shortest_edge");
            if (number("height") > 0 && number("height") == number("width")) return number("height");
        }
        fail<FormatError>("{}: '{}' is {}, but images must be square: one number, or as many rows as columns", label_,
                          key, to_text(found));
    }

    std::array<double, 3> colours(const char* key, double otherwise) const {
        const json& found = value(key);
        if (found.is_null()) return {otherwise, otherwise, otherwise};
        require<FormatError>(found.is_array() && found.size() == 3 && found[0].is_number() && found[1].is_number() &&
                                 found[2].is_number(),
                             "{}: '{}' must hold three numbers, found {}", label_, key, to_text(found));
        return {found[0].get<double>(), found[1].get<double>(), found[2].get<double>()};
    }

    void check_scale() const {
        const json& factor = value("rescale_factor");
        const double scale = factor.is_number() ? factor.get<double>() : 1.0 / 255;
        require<FormatError>(flag("do_rescale") && std::abs(scale * 255 - 1) < 1e-6,
                             "{}: colours must be scaled to [0, 1] by 'rescale_factor' 1/255, found {}", label_,
                             flag("do_rescale") ? fmt::format("{}", scale) : "none");
    }

    const std::string& label() const { return label_; }

  private:
    std::string label_;
    json document_;
};

}  // namespace

ImageInput read_image_preprocessing(const std::filesystem::path& folder, const VisionShape& shape,
                                    std::vector<std::string>& notes) {
    ImageInput input;
    input.height = input.width = shape.image;
    input.patch = input.kernel = shape.patch;
    input.extra_tokens = shape.extra_tokens;
    input.mean = input.deviation = {0.5, 0.5, 0.5};
    const std::filesystem::path file = folder / kFile;
    if (!is_there(file)) {
        notes.push_back(
            fmt::format("{}: there is no {}: colours are taken to be scaled to [-1, 1]", folder.string(), kFile));
        return input;
    }
    const Preprocessing preprocessing(file);
    preprocessing.check_scale();
    if (preprocessing.flag("do_normalize")) {
        input.mean = preprocessing.colours("image_mean", 0.5);
        input.deviation = preprocessing.colours("image_std", 0.5);
    } else {
        input.mean = {0, 0, 0};
        input.deviation = {1, 1, 1};
    }
    const std::size_t resized = preprocessing.side("size");
    const std::size_t cropped = preprocessing.value("do_center_crop") == true ? preprocessing.side("crop_size") : 0;
    const std::size_t side = cropped > 0 ? cropped : resized;
    if (side > 0) input.height = input.width = side;
    notes.push_back(fmt::format(
        "{}: here the shorter side of an image is fitted to {} pixels by area and the longer one cut evenly{}",
        preprocessing.label(), input.height,
        resized > side ? fmt::format("; `transformers` fits {} and cuts all sides", resized) : ""));
    return input;
}

}  // namespace polyformer::model
