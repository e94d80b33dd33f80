// Texts of small letters for examples 5, 6 and 7, and what their model should say, counted in plain C++.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/support/error.h"

namespace examples {

inline constexpr std::size_t kLetters = 26;

/// The examples from 5 on read what the ones before them wrote.
inline void require_folder(const char* folder, const char* writer) {
    polyformer::require(std::filesystem::is_directory(folder), "there is no folder {} here: run {} first", folder,
                        writer);
}

/// Tokens of a text: a = 0 … z = 25.
inline std::vector<std::int32_t> ids_of(const std::string& text) {
    std::vector<std::int32_t> ids;
    for (const char letter : text) {
        polyformer::require(letter >= 'a' && letter <= 'z', "'{}': only small letters a to z, please", text);
        ids.push_back(letter - 'a');
    }
    return ids;
}

/// How sure the model should be of each next letter: tanh(4 · times that it followed the last letter / places).
inline std::vector<double> expected_logits(const std::string& text) {
    std::vector<double> counts(kLetters);
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i - 1] == text.back()) counts[static_cast<std::size_t>(text[i] - 'a')] += 1;
    }
    for (double& count : counts) count = std::tanh(4 * count / static_cast<double>(text.size()));
    return counts;
}

inline std::vector<double> row(const polyformer::model::Tensor& tensor, std::size_t index) {
    const auto begin = tensor.values.begin() + static_cast<std::ptrdiff_t>(index * tensor.columns);
    return {begin, begin + static_cast<std::ptrdiff_t>(tensor.columns)};
}

/// "n (n 0.87, s 0.12)", or "? (nothing known)": the letter of the largest logit, and all that are above 0.1.
inline std::string describe(const std::vector<double>& logits) {
    std::string all;
    for (std::size_t i = 0; i < logits.size(); ++i) {
        if (logits[i] > 0.1)
            all += fmt::format("{}{} {:.2f}", all.empty() ? "" : ", ", static_cast<char>('a' + i), logits[i]);
    }
    const auto best = std::ranges::max_element(logits) - logits.begin();
    return all.empty() ? "? (nothing known)" : fmt::format("{} ({})", static_cast<char>('a' + best), all);
}

}  // namespace examples
