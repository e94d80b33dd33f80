// An answer from ciphertext beside those of the same model in the clear.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "polyformer/cli/common/client_part.h"
#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/service/private_logits.h"

namespace polyformer::cli {

/// A likely next token, or class.
struct Candidate {
    std::size_t id = 0;  ///< of the token or class: a name may not be unique, nor text
    std::string name;
    double probability = 0;
    bool coarse = false;  ///< the probability is in whole percent
};

/// "0.0012", or "not a number".
std::string format_error(double error);

/// How many likely tokens or classes are shown where the command line does not say.
inline constexpr std::size_t kShownCandidates = 5;
/// Adds --top K, for commands that show them.
void add_top_option(CLI::App& command, std::size_t& top);

/// The `most` most likely entries of softmax(logits), most likely first; where a logit is not finite, as many without a
/// name whose probability is not a number.
std::vector<Candidate> most_likely(std::span<const double> logits, const ClientPart& client, std::size_t most);

/// The same of an image's last row, in whole percent: what may be shown of a decrypted answer.
std::vector<Candidate> coarse(const service::PrivateLogits& logits, std::size_t image, const ClientPart& client,
                              std::size_t most);

nlohmann::json to_json(const std::vector<Candidate>& candidates, const ClientPart& client);

/// "the  12.3 %", or "the  12 %" and "the  <1 %": as a table cell.
std::string to_cell(const Candidate& candidate);

/// What the model says in the clear of one text or image, with its polynomials and with the functions that they stand
/// for.
struct ClearAnswer {
    model::Evaluation polynomial;
    model::Tensor before_substitution;  ///< logits (T, vocabulary)
};

/// How many rows were found of each input, where `logits` values are those of all: one, or as many as it has in the
/// clear. Throws Error when they are neither.
std::vector<std::size_t> rows_found(std::size_t logits, std::span<const ClearAnswer> clear);

/// Of each input, on all threads.
std::vector<ClearAnswer> answer_in_the_clear(const model::Graph& graph, const std::vector<model::Tensor>& inputs);

/// How the logits found compare with the polynomial model's, over their rows: the last ones of each input. What is not
/// finite never counts as equal, and makes the errors NaN or infinite.
struct Agreement {
    std::size_t rows = 0;
    double max_error = 0;           ///< greatest |difference| of logits
    double max_relative_error = 0;  ///< the same over greatest less least logit of its row
    double argmax_share = 0;        ///< rows with the same most likely token or class
    double max_logit = 0;           ///< greatest |logit|, of either; NaN when one is
    std::size_t right = 0;          ///< of images with labels: how many are recognised
    std::size_t right_in_clear = 0;
};

/// `logits` is (rows, vocabulary) of one input behind the other; `labels` are those of images, or none. Throws Error
/// when they cannot be those of these inputs.
Agreement compare(std::span<const double> logits, const std::vector<ClearAnswer>& clear,
                  std::span<const std::size_t> labels = {});

/// The most likely tokens or classes by each of the three, for one input.
struct Answers {
    std::vector<Candidate> found;
    std::vector<Candidate> polynomial;
    std::vector<Candidate> before_substitution;
};

/// Of each input's last row, the `most` most likely.
std::vector<Answers> answers_of(std::span<const double> logits, const std::vector<ClearAnswer>& clear,
                                const ClientPart& client, std::size_t most);

/// `source` heads the first column: "from ciphertext". All candidates of a single input; of several, named by `names`,
/// the first.
std::string format_table(const std::vector<Answers>& answers, const std::vector<std::string>& names,
                         const std::string& source);

/// A list with the name and the candidates of each input.
nlohmann::json to_json(const std::vector<Answers>& answers, const std::vector<std::string>& names,
                       const ClientPart& client);

/// Whether an answer means anything, and what is known of why not.
struct Validity {
    bool valid = true;  ///< all logits, of either, are finite and within the model's bound with its slack
    bool doubtful =
        false;  ///< some inputs lay outside, and answers differ from those in the clear or before substitution
    double outside_share = 0;  ///< of all polynomials' inputs, over all inputs, in the clear
    double farthest = 0;       ///< model::farthest_outside()
};

/// `bound` is that of logits: no answer goes beyond it twice (service::kBoundSlack). `same` says whether the answers
/// are the same in the clear and before substitution.
Validity validity_of(const Agreement& agreement, const std::vector<ClearAnswer>& clear, bool same, double bound);
/// Whether the polynomial model's most likely entry is that before substitution, everywhere.
bool same_as_before(const std::vector<Answers>& answers);

/// A warning on standard error where there is something to warn of.
void warn(const Validity& validity);
/// After everything is written: throws CLI::RuntimeError with ExitCode::invalid_answer unless the answer is valid.
void require_valid(const Validity& validity);
/// Adds "valid", "out_of_interval_fraction" and "out_of_interval_farthest" to `document`.
void add_to(nlohmann::json& document, const Validity& validity);

}  // namespace polyformer::cli
