#include "polyformer/tasks/task.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <string_view>
#include <unordered_map>

#include "polyformer/support/error.h"
#include "polyformer/support/json.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/support/text.h"
#include "polyformer/tasks/table.h"

namespace polyformer::tasks {

namespace {

/// A role that a column has, and what it is called in data sets in use.
struct Role {
    std::string_view name;
    std::vector<std::string_view> aliases;
};

const std::array<Role, 6> kRoles{{
    {"text", {"text", "sentence", "question", "query", "utterance", "message", "content", "sequence", "input"}},
    {"label", {"label", "category", "intent", "class", "label_text"}},
    {"expected", {"expected", "rewritten"}},
    {"first", {"first", "sentence1", "sentence_1", "sentence_a", "text1"}},
    {"second", {"second", "sentence2", "sentence_2", "sentence_b", "text2"}},
    {"score", {"score", "similarity", "similarity_score", "relatedness_score"}},
}};

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return text;
}

std::optional<double> number_in(const std::string& cell) {
    double value = 0;
    const char* end = cell.data() + cell.size();
    const auto [stopped, error] = std::from_chars(cell.data(), end, value);
    if (error != std::errc() || stopped != end || !std::isfinite(value)) return std::nullopt;
    return value;
}

/// Which column has which role, and where the data begin.
struct Found {
    std::map<std::string_view, std::size_t> columns;
    std::size_t first_row = 0;
    bool has(std::string_view role) const { return columns.contains(role); }
};

Found find_by_names(const Table& table) {
    Found found;
    const auto& header = table.rows.front();
    for (std::size_t column = 0; column < header.size(); ++column) {
        const std::string name = lower(header[column]);
        for (const Role& role : kRoles) {
            if (std::ranges::find(role.aliases, name) != role.aliases.end()) found.columns.emplace(role.name, column);
        }
    }
    if (!found.columns.empty()) found.first_row = 1;
    return found;
}

/// Columns that are told apart by what is in them.
Found find_by_contents(const Table& table) {
    const auto& row = table.rows.front();
    Found found;
    if (row.size() >= 7 && number_in(row[4])) {
        found.columns = {{"score", 4}, {"first", 5}, {"second", 6}};
    } else if (row.size() == 2) {
        found.columns = {{"label", 0}, {"text", 1}};
    }
    return found;
}

std::string_view role_named(const std::string& name) {
    const auto* role = std::ranges::find(kRoles, std::string_view(name), &Role::name);
    require(role != kRoles.end(),
            "--columns: there is no role '{}', only text, label, expected, first, second and score", name);
    return role->name;
}

Found find_as_told(const Table& table, const Columns& told) {
    Found found;
    const auto& header = table.rows.front();
    for (const auto& [role, column] : told.named) {
        std::size_t number = 0;
        const auto [end, error] = std::from_chars(column.data(), column.data() + column.size(), number);
        if (error == std::errc() && end == column.data() + column.size()) {
            require(number >= 1 && number <= header.size(), "--columns: {} has {} columns, not a column {}", table.name,
                    header.size(), number);
            found.columns[role_named(role)] = number - 1;
            continue;
        }
        const auto name = std::ranges::find(header, column);
        require(name != header.end(), "--columns: {} has no column '{}', only '{}'", table.name, printable(column),
                printable(fmt::format("{}", fmt::join(header, "', '"))));
        found.columns[role_named(role)] = static_cast<std::size_t>(name - header.begin());
        found.first_row = 1;
    }
    if (table.named) found.first_row = 1;
    return found;
}

Found find_columns(const Table& table, const Columns& told) {
    require<FormatError>(!table.rows.empty(), "{} is empty", table.name);
    if (!told.named.empty()) return find_as_told(table, told);
    Found found = find_by_names(table);
    const bool enough = (found.has("first") && found.has("second") && found.has("score")) ||
                        (found.has("text") && (found.has("label") || found.has("expected")));
    if (enough || table.named) return found;
    return find_by_contents(table);
}

/// The cells of some roles, row by row.
template <class Use>
void for_each_row(const Table& table, const Found& found, std::initializer_list<std::string_view> roles,
                  const Use& use) {
    for (std::size_t r = found.first_row; r < table.rows.size(); ++r) {
        const auto& row = table.rows[r];
        std::vector<std::string> cells;
        for (const std::string_view role : roles) {
            const std::size_t column = found.columns.at(role);
            require<FormatError>(column < row.size(), "{} has {} cells, but its {} should be in cell {}",
                                 table.place(r), row.size(), role, column + 1);
            cells.push_back(row[column]);
        }
        use(cells, r);
    }
}

SentencePairs pairs_of(const Table& table, const Found& found) {
    SentencePairs pairs;
    for_each_row(table, found, {"first", "second", "score"}, [&](std::vector<std::string>& cells, std::size_t row) {
        const std::optional<double> score = number_in(cells[2]);
        require<FormatError>(score.has_value(), "{}: the score is '{}', which is no number", table.place(row),
                             printable(cells[2]));
        pairs.first.push_back(std::move(cells[0]));
        pairs.second.push_back(std::move(cells[1]));
        pairs.scores.push_back(*score);
    });
    return pairs;
}

LabelledTexts labelled_of(const Table& table, const Found& found) {
    LabelledTexts labelled;
    for_each_row(table, found, {"text", "label"}, [&](std::vector<std::string>& cells, std::size_t row) {
        require<FormatError>(!cells[1].empty(), "{} has no label", table.place(row));
        labelled.texts.push_back(std::move(cells[0]));
        labelled.labels.push_back(std::move(cells[1]));
    });
    return labelled;
}

RewrittenTexts rewritten_of(const Table& table, const Found& found) {
    RewrittenTexts rewritten;
    for_each_row(table, found, {"text", "expected"}, [&](std::vector<std::string>& cells, std::size_t) {
        rewritten.texts.push_back(std::move(cells[0]));
        rewritten.expected.push_back(std::move(cells[1]));
    });
    return rewritten;
}

[[noreturn]] void refuse(const Table& table) {
    fail<FormatError>(
        "{}: its columns are not known to be sentence pairs (sentence1, sentence2, score), labelled texts (text, "
        "label) or rewritten texts (text, expected): say what they are, as --columns text=2,label=1",
        table.name);
}

/// Objects with "_id" or without, line by line.
template <class Use>
void for_each_object(const std::filesystem::path& file, const Use& use) {
    const Table table = [&] {
        require<IoError>(std::filesystem::exists(file),
                         "'{}': no such file; a retrieval task is a folder with "
                         "corpus.jsonl, queries.jsonl and qrels/test.tsv, as BEIR has them",
                         file.string());
        return read_table(file);
    }();
    if (table.rows.empty()) return;
    const auto& header = table.rows.front();
    const auto column = [&](std::string_view name) -> std::optional<std::size_t> {
        const auto found = std::ranges::find(header, name);
        if (found == header.end()) return std::nullopt;
        return static_cast<std::size_t>(found - header.begin());
    };
    const auto id = column("_id") ? column("_id") : column("id");
    const auto title = column("title");
    const auto text = column("text");
    require<FormatError>(text.has_value(), "{} has no field 'text'", table.place(0));
    for (std::size_t r = 1; r < table.rows.size(); ++r) {
        const auto& row = table.rows[r];
        use(Document{id ? row[*id] : fmt::format("{}", r), title ? row[*title] : std::string(), row[*text]});
    }
}

Retrieval read_retrieval(const std::filesystem::path& folder, const std::string& split) {
    Retrieval task;
    task.documents = read_documents(folder / "corpus.jsonl");
    std::unordered_map<std::string, std::size_t> document_of;
    for (std::size_t i = 0; i < task.documents.size(); ++i) document_of.emplace(task.documents[i].id, i);
    std::map<std::string, std::map<std::size_t, double>> judgements;
    const Table qrels = read_table(folder / "qrels" / (split + ".tsv"));
    for (std::size_t r = 1; r < qrels.rows.size(); ++r) {
        const auto& row = qrels.rows[r];
        const double gain = row.size() >= 3 ? number_in(row[2]).value_or(-1) : -1;
        require<FormatError>(gain >= 0, "{}: expected a query, a document and a score of 0 or more", qrels.place(r));
        const auto document = document_of.find(row[1]);
        require<FormatError>(document != document_of.end(), "{}: there is no document '{}' in corpus.jsonl",
                             qrels.place(r), printable(row[1]));
        if (gain > 0) judgements[row[0]][document->second] = gain;
    }
    for_each_object(folder / "queries.jsonl", [&](Document query) {
        const auto judged = judgements.extract(query.id);
        if (judged.empty()) return;
        task.queries.push_back(std::move(query.text));
        task.relevance.push_back(judged.mapped());
    });
    require<FormatError>(judgements.empty() && !task.queries.empty(),
                         "'{}': the query '{}' of qrels/{}.tsv is not in queries.jsonl", folder.string(),
                         judgements.empty() ? "" : printable(judgements.begin()->first), split);
    return task;
}

}  // namespace

