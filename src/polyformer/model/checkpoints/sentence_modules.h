// What sentence-transformers keeps beside a model: how the vectors of a text's tokens become one.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace polyformer::model {

/// What is made of the tokens' vectors.
enum class Pooling {
    mean,   ///< their mean
    first,  ///< the first token's, [CLS]
};

/// A linear map behind the pooling, in a folder of its own.
struct DenseModule {
    std::filesystem::path folder;
    std::size_t inputs = 0;
    std::size_t outputs = 0;
    bool bias = true;
    std::string activation;  ///< "tanh", or empty
};

/// modules.json and what it leads to.
struct SentenceModules {
    std::filesystem::path transformer;  ///< where config.json and the weights are
    Pooling pooling = Pooling::mean;
    std::vector<DenseModule> dense;
    bool normalise = false;
    std::size_t most_tokens = 0;  ///< longer texts are cut; 0: nothing is said
    std::string prompt;           ///< what sentence-transformers puts before each text; mostly nothing
    bool lower_case = false;      ///< whether texts become lower case before the tokenizer sees them
};

/// Nothing where `folder` has no modules.json. Throws FormatError naming file and field for modules, kinds of pooling
/// and activations that are not the above, IoError for a file that is missing.
std::optional<SentenceModules> read_sentence_modules(const std::filesystem::path& folder);

}  // namespace polyformer::model
