// What `polyformer eval --task` reports: how good a model's answers are, before and after substitution.
#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/tasks/task.h"

namespace polyformer::tasks {

/// Which model to judge by what.
struct EvaluationOptions {
    std::filesystem::path model;     ///< a model folder with a tokenizer, or a checkpoint's own
    std::size_t model_tokens = 256;  ///< of each text, for a checkpoint
    std::filesystem::path task;      ///< see read_task()
    std::string split = "test";      ///< of a retrieval task
    Columns columns;                 ///< of a table
    /// What a retrieval task's documents are read by (load_model_or_checkpoint()); empty: `model`.
    std::filesystem::path document_model;
    std::size_t document_tokens = 256;  ///< of each document, for a model that is a checkpoint
    std::size_t most_texts = 0;         ///< only the first so many pairs, texts or queries; 0: all
    bool quiet = false;                 ///< no progress bar
};

/// One number that the task is judged by.
struct Measure {
    std::string name;
    double polynomial = 0;           ///< of the model as it runs encrypted, where it was substituted
    double before_substitution = 0;  ///< of the same weights with the exact functions
};

/// How a model did, before and after substitution.
struct TaskResult {
    std::string kind;  ///< "sentence pairs", "labelled texts", "rewritten texts", "retrieval"
    std::size_t texts = 0;
    std::size_t texts_cut = 0;   ///< that have more tokens than the model takes
    std::size_t texts_lost = 0;  ///< whose answer by polynomials is not finite: wrong in all measures
    std::vector<Measure> measures;
    /// Whether the model has polynomials; a checkpoint has none, and all of the below says nothing of it.
    bool substituted = true;
    std::string likeness;      ///< "cosine of both embeddings", or "equal answers"
    double mean_likeness = 0;  ///< of the answers of both; cosines only of texts that are not lost
    double least_likeness = 0;
    std::vector<model::IntervalReport> intervals;
    std::size_t texts_outside = 0;  ///< texts some value of which left a polynomial's interval
    double seconds = 0;
};

/// Throws FormatError for a damaged model or task, Error when the model does not give what the task asks for.
TaskResult evaluate_task(const EvaluationOptions& options);

nlohmann::ordered_json to_json(const TaskResult& result);
/// A table for people.
std::string describe(const TaskResult& result);

}  // namespace polyformer::tasks
