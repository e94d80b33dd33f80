#include "polyformer/train/distillation/encoder_text.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "polyformer/model/language/lines.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/train/process/interruption.h"

namespace polyformer::train {
namespace {

constexpr std::size_t fewest_texts = 1000;
constexpr std::size_t valid_share = 50;  // of so many texts one
constexpr std::size_t most_valid = 512;

/// From 1 to most, each power of two as likely as the next.
std::size_t log_uniform(std::mt19937_64& random, std::size_t most) {
    const double uniform = static_cast<double>(random() >> 11) * 0x1p-53;
    const double drawn = std::exp(uniform * std::log(static_cast<double>(most) + 1));
    return std::clamp<std::size_t>(static_cast<std::size_t>(drawn), 1, most);
}

/// What is left of `line` from `begin` on gives up its first words, so many of them.
std::string take_words(const std::string& line, std::size_t& begin, std::size_t words) {
    std::size_t end = begin;
    for (; words > 0 && end < line.size(); --words) {
        end = std::min(line.find(' ', std::min(line.find_first_not_of(' ', end), line.size())), line.size());
    }
    const std::string taken = line.substr(begin, end - begin);
    begin = std::min(line.find_first_not_of(' ', end), line.size());
    return taken;
}

}  // namespace

EncoderText encoder_text(const std::vector<std::string>& files, const model::Tokenizer& tokenizer,
                         std::size_t context) {
    EncoderText result;
    std::mt19937_64 random(20230917);
    std::size_t count = 0;
    const auto add = [&](const std::string& text) {
        std::vector<std::int32_t> ids = tokenizer.encode_whole(text, context).ids;
        if (ids.empty()) return;
        const bool held_out = ++count % valid_share == 0 && result.valid.size() < most_valid;
        (held_out ? result.valid : result.train).push_back(std::move(ids));
    };
    for (const std::string& file : files) {
        model::for_each_line_of(read_file(file), "'" + file + "'", [&](const std::string& line) {
            check_interruption();
            for (std::size_t begin = 0; begin < line.size();) {
                add(take_words(line, begin, log_uniform(random, context)));
            }
        });
    }
    require(
        count >= fewest_texts,
        "the text gives {} stretches of words, fewer than the {} that it takes at least, better a hundred thousand: "
        "give more with --text",
        count, fewest_texts);
    return result;
}

}  // namespace polyformer::train
