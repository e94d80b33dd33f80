#include "polyformer/train/distillation/encoder_rows.h"

#include "polyformer/train/data/prepared_text.h"

namespace polyformer::train {

void save_rows(const std::vector<std::vector<std::int32_t>>& texts, std::size_t vocabulary, std::size_t context,
               const std::filesystem::path& file) {
    const auto none = static_cast<std::int32_t>(vocabulary);
    PreparedText about;
    about.vocabulary = vocabulary + 1;
    about.end_of_line = none;
    PreparedTextWriter writer(about, file);
    std::vector<std::int32_t> row;
    for (const std::vector<std::int32_t>& text : texts) {
        row = text;
        row.resize(context, none);
        writer.write(row);
    }
    writer.commit(0);
}

}  // namespace polyformer::train
