#include "polyformer/model/graph/fingerprint.h"

#include <bit>
#include <cstdint>
#include <cstring>

#include "polyformer/model/graph/visit.h"
#include "polyformer/support/system/digest.h"

namespace polyformer::model {

static_assert(std::endian::native == std::endian::little, "fingerprints hash little-endian bytes");

namespace {

/// Feeds values to the hash unambiguously: fixed-width numbers, and each array after its length.
class CanonicalWriter {
  public:
    void integer(std::uint64_t value) { hash_.update(std::as_bytes(std::span(&value, 1))); }
    void real(double value) { integer(std::bit_cast<std::uint64_t>(value)); }
    void text(const std::string& value) { array<char>(value); }
    void matrix(const Matrix& value) {
        integer(value.rows);
        integer(value.columns);
        array<float>(value.values);
    }
    template <class Value>
    void array(std::span<const Value> values) {
        integer(values.size());
        hash_.update(std::as_bytes(values));
    }
    std::string finish() { return to_hex(hash_.finish()); }

  private:
    Blake2b hash_;
};

bool is_plain(const AttentionScores& scores) {
    return scores.window == 0 && scores.bias.values.empty();
}

bool is_grouped(const AttentionScores& scores) {
    return key_heads_of(scores) != scores.heads;
}

bool is_grouped(const AttentionValues& values) {
    return value_heads_of(values) != values.heads;
}

int values_tag(const AttentionValues& values) {
    if (values.averages) return 21;
    return is_grouped(values) ? 20 : 7;
}

int scores_tag(const AttentionScores& scores) {
    if (is_grouped(scores)) return 19;
    return is_plain(scores) ? 6 : 12;
}

/// A number for each operation, apart from the order of the variant; what had one keeps it, and every model its
/// fingerprint. Scores as language models have them (one window, no bias) are written as before there were others, and
/// attention whose heads each have a key and a value of their own as before there were groups; sums as before there
/// were averages.
int tag_of(const Operation& operation) {
    return std::visit(Overloaded{[](const Input&) { return 0; }, [](const Linear&) { return 1; },
                                 [](const FeatureMean&) { return 2; }, [](const Add&) { return 3; },
                                 [](const Multiply&) { return 4; }, [](const Apply&) { return 5; },
                                 [](const AttentionScores& scores) { return scores_tag(scores); },
                                 [](const AttentionValues& values) { return values_tag(values); },
                                 [](const AddConstant&) { return 8; }, [](const MixTokens&) { return 9; },
                                 [](const MergeTokens&) { return 10; }, [](const TokenMean&) { return 11; },
                                 [](const ScaleFeatures&) { return 13; }, [](const Centre&) { return 14; },
                                 [](const SelectToken&) { return 15; }, [](const ShiftScores&) { return 16; },
                                 [](const AttentionSums&) { return 17; }, [](const RotateFeatures&) { return 18; }},
                      operation);
}

void write(CanonicalWriter& writer, const Operation& operation) {
    writer.integer(static_cast<std::uint64_t>(tag_of(operation)));
    for (const NodeId input : inputs_of(operation)) writer.integer(input);
    std::visit(Overloaded{[&](const Linear& linear) {
                              writer.matrix(linear.weight);
                              writer.array<float>(linear.bias);
                          },
                          [&](const Apply& apply) {
                              writer.real(apply.polynomial.lower);
                              writer.real(apply.polynomial.upper);
                              writer.array<double>(apply.polynomial.coefficients);
                              writer.text(apply.replaces);
                          },
                          [&](const AddConstant& sum) { writer.matrix(sum.values); },
                          [&](const MixTokens& mix) {
                              writer.integer(mix.sources.size());
                              for (const auto& sources : mix.sources) writer.array<std::int32_t>(sources);
                              writer.matrix(mix.weights);
                              writer.array<float>(mix.bias);
                          },
                          [&](const MergeTokens& merge) { writer.integer(merge.group); },
                          [&](const ScaleFeatures& scale) {
                              writer.array<float>(scale.factors);
                              writer.array<float>(scale.bias);
                          },
                          [&](const SelectToken& select) { writer.integer(select.token); },
                          [&](const AttentionSums& sums) {
                              writer.integer(sums.heads);
                              writer.integer(sums.causal ? 1 : 0);
                              writer.matrix(sums.mask);
                          },
                          [&](const AttentionScores& scores) {
                              writer.integer(scores.heads);
                              writer.real(scores.scale);
                              if (is_plain(scores) && !is_grouped(scores)) return;
                              writer.integer(scores.window);
                              writer.matrix(scores.bias);
                              if (is_grouped(scores)) writer.integer(scores.key_heads);
                          },
                          [&](const AttentionValues& values) {
                              writer.integer(values.heads);
                              writer.integer(values.causal ? 1 : 0);
                              writer.matrix(values.mask);
                              if (values.averages || is_grouped(values)) writer.integer(value_heads_of(values));
                          },
                          [&](const RotateFeatures& turn) {
                              writer.integer(turn.heads);
                              writer.matrix(turn.angles);
                          },
                          [](const auto&) {}},
               operation);
}

}  // namespace

std::string fingerprint(const Graph& graph) {
    CanonicalWriter writer;
    writer.text("polyformer graph 2");
    writer.integer(graph.context);
    writer.integer(graph.width);
    writer.integer(graph.vocabulary);
    writer.integer(graph.nodes.size());
    for (const Node& node : graph.nodes) {
        writer.text(node.name);
        writer.real(node.bound);
        write(writer, node.operation);
    }
    return writer.finish();
}

}  // namespace polyformer::model
