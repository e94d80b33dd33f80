// 5. A model as a graph of your own: what a transformer is to Polyformer before anything is encrypted.
//
// A graph is a list of nodes, each of which reads earlier ones: linear maps, sums, products, polynomials, and the two
// products of attention. Values are matrices: a row for each token, a column for each feature. Whatever can be written
// that way can be compiled and run on ciphertext.
//
// The program builds, by hand, the smallest transformer that learns from its own input: an induction head. One
// attention finds the letter before each letter, another looks up what has followed the current letter so far. After
// "banan" it expects an a, as after the n before.
//
// Usage: 5_graph_of_your_own        writes the folder letters/model, which examples 6 and 7 use.
#include <fmt/format.h>

#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "letters.h"
#include "narration.h"
#include "polyformer/approx/fitting/approximation.h"
#include "polyformer/model/graph/fingerprint.h"
#include "polyformer/model/graph/graph.h"
#include "polyformer/model/graph/graph_files.h"
#include "polyformer/model/graph/graph_shapes.h"
#include "polyformer/model/interpreter/calibration.h"
#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/model/language/embedding.h"
#include "polyformer/support/extremes.h"

using namespace polyformer::model;
using examples::kLetters;
namespace approx = polyformer::approx;

namespace {

constexpr std::size_t kContext = 16;                 // the longest text, in letters
constexpr std::size_t kWidth = kLetters + kContext;  // features of a token: which letter, and which place

Matrix matrix(std::size_t rows, std::size_t columns, const std::function<double(std::size_t, std::size_t)>& entry) {
    Matrix result{rows, columns, {}};
    for (std::size_t row = 0; row < rows; ++row) {
        for (std::size_t column = 0; column < columns; ++column) {
            result.values.push_back(static_cast<float>(entry(row, column)));
        }
    }
    return result;
}

/// The client's part: letter i is feature i, place t is feature 26 + t.
Embedding one_hot_embedding() {
    return {
        .tokens = matrix(kLetters, kWidth, [](auto letter, auto feature) { return feature == letter; }),
        .positions = matrix(kContext, kWidth, [](auto place, auto feature) { return feature == kLetters + place; })};
}

/// The server's part.
Graph induction_head(const Polynomial& how_sure) {
    Graph graph{.context = kContext, .width = kWidth, .vocabulary = kLetters, .nodes = {}};
    const auto add = [&](const char* name, Operation operation) -> NodeId {
        graph.nodes.push_back({name, std::move(operation)});
        return graph.nodes.size() - 1;
    };
    const Matrix causal = matrix(kContext, kContext, [](auto query, auto key) { return key <= query; });

    const NodeId input = add("input", Input{});
    const NodeId letter =
        add("letter", Linear{input, matrix(kWidth, kLetters, [](auto from, auto to) { return from == to; })});
    const NodeId place =
        add("place", Linear{input, matrix(kWidth, kContext, [](auto from, auto to) { return from == kLetters + to; })});
    const NodeId place_before =
        add("place_before",
            Linear{input, matrix(kWidth, kContext, [](auto from, auto to) { return from == kLetters + to + 1; })});

    // First attention: every place asks for the place before it and gets the letter there.
    const NodeId before = add("previous.scores", AttentionScores{.query = place_before, .key = place});
    const NodeId previous_letter =
        add("previous.letter", AttentionValues{.scores = before, .value = letter, .mask = causal});

    // Second attention: every letter asks where it was the previous letter, and gets what stood there.
    const NodeId match = add("match.scores", AttentionScores{.query = letter, .key = previous_letter});
    // Where others have a softmax there is a polynomial of each score. Polynomials are Chebyshev series over an
    // interval, here [−1, 1]: s² = T_0(s)/2 + T_2(s)/2.
    const Polynomial square{.lower = -1, .upper = 1, .coefficients = {0.5, 0, 0.5}};
    const NodeId weight = add("match.weights", Apply{match, square, "square"});
    // The mask multiplies the weights: 0 for what comes later, and here 4/(places so far), for a share in place of a
    // count.
    const Matrix share = matrix(kContext, kContext, [](auto query, auto key) {
        return key <= query ? 4.0 / static_cast<double>(query + 1) : 0.0;
    });
    const NodeId followers = add("followers", AttentionValues{.scores = weight, .value = letter, .mask = share});
    add("logits", Apply{followers, how_sure, "tanh"});
    return graph;
}

}  // namespace

int main() try {
    examples::heading("The graph");
    const approx::Approximation tanh = approx::minimax(approx::target_function("tanh"), {-0.5, 4.5}, 15);
    Graph graph = induction_head({-0.5, 4.5, tanh.polynomial.coefficients});
    const Embedding embedding = one_hot_embedding();

    // Bounds of all values, measured on samples with a margin: the compiler scales ciphertexts by them.
    std::vector<Tensor> samples;
    for (const char* text : {"aaaaaaaaaaaaaaaa", "abababababababab", "thequickbrownfox", "mississippiriver"}) {
        samples.push_back(embedding.embed(examples::ids_of(text)));
    }
    calibrate(graph, samples, 0.1);
    validate(graph);  // shapes, order, finite numbers: throws an Error that names the node

    const std::vector<Shape> shapes = shapes_of(graph);
    fmt::print("{:<16} {:>6}   {}\n", "node", "bound", "shape");
    for (std::size_t i = 0; i < shapes.size(); ++i) {
        fmt::print("{:<16} {:>6.2f}   {}\n", graph.nodes[i].name, graph.nodes[i].bound, to_string(shapes[i]));
    }

    examples::heading("The exact interpreter: the model in double precision, the measure for everything encrypted");
    const std::string text = "abracadabracadab";
    const Evaluation evaluation = evaluate(graph, embedding.embed(examples::ids_of(text)));
    double worst = 0;
    for (std::size_t place = 0; place < text.size(); ++place) {
        const std::vector<double> logits = examples::row(evaluation.logits, place);
        const std::vector<double> expected = examples::expected_logits(text.substr(0, place + 1));
        worst = polyformer::larger(worst, examples::largest_error(logits, expected));
        fmt::print("after {:<16} comes {}\n", text.substr(0, place + 1), examples::describe(logits));
    }
    for (const IntervalReport& report : evaluation.intervals) {
        fmt::print("{}: inputs in [{:.2f}, {:.2f}], polynomial for [{:.2f}, {:.2f}], {} of {} outside\n", report.node,
                   report.smallest, report.largest, report.lower, report.upper, report.outside, report.values);
    }

    examples::heading("Saved and loaded");
    save_graph(graph, "letters/model");          // graph.json, weights.safetensors: for the server
    save_embedding(embedding, "letters/model");  // embedding.safetensors: for the client
    const bool same = fingerprint(load_graph("letters/model")) == fingerprint(graph);
    fmt::print("letters/model: fingerprint {:.16}…, {}\n", fingerprint(graph),
               same ? "the same when loaded" : "CHANGED");

    examples::heading("Result");
    examples::check("against counting in plain C++", worst, tanh.certified_error + 1e-6);
    return same ? 0 : 1;
} catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
}
