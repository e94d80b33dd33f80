#include "tests/train/study/small_road.h"

#include <string>
#include <utility>
#include <vector>

#include "polyformer/support/system/atomic_file.h"

namespace polyformer::train {

nlohmann::ordered_json small_config() {
    return nlohmann::ordered_json::parse(R"({
        "model": {"layers": 1, "width": 16, "heads": 2, "context": 8, "feed_forward": 32, "vocabulary": 300},
        "train": {"epochs": 0.5, "batch": 8, "learning_rate": 0.01, "warmup_steps": 5},
        "tune": {"epochs": 0.2, "batch": 8, "learning_rate": 0.003, "range_weight": 0.1},
        "convert": {"epochs": 0.1, "batch": 8, "learning_rate": 0.001, "range_weight": 0.1}})");
}

void write_small_texts(const std::filesystem::path& folder) {
    std::filesystem::create_directories(folder);
    const std::vector<std::string> words = {"the", "cat", "sat", "on", "a", "mat", "and", "saw", "birds", "fly"};
    for (const auto& [split, lines] : {std::pair("train", 600), std::pair("valid", 60), std::pair("test", 60)}) {
        std::string text;
        std::size_t state = 7;
        for (int line = 0; line < lines; ++line) {
            for (int word = 0; word < 12; ++word) {
                state = (state * 1103515245 + 12345) % 2147483648U;
                text += " " + words[(state >> 16) % words.size()] + std::string(1, static_cast<char>('a' + state % 26));
            }
            text += " .\n";
        }
        write_file(folder / ("wiki." + std::string(split) + ".tokens"), text);
    }
}

}  // namespace polyformer::train
