#include "polyformer/support/table.h"

#include <algorithm>
#include <cctype>

#include "polyformer/support/text.h"

namespace polyformer {

namespace {

bool looks_numeric(const std::string& text) {
    return !text.empty() && (std::isdigit(static_cast<unsigned char>(text.front())) != 0 || text.front() == '-');
}

}  // namespace

std::string format_table(const std::vector<std::vector<std::string>>& cells) {
    std::vector<std::vector<std::string>> rows = cells;
    std::vector<std::size_t> widths;
    for (auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::string& cell : row) cell = printable(cell);  // steps, classes and files are named by others
        for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], display_width(row[c]));
    }
    std::string text;
    for (std::size_t r = 0; r < rows.size(); ++r) {
        std::string line;
        for (std::size_t c = 0; c < rows[r].size(); ++c) {
            const std::string& cell = rows[r][c];
            const std::string padding(widths[c] - display_width(cell), ' ');
            line += (c == 0 ? "" : "  ") + (looks_numeric(cell) && c > 0 ? padding + cell : cell + padding);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
        if (r != 0) continue;
        for (std::size_t c = 0; c < widths.size(); ++c) text += (c == 0 ? "" : "  ") + std::string(widths[c], '-');
        text += '\n';
    }
    return text;
}

}  // namespace polyformer
