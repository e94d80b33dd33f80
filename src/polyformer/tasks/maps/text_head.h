// A classifier made of an encoder: a linear map behind it, fitted to labelled texts.
#pragma once

#include <cstddef>
#include <filesystem>

#include "polyformer/model/graph/graph.h"
#include "polyformer/model/language/text_input.h"
#include "polyformer/tasks/maps/linear_head.h"
#include "polyformer/tasks/task.h"
#include "polyformer/tasks/text_model.h"

namespace polyformer::tasks {

/// An encoder's graph with a head behind it, what its outputs are called, and how well it fits.
struct TextHead {
    model::Graph graph;             ///< (1, classes)
    model::TextInput input;         ///< that of the encoder, with the classes' names
    std::size_t texts = 0;          ///< that it was fitted to
    std::size_t texts_outside = 0;  ///< texts some value of which left a polynomial's interval
    std::size_t texts_lost = 0;     ///< left out: so far outside that they have no vector
    double loss = 0;                ///< mean −log of the true class's probability, on what it was fitted to
    double accuracy = 0;            ///< on the same
};

/// Fits to what the polynomials make of the texts, which is what the head will see under encryption; classes are the
/// labels in order of their names. Draws progress bars unless `quiet`. Throws Error for a model that gives no
/// embedding, fewer than two classes, and a text without a token.
TextHead fit_text_head(const TextModel& encoder, const LabelledTexts& data, const HeadOptions& options,
                       bool quiet = false);

/// Writes it as a model's folder, with what the encoder's folder `like` has for texts. Throws IoError when it cannot be
/// written.
void save_text_head(const std::filesystem::path& folder, const std::filesystem::path& like, const TextHead& head);

}  // namespace polyformer::tasks