Columns parse_columns(const std::string& text) {
    Columns columns;
    std::string_view rest = text;
    while (!rest.empty()) {
        const std::string_view entry = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(entry.size() + 1, rest.size()));
        const std::size_t sign = entry.find('=');
        require(sign != std::string_view::npos && sign > 0 && sign + 1 < entry.size(),
                "--columns: '{}' is not ROLE=COLUMN, such as text=2,label=1", printable(entry));
        const std::string role(entry.substr(0, sign));
        static_cast<void>(role_named(role));
        columns.named[role] = std::string(entry.substr(sign + 1));
    }
    return columns;
}

Task read_task(const std::filesystem::path& path, const std::string& split, const Columns& columns) {
    if (std::filesystem::is_directory(path)) return read_retrieval(path, split);
    const Table table = read_table(path);
    const Found found = find_columns(table, columns);
    if (found.has("first") && found.has("second") && found.has("score")) return pairs_of(table, found);
    if (found.has("text") && found.has("expected")) return rewritten_of(table, found);
    if (found.has("text") && found.has("label")) return labelled_of(table, found);
    refuse(table);
}

LabelledTexts read_labelled_texts(const std::filesystem::path& file, const Columns& columns) {
    const Table table = read_table(file);
    const Found found = find_columns(table, columns);
    require<FormatError>(found.has("text") && found.has("label"),
                         "{}: labelled texts are wanted, in columns 'text' and 'label': say which they are, as "
                         "--columns text=2,label=1",
                         table.name);
    return labelled_of(table, found);
}

std::vector<Document> read_documents(const std::filesystem::path& file) {
    std::vector<Document> documents;
    std::set<std::string> ids;
    for_each_object(file, [&](Document document) {
        require<FormatError>(ids.insert(document.id).second, "'{}': there are two documents '{}'", file.string(),
                             printable(document.id));
        documents.push_back(std::move(document));
    });
    require<FormatError>(!documents.empty(), "'{}' holds no documents", file.string());
    return documents;
}

}  // namespace polyformer::tasks
