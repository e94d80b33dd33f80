// Tables that people keep their texts in: CSV, TSV, JSON Lines.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace polyformer::tasks {

/// Rows of cells, in UTF-8. The first row may be a header: that is for the reader to say.
struct Table {
    std::string name;  ///< of the file, for messages
    std::vector<std::vector<std::string>> rows;
    bool named = false;  ///< the first row holds the names of columns for certain (JSON Lines)

    /// "'FILE', row 12"
    std::string place(std::size_t row) const;
};

/// Reads ".jsonl" as JSON Lines (an object a line; the columns are the fields that hold texts or numbers, by the first
/// line's names), a file whose first line has a tab as tab-separated (nothing is quoted), anything else as
/// comma-separated with quotes (RFC 4180), where cells may have line breaks. Empty lines are left out. Throws IoError
/// when the file cannot be read, FormatError naming file and line for bytes that are no UTF-8, quotes that do not close
/// or lines that are no objects.
Table read_table(const std::filesystem::path& file);

/// The same of text in memory; `kind` is the file's extension.
Table parse_table(std::string_view text, const std::string& name, const std::string& kind);

}  // namespace polyformer::tasks
