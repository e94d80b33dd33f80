// Which public tokens to put before every text: the fewest behind which no text grows a huge feature.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "polyformer/model/graph/graph.h"
#include "polyformer/model/language/embedding.h"
#include "polyformer/model/language/tokenizer.h"
#include "polyformer/substitution/softmax/public_prefix.h"

namespace polyformer::substitution {

/// The longest prefix that is tried.
inline constexpr std::size_t kLongestPrefix = 2;

/// A prefix, and what texts do behind it.
struct TriedPrefix {
    std::vector<std::int32_t> tokens = {};
    PrefixEffect effect = {};     ///< of the texts
    std::size_t texts = 0;        ///< how many these are
    std::size_t stress = 0;       ///< stress texts that it was tried on, until another was seen to be better
    std::size_t huge_stress = 0;  ///< of those the ones that grow a huge variance

    double huge_share() const;  ///< of all texts that it was tried on
};

/// What prefixes are tried on, tokens without marks.
struct PrefixTexts {
    std::vector<std::vector<std::int32_t>> texts = {};
    /// Garbled and shuffled ones: a token that grows a huge feature wherever nothing stands before it does so in few
    /// texts of a kind, but in many of those. Give the ones that ranges are measured on: one of them with a huge
    /// feature widens the intervals for all.
    std::vector<std::vector<std::int32_t>> stress = {};
};

/// All that were tried, and the one that was chosen.
struct PrefixChoice {
    std::vector<TriedPrefix> tried = {};
    std::size_t pick = 0;  ///< among these

    const TriedPrefix& chosen() const { return tried.at(pick); }
};

/// Tries no prefix, then one token (the marks of a text's beginning that the tokenizer knows; where it knows none, a
/// full stop, a line's end and other frequent tokens), then one of these and one of those: the shortest behind which
/// no variance of a norm is huge, and of those the one that predicts the texts best; where all grow some, the one
/// behind which the smallest share of texts does. Stress texts come in rounds, and of as many tokens those go on to the
/// next behind which the fewest texts grow some. `quiet`: no progress bars. `exact` needs a context of kLongestPrefix
/// more than the texts have.
PrefixChoice choose_prefix(const model::Graph& exact, const model::Embedding& embedding,
                           const model::Tokenizer& tokenizer, const PrefixTexts& texts, bool quiet = false);

/// The one prefix that was asked for, beside none, to say what it does.
PrefixChoice try_prefix(const model::Graph& exact, const model::Embedding& embedding,
                        const std::vector<std::int32_t>& tokens, const PrefixTexts& texts, bool quiet = false);

/// {"tokens", "text", "huge_ratio", "tried": [{"tokens", "text", "ratio", "norm", "huge", "stress",
/// "huge_stress", "perplexity"}]}.
nlohmann::ordered_json to_json(const PrefixChoice& choice, const model::Tokenizer& tokenizer);

/// A sentence on what the prefix removes and what it costs, from to_json()'s document.
std::string describe_prefix(const nlohmann::ordered_json& document);

/// The embedding for texts of `context` tokens behind a prefix of so many.
model::Embedding behind_prefix(const model::Embedding& embedding, std::size_t prefix, std::size_t context);

}  // namespace polyformer::substitution
