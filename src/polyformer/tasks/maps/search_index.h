// Documents to search in, as one more linear map behind an encoder: scores of all of them come out of a query's
// ciphertext.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "polyformer/tasks/task.h"
#include "polyformer/tasks/text_model.h"

namespace polyformer::tasks {

/// An encoder's graph with an index behind it, and what its outputs are called.
struct SearchIndex {
    model::Graph graph;  ///< (1, documents): the product of the query's vector and each document's of length 1
    std::vector<std::string> titles;
};

/// A document's title, or the beginning of its text, as a label: one short line.
std::string title_of(const Document& document);

/// Reads the documents by `reader` with the exact functions, in the clear; queries will be read by `encoder`. Scores'
/// bound comes from the length of the vectors that the encoder gives for some of the titles. `progress` gets the share
/// done. Throws Error when either gives no embedding, or embeddings of another size.
SearchIndex make_index(const TextModel& encoder, const TextModel& reader, std::span<const Document> documents,
                       const std::function<void(double)>& progress);

/// Writes it as a model's folder, with what the encoder's folder `like` has for texts. Throws IoError when it cannot be
/// written.
void save_index(const std::filesystem::path& folder, const std::filesystem::path& like, SearchIndex index,
                model::TextInput input);

}  // namespace polyformer::tasks
