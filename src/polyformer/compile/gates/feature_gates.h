// What is done to the features of each token alone: maps as functions of features, means, norms' gamma and beta.
#pragma once

#include "polyformer/compile/circuit/circuit_builder.h"
#include "polyformer/compile/circuit/linear_maps.h"
#include "polyformer/compile/layout/attention_layout.h"
#include "polyformer/compile/layout/packing.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::compile {

/// `linear` must outlive what is returned; so must those of the other two.
FeatureMap feature_map(const model::Linear& linear);
FeatureMap mean_map(std::size_t features);
/// `map` of what `scale` gives, as a map of what it reads.
FeatureMap scaled_before(const model::ScaleFeatures& scale, FeatureMap map);

/// Sums over all features of each token, in the first positions at least; or nothing, where the source does not lie in
/// the way that allows it: replicated, without a shift, 0 elsewhere.
std::optional<Stored> feature_sums(CircuitBuilder& builder, const Packing& packing, const Stored& source);
/// From there to means in all positions.
Stored means_of_sums(CircuitBuilder& builder, const Packing& packing, const Stored& sums, const Storage& target);

/// factors ⊙ x + bias with these constants, 0 elsewhere. One level.
Stored scaled_features(CircuitBuilder& builder, const model::ScaleFeatures& scale, const Stored& source,
                       const Constants& wanted);

/// Each token less its mean over features, with the source's constants, where the source has no shift; what was 0
/// elsewhere stays so.
Stored centred_features(CircuitBuilder& builder, const Packing& packing, const Stored& source);

/// A map to one number for each head: partial sums in all lanes, which few diagonals give, then sums over lanes. Times
/// `factor`, one number a token, if there is one. Lies by head in the lower lanes;
/// the upper ones hold sums over parts of two heads.
Stored mapped_by_head(CircuitBuilder& builder, const FeatureMap& map, const Stored& source,
                      const AttentionLayout& heads, double bound, const std::optional<Stored>& factor);

}  // namespace polyformer::compile
