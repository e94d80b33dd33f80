#include "polyformer/model/images/image_input.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "polyformer/model/graph/limits.h"
#include "polyformer/support/error.h"
#include "polyformer/support/folders/manifest.h"
#include "polyformer/support/json_head.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/support/text.h"

namespace polyformer::model {

namespace {

constexpr const char* kFormat = "polyformer-image-input";
constexpr std::size_t kVersion = 1;
constexpr std::size_t kMaxBlocks = 16;
constexpr std::size_t kMaxFileBytes = std::size_t{1} << 26;
constexpr std::size_t kChannels = 3;
constexpr double kLeastDeviation = 1e-3;

void check_side(std::size_t side, const char* what) {
    require(side >= 1 && side <= kMaxImageSide, "the image's {} of {} pixels is outside 1 to {}", what, side,
            kMaxImageSide);
}

void check_blocks(std::size_t rows, std::size_t columns, const std::vector<std::size_t>& blocks) {
    require(blocks.size() <= kMaxBlocks, "{} sizes of blocks are more than {}", blocks.size(), kMaxBlocks);
    std::size_t inner = 1;
    for (const std::size_t side : blocks) {
        require(side > inner && side % inner == 0,
                "blocks of {} × {} patches cannot follow those of {} × {}: sides must ascend, each a multiple of the "
                "one before",
                side, side, inner, inner);
        inner = side;
    }
    require(rows % inner == 0 && columns % inner == 0,
            "a grid of {} × {} patches does not divide into blocks of {} × {}", rows, columns, inner, inner);
}

void check_class_name(const std::string& name, std::size_t index) {
    require(!name.empty() && name.size() <= kMaxNameLength && is_utf8(name) && printable(name) == name,
            "class {}: a name must be 1 to {} bytes of UTF-8, without control characters", index, kMaxNameLength);
}

std::array<double, kChannels> three_numbers(Fields& fields, const char* key) {
    const std::vector<double> numbers = fields.numbers(key, kChannels);
    require<FormatError>(numbers.size() == kChannels, "{}: '{}' must hold {} numbers, found {}", fields.place(), key,
                         kChannels, numbers.size());
    return {numbers[0], numbers[1], numbers[2]};
}

}  // namespace

void validate(const ImageInput& input) {
    check_side(input.height, "height");
    check_side(input.width, "width");
    require(input.patch >= 1 && input.height % input.patch == 0 && input.width % input.patch == 0,
            "an image of {} × {} pixels does not divide into patches of {}", input.height, input.width, input.patch);
    require(input.kernel >= input.patch && input.kernel <= kMaxImageSide && (input.kernel - input.patch) % 2 == 0,
            "a patch covers {} pixels, but the next is {} away: it must cover that or more, the same on both sides",
            input.kernel, input.patch);
    require(input.extra_tokens <= kMaxContext, "{} extra tokens are more than {}", input.extra_tokens, kMaxContext);
    require(input.tokens() <= kMaxContext, "{} patches are more than the {} tokens that a model may have",
            input.tokens(), kMaxContext);
    require(input.features() <= kMaxFeatures, "{} values in a patch are more than {}", input.features(), kMaxFeatures);
    for (std::size_t channel = 0; channel < kChannels; ++channel) {
        const double mean = input.mean[channel];
        const double deviation = input.deviation[channel];
        require(mean >= 0 && mean <= 1, "channel {}: the mean is {}, outside 0 to 1, what colours are scaled to",
                channel, mean);
        require(deviation >= kLeastDeviation && deviation <= 1 / kLeastDeviation,
                "channel {}: the deviation is {}, outside {} to {}", channel, deviation, kLeastDeviation,
                1 / kLeastDeviation);
    }
    check_blocks(input.rows(), input.columns(), input.blocks);
    require(!input.classes.empty() && input.classes.size() <= kMaxFeatures, "{} classes are outside 1 to {}",
            input.classes.size(), kMaxFeatures);
    for (std::size_t i = 0; i < input.classes.size(); ++i) check_class_name(input.classes[i], i);
}

std::vector<std::size_t> token_order(std::size_t rows, std::size_t columns, const std::vector<std::size_t>& blocks) {
    require(rows >= 1 && columns >= 1 && rows <= kMaxContext && columns <= kMaxContext / rows,
            "a grid of {} × {} patches is outside 1 to {} tokens", rows, columns, kMaxContext);
    check_blocks(rows, columns, blocks);
    std::vector<std::size_t> order{0};
    std::size_t inner = 1;
    // The order within a block, from which follows that within the next larger one, and last the grid.
    const auto enlarge = [&](std::size_t height, std::size_t width) {
        std::vector<std::size_t> larger;
        larger.reserve(height * width);
        for (std::size_t row = 0; row < height; row += inner) {
            for (std::size_t column = 0; column < width; column += inner) {
                for (const std::size_t place : order) larger.push_back(row * columns + column + place);
            }
        }
        order = std::move(larger);
    };
    for (const std::size_t side : blocks) {
        enlarge(side, side);
        inner = side;
    }
    enlarge(rows, columns);
    return order;
}

Tensor ImageInput::patches(const Image& image) const {
    const Image pixels = resized(image, height, width);
    const std::size_t plane = height * width;
    std::vector<float> planes(kChannels * plane);
    for (std::size_t i = 0; i < planes.size(); ++i) {
        const std::size_t channel = i / plane;
        const double value = static_cast<double>(pixels.values[i % plane * kChannels + channel]) / 255;
        planes[i] = static_cast<float>((value - mean[channel]) / deviation[channel]);
    }
    return patches(planes);
}

Tensor ImageInput::patches(std::span<const float> planes) const {
    validate(*this);
    require(planes.size() == kChannels * height * width,
            "a normalised image of {} values is given, but 3 planes of {}×{} pixels are needed", planes.size(), width,
            height);
    const auto margin = static_cast<long>(kernel - patch) / 2;
    Tensor result{tokens(), features(), std::vector<double>(tokens() * features(), 0.0)};
    const std::vector<std::size_t> order = token_order(rows(), columns(), blocks);
    for (std::size_t token = 0; token < order.size(); ++token) {
        const long top = static_cast<long>(order[token] / columns() * patch) - margin;
        const long left = static_cast<long>(order[token] % columns() * patch) - margin;
        std::size_t feature = 0;
        for (std::size_t channel = 0; channel < kChannels; ++channel) {
            for (std::size_t place = 0; place < kernel * kernel; ++place, ++feature) {
                const long y = top + static_cast<long>(place / kernel);
                const long x = left + static_cast<long>(place % kernel);
                if (y < 0 || x < 0 || y >= static_cast<long>(height) || x >= static_cast<long>(width)) continue;
                const std::size_t pixel = static_cast<std::size_t>(y) * width + static_cast<std::size_t>(x);
                result.at(extra_tokens + token, feature) = planes[channel * height * width + pixel];
            }
        }
    }
    return result;
}

void save_image_input(const ImageInput& input, const std::filesystem::path& directory) {
    validate(input);
    nlohmann::ordered_json json{{"format", kFormat},       {"version", kVersion},          {"height", input.height},
                                {"width", input.width},    {"patch", input.patch},         {"kernel", input.kernel},
                                {"mean", input.mean},      {"deviation", input.deviation}, {"blocks", input.blocks},
                                {"classes", input.classes}};
    if (input.extra_tokens > 0) json["extra_tokens"] = input.extra_tokens;
    write_file(directory / image_input_file, to_text(json, 2) + "\n");
}

ImageInput image_input_from_json(std::string_view text, const std::string& label) {
    const nlohmann::json document = parse_json(text, label);
    Fields fields(document, label);
    read_head(fields, kFormat, kVersion);
    ImageInput input{.height = fields.count("height", kMaxImageSide),
                     .width = fields.count("width", kMaxImageSide),
                     .patch = fields.count("patch", kMaxImageSide),
                     .kernel = fields.count("kernel", kMaxImageSide),
                     .mean = three_numbers(fields, "mean"),
                     .deviation = three_numbers(fields, "deviation"),
                     .blocks = fields.counts("blocks", kMaxBlocks),
                     .classes = {}};
    for (const nlohmann::json& name : fields.array("classes", kMaxFeatures)) {
        require<FormatError>(name.is_string(), "{}: 'classes' must hold strings, found {}", label, name.type_name());
        input.classes.push_back(name.get<std::string>());
    }
    if (document.contains("extra_tokens")) input.extra_tokens = fields.count("extra_tokens", kMaxContext);
    fields.finish();
    try {
        validate(input);
    } catch (const Error& error) {
        throw FormatError(fmt::format("{}: {}", label, error.what()));
    }
    return input;
}

ImageInput load_image_input(const std::filesystem::path& directory) {
    const std::filesystem::path file = directory / image_input_file;
    require_own_file(file);
    return image_input_from_json(read_file(file, kMaxFileBytes), file.string());
}

}  // namespace polyformer::model
