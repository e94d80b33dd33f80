// Adds gates to a circuit and keeps account of how their results are stored.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "polyformer/compile/circuit/circuit.h"
#include "polyformer/compile/circuit/linear_maps.h"

namespace polyformer::compile {

/// stored = factor · value + shift.
struct Constants {
    double factor = 1;
    double shift = 0;
    friend bool operator==(const Constants&, const Constants&) = default;
};

/// A value of the model in some form that a gate has produced.
struct Stored {
    BundleId bundle = 0;
    Storage storage;
};

/// Puts a circuit together gate by gate.
class CircuitBuilder {
  public:
    explicit CircuitBuilder(Diagonals diagonals = Diagonals::with_values) : diagonals_(diagonals) {}

    Circuit circuit;

    /// Names of the bundles and gates that follow: the model's node.
    void begin_node(const std::string& name) { name_ = name; }

    BundleId new_bundle(std::size_t ciphertexts);

    /// One output of as many ciphertexts as the widest input has, unless told otherwise.
    Stored gate(GateOperation operation, std::vector<BundleId> inputs, const Storage& storage,
                std::optional<std::size_t> ciphertexts = std::nullopt);
    /// The same for a result that may leave [-1, 1], or is complex.
    Stored unbounded_gate(GateOperation operation, std::vector<BundleId> inputs, const Storage& storage,
                          std::optional<std::size_t> ciphertexts = std::nullopt);

    /// A target that repeats is computed once and then copied by a sum over slots: that takes far fewer diagonals.
    Stored map(const FeatureMap& map, const Stored& source, Storage target);
    /// Copies what the first positions hold to those behind them, which are 0.
    Stored repetition(const Stored& once, const Repetition& repetition);
    Stored skewed(const Packing& packing, const Stored& source, const Layout& layout,
                  const std::vector<std::size_t>& shift, double factor);
    /// To other constants at the masks' positions, 0 elsewhere; one mask a ciphertext.
    Stored affine(const Stored& source, const Constants& wanted, std::vector<std::vector<double>> masks);
    /// Plus addend(feature) wherever a feature lies.
    Stored shifted(const Stored& source, const std::function<double(std::size_t feature)>& addend);
    /// x + i·rot_rotation(x), ciphertext by ciphertext.
    Stored paired_with_rotation(const Stored& source, long rotation);

  private:
    /// Maps of one input that follow each other become one, so that they share its rotations.
    Stored fused(MapGate gate, BundleId source, const Storage& target);

    Diagonals diagonals_;  ///< of maps of features
    std::string name_;
};

}  // namespace polyformer::compile
