#include "model/fingerprint.h"

#include <bit>
#include <cstdint>
#include <cstring>

#include "model/digest.h"
#include "model/visit.h"

namespace polyformer::model {

static_assert(std::endian::native == std::endian::little, "fingerprints hash little-endian bytes");

namespace {

/// Feeds values to the hash unambiguously: fixed-width numbers, and arrays behind their length.
class CanonicalWriter {
  public:
    void integer(std::uint64_t value) { digest_.update(std::as_bytes(std::span(&value, 1))); }
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
        digest_.update(std::as_bytes(values));
    }
    std::string finish() { return digest_.finish(); }

  private:
    Digest digest_;
};

void write(CanonicalWriter& writer, const Operation& operation) {
    writer.integer(operation.index());
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
                          [&](const AttentionScores& scores) {
                              writer.integer(scores.heads);
                              writer.real(scores.scale);
                          },
                          [&](const AttentionValues& values) {
                              writer.integer(values.heads);
                              writer.integer(values.causal ? 1 : 0);
                              writer.matrix(values.mask);
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
