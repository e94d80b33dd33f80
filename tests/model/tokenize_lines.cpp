// Token ids of texts and back, for scripts/compare-tokenizer: reads lines that are each a text as a JSON string, writes
// a line of ids for each, and what they are decoded to as a JSON string behind a tab; of a line that is a JSON list of
// ids, the latter alone.
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
        const nlohmann::json given = nlohmann::json::parse(line);
        std::vector<std::int32_t> ids;
        if (given.is_string()) {
            const auto encoded = tokenizer.encode_whole(given.get<std::string>(), most_tokens);
            ids = encoded.ids;
            for (const std::int32_t id : ids) std::cout << id << ' ';
            std::cout << encoded.left_out << '\t';
        } else {
            ids = given.get<std::vector<std::int32_t>>();
        }
        std::cout << nlohmann::json(tokenizer.decode(ids)).dump() << '\n';
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
