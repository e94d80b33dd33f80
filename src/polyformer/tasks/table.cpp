#include "polyformer/tasks/table.h"

#include <csv.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "polyformer/support/error.h"
#include "polyformer/support/json.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/support/text.h"

namespace polyformer::tasks {

namespace {

using Row = std::vector<std::string>;

/// Calls use(line, number) for each that is not empty, without its end.
template <class Use>
void for_each_line(std::string_view text, const Use& use) {
    std::size_t number = 0;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        ++number;
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (!line.empty()) use(line, number);
    }
}

void read_tabs(std::string_view text, Table& table) {
    for_each_line(text, [&](std::string_view line, std::size_t) {
        Row& row = table.rows.emplace_back();
        while (true) {
            const std::size_t tab = std::min(line.find('\t'), line.size());
            row.emplace_back(line.substr(0, tab));
            if (tab == line.size()) break;
            line.remove_prefix(tab + 1);
        }
    });
}

/// What libcsv's calls fill.
struct CsvRows {
    std::vector<Row> rows;
    Row row;
};

void end_cell(void* cell, std::size_t size, void* rows) {
    static_cast<CsvRows*>(rows)->row.emplace_back(static_cast<const char*>(cell), size);
}

void end_row(int, void* rows) {
    auto& all = *static_cast<CsvRows*>(rows);
    all.rows.push_back(std::exchange(all.row, {}));
}

void read_commas(std::string_view text, Table& table) {
    csv_parser parser{};
    require(csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) == 0, "the reader of comma-separated files did not start");
    const std::unique_ptr<csv_parser, void (*)(csv_parser*)> owner(&parser, csv_free);
    CsvRows rows;
    const std::size_t read = csv_parse(&parser, text.data(), text.size(), end_cell, end_row, &rows);
    const bool ended = read == text.size() && csv_fini(&parser, end_cell, end_row, &rows) == 0;
    const auto line = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(read), '\n') + 1;
    require<FormatError>(ended,
                         "{}, line {}: not comma-separated as RFC 4180 has it: {}; a cell with quotes or commas is "
                         "put in quotes, and quotes in it are doubled",
                         table.name, line, csv_strerror(csv_error(&parser)));
    table.rows = std::move(rows.rows);
}

std::string cell_of(const nlohmann::json& value) {
    if (value.is_string()) return value.get<std::string>();
    return value.is_number() || value.is_boolean() ? value.dump() : std::string();
}

void read_objects(std::string_view text, Table& table) {
    table.named = true;
    for_each_line(text, [&](std::string_view line, std::size_t number) {
        const std::string place = fmt::format("{}, line {}", table.name, number);
        const nlohmann::json object = parse_json(line, place);
        require<FormatError>(object.is_object(), "{}: a line of JSON Lines must be an object: {{\"text\": \"...\"}}",
                             place);
        if (table.rows.empty()) {
            Row& names = table.rows.emplace_back();
            for (const auto& [key, value] : object.items()) {
                if (value.is_primitive() && !value.is_null()) names.push_back(key);
            }
        }
        Row row;
        for (const std::string& name : table.rows.front()) {
            const auto found = object.find(name);
            row.push_back(found == object.end() ? std::string() : cell_of(*found));
        }
        table.rows.push_back(std::move(row));
    });
}

}  // namespace

std::string Table::place(std::size_t row) const {
    return fmt::format("{}, row {}", name, row + 1);
}

Table parse_table(std::string_view text, const std::string& name, const std::string& kind) {
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // a mark of byte order
    Table table{.name = name, .rows = {}};
    const std::size_t invalid = find_invalid_utf8(text);
    require<FormatError>(invalid == text.size(),
                         "{}, line {}: a byte (0x{:02x}) is no UTF-8; if the file is in another encoding, convert it: "
                         "iconv -f latin1 -t utf-8",
                         name, std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(invalid), '\n') + 1,
                         invalid < text.size() ? static_cast<unsigned char>(text[invalid]) : 0);
    const std::string_view first = text.substr(0, text.find('\n'));
    if (kind == ".jsonl") {
        read_objects(text, table);
    } else if (first.find('\t') != std::string_view::npos) {
        read_tabs(text, table);
    } else {
        read_commas(text, table);
    }
    return table;
}

Table read_table(const std::filesystem::path& file) {
    return parse_table(read_file(file), fmt::format("'{}'", file.string()), file.extension().string());
}

}  // namespace polyformer::tasks
