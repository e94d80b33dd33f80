// Logits of a checkpoint with exact functions, for scripts/compare-logits: reads lines that are each a JSON list of
// ids, and writes the logits of the last token of each as a JSON list.
//
// Usage: exact_logits CHECKPOINT CONTEXT < ids > logits
#include <exception>
#include <iostream>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "polyformer/model/families/read_checkpoint.h"
#include "polyformer/model/interpreter/interpreter.h"

namespace {

using namespace polyformer::model;

void write_logits(const char* checkpoint, std::size_t context) {
    const ImportedModel model = read_checkpoint(checkpoint, context);
    std::string line;
    while (std::getline(std::cin, line)) {
        const auto ids = nlohmann::json::parse(line).get<std::vector<std::int32_t>>();
        const std::vector<Tensor> embedded{model.embedding.embed(ids)};
        const Tensor logits = evaluate_batch(model.graph, embedded, Functions::exact).front();
        const std::span<const double> all(logits.values);
        const std::span<const double> last = all.last(logits.columns);
        std::cout << nlohmann::json(std::vector<double>(last.begin(), last.end())).dump() << '\n';
    }
}

}  // namespace

int main(int argc, char** argv) {
    try {
        if (argc != 3) return 2;
        write_logits(argv[1], std::stoul(argv[2]));
        return 0;
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
