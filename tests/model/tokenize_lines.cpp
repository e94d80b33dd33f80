// Token ids of texts, for scripts/compare-tokenizer: reads lines that are each a text as a JSON string, writes a line
// of ids for each.
//
// Usage: tokenize_lines TOKENIZER MOST_TOKENS < texts > ids
#include <exception>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "polyformer/model/language/tokenizer.h"

namespace {

void tokenize(const char* file, std::size_t most_tokens) {
    const polyformer::model::Tokenizer tokenizer(file);
    std::string line;
    while (std::getline(std::cin, line)) {
        const auto encoded = tokenizer.encode_whole(nlohmann::json::parse(line).get<std::string>(), most_tokens);
        for (const std::int32_t id : encoded.ids) std::cout << id << ' ';
        std::cout << encoded.left_out << '\n';
    }
}

}  // namespace

int main(int argc, char** argv) {
    try {
        if (argc != 3) return 2;
        tokenize(argv[1], std::stoul(argv[2]));
        return 0;
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
