// Texts with what is known of them, to judge a model by.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace polyformer::tasks {

/// How alike people found two sentences: STS-B, SICK.
struct SentencePairs {
    std::vector<std::string> first;
    std::vector<std::string> second;
    std::vector<double> scores;
};

/// Intents, topics, spam.
struct LabelledTexts {
    std::vector<std::string> texts;
    std::vector<std::string> labels;
};

/// What a masked language model should make of a text, place by place: a protein and its humanised form.
struct RewrittenTexts {
    std::vector<std::string> texts;
    std::vector<std::string> expected;
};

/// A document of a collection.
struct Document {
    std::string id;
    std::string title;  ///< may be empty
    std::string text;
    /// What a model reads: title and text.
    std::string whole() const { return title.empty() ? text : title + " " + text; }
};

/// Queries and the documents that answer them, in BEIR's layout.
struct Retrieval {
    std::vector<Document> documents;
    std::vector<std::string> queries;
    std::vector<std::map<std::size_t, double>> relevance;  ///< by query: documents and their gains
};

using Task = std::variant<SentencePairs, LabelledTexts, RewrittenTexts, Retrieval>;

/// Where to look in a table whose columns do not say what they are.
struct Columns {
    std::map<std::string, std::string> named;  ///< by role ("text", "label", ...): a column's number from 1, or name
};
/// "text=2,label=1". Throws Error for anything else.
Columns parse_columns(const std::string& text);

/// Reads a task: a folder as BEIR has them (corpus.jsonl, queries.jsonl, qrels/SPLIT.tsv), or a table (see table.h). A
/// table's columns are found by their names: "sentence1", "sentence2" and "score"; "text" and "label"; "text" and
/// "expected"; or others in use for these. Tables without names are taken as STS-B (genre, file, year, id, score and
/// the sentences) or, with two columns, as label and text, unless `columns` says otherwise. Throws IoError when a file
/// is missing, FormatError naming file and row for what does not fit.
Task read_task(const std::filesystem::path& path, const std::string& split = "test", const Columns& columns = {});

/// A table of labelled texts, and of nothing else. Throws as read_task().
LabelledTexts read_labelled_texts(const std::filesystem::path& file, const Columns& columns = {});

/// A collection: JSON Lines with "text" and, or not, "_id" and "title". Throws as read_task().
std::vector<Document> read_documents(const std::filesystem::path& file);

}  // namespace polyformer::tasks
