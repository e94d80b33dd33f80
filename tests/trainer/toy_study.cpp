#include "tests/trainer/toy_study.h"

#include "polyformer/support/system/atomic_file.h"
#include "tests/trainer/toy.h"

namespace polyformer::train {

std::string toy_config() {
    return R"({
        "model": {"layers": 1, "width": 16, "heads": 2, "context": 8, "feed_forward": 32, "vocabulary": 300},
        "train": {"epochs": 1, "batch": 8, "learning_rate": 0.01, "warmup_steps": 5},
        "tune": {"epochs": 0.5, "batch": 8, "learning_rate": 0.003, "range_weight": 0.1, "variance_weight": 0.1,
                 "penalty_ramp": 0.2},
        "convert": {"epochs": 0.2, "batch": 8, "learning_rate": 0.001, "range_weight": 0.1}
    })";
}

void prepare_toy_texts(const std::filesystem::path& folder) {
    std::filesystem::create_directories(folder);
    save_text(prepared_from(toy_text(4000), 300), folder / "train.ids");
    save_text(prepared_from(toy_text(400), 300), folder / "valid.ids");
    save_text(prepared_from(toy_text(500), 300), folder / "test.ids");
    write_file(folder / "tokenizer.model", "the vocabulary");
}

}  // namespace polyformer::train
