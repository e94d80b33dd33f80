// Token ids of texts, for scripts/compare-tokenizer: reads lines that are each a text as a JSON string, writes a line
// of ids for each.
//
// Usage: tokenize_lines TOKENIZER MOST_TOKENS < texts > ids
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "polyformer/model/language/tokenizer.h"

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    const polyformer::model::Tokenizer tokenizer(argv[1]);
    const std::size_t most_tokens = std::stoul(argv[2]);
    std::string line;
    while (std::getline(std::cin, line)) {
        const auto encoded = tokenizer.encode_whole(nlohmann::json::parse(line).get<std::string>(), most_tokens);
        for (const std::int32_t id : encoded.ids) std::cout << id << ' ';
        std::cout << encoded.left_out << '\n';
    }
    return 0;
}
