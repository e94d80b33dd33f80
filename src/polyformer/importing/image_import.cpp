#include "polyformer/importing/image_import.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "polyformer/model/checkpoints/model_config.h"
#include "polyformer/model/families/vision/read_vision.h"
#include "polyformer/model/graph/graph_files.h"
#include "polyformer/model/images/image_set.h"
#include "polyformer/substitution/import_report.h"
#include "polyformer/substitution/substitution.h"
#include "polyformer/support/error.h"
#include "polyformer/support/folders/folder_writer.h"
#include "polyformer/support/json.h"
#include "polyformer/support/system/atomic_file.h"

namespace polyformer::importing {

namespace {

constexpr std::size_t kHeldOut = 8;      // of so many images one
constexpr std::size_t kStressShare = 4;  // images for each stress image

void make_negative(model::Image& image) {
    for (std::uint8_t& value : image.values) value = static_cast<std::uint8_t>(255 - value);
}

/// An image is as many tokens as it has patches, all of them its number: twice the index, one more for its negative.
class Calibration {
  public:
    Calibration(const ImageImport& options, model::ImageInput input)
        : input_(std::move(input)), set_(model::open_image_set(options.images, "train")) {
        const std::size_t wanted = options.count + options.count / kHeldOut + 1;
        picked_ = model::picked_images(std::min(wanted, set_.size()), set_.size());
    }

    substitution::CalibrationTexts texts() const {
        substitution::CalibrationTexts texts;
        for (substitution::Texts* part : {&texts.sample, &texts.stress, &texts.held_out}) {
            part->embed = [this](std::span<const std::int32_t> tokens) { return patches(tokens.front()); };
        }
        for (std::size_t i = 0; i < picked_.size(); ++i) {
            const bool held_out = i % kHeldOut == kHeldOut - 1;
            (held_out ? texts.held_out : texts.sample).tokens.push_back(tokens_of(2 * i));
            if (i % kStressShare == 0) texts.stress.tokens.push_back(tokens_of(2 * i + 1));
        }
        return texts;
    }

  private:
    std::vector<std::int32_t> tokens_of(std::size_t number) const {
        return std::vector<std::int32_t>(input_.tokens(), static_cast<std::int32_t>(number));
    }

    model::Tensor patches(std::int32_t number) const {
        const auto which = static_cast<std::size_t>(number);
        model::Image image = set_.image(picked_[which / 2]);
        if (which % 2 == 1) make_negative(image);
        return input_.patches(image);
    }

    model::ImageInput input_;
    model::ImageSet set_;
    std::vector<std::size_t> picked_;
};

}  // namespace

bool is_image_checkpoint(const std::filesystem::path& folder) {
    std::error_code ignored;
    return std::filesystem::exists(folder / "config.json", ignored) &&
           model::is_vision(model::read_model_config(folder));
}

nlohmann::ordered_json import_images(const ImageImport& options) {
    model::ImportedImageModel model = model::read_vision(options.folder, model::read_model_config(options.folder));
    for (const std::string& note : model.notes) options.note(note);
    const Calibration calibration(options, model.input);
    FolderWriter folder(options.out);
    const substitution::TurnedStreams turned = substitution::turn_streams(model.graph, calibration.texts(), false);
    substitution::Substituted made =
        substitution::substitute(std::move(model.graph), calibration.texts(), options.substitution);
    made.report["stream"] = substitution::to_json(turned);
    made.report["calibration"]["of"] = "images";
    made.report["model"] = {{"family", model.family}, {"output", "classes"}, {"context", model.input.tokens()}};
    model::save_graph(made.graph, folder.path());
    model::save_image_input(model.input, folder.path());
    write_file(folder.path() / "import.json", to_text(made.report, 1) + "\n");
    write_file(folder.path() / "report.html", substitution::render_page(made.report));
    folder.commit();
    return made.report;
}

}  // namespace polyformer::importing
