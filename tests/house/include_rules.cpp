#include "tests/house/include_rules.h"

#include <algorithm>
#include <fstream>
#include <functional>
#include <regex>
#include <sstream>
#include <stdexcept>

namespace polyformer::house {

namespace {

std::vector<std::string> names_in(const std::string& cell) {
    static const std::regex name("`([a-z0-9_/]+)`");
    std::vector<std::string> names;
    for (std::sregex_iterator match(cell.begin(), cell.end(), name), end; match != end; ++match) {
        names.push_back((*match)[1]);
    }
    return names;
}

std::string folder_of(const std::string& file) {
    return std::filesystem::path(file).parent_path().generic_string();
}

}  // namespace

Rooms read_rooms(const std::string& markdown) {
    Rooms rooms;
    std::istringstream lines(markdown);
    std::string line;
    bool inside = false;
    while (std::getline(lines, line)) {
        if (line.starts_with("| folder | may use |")) {
            inside = true;
        } else if (!line.starts_with('|')) {
            inside = false;
        } else if (inside && !line.starts_with("| ---")) {
            std::istringstream cells(line);
            std::string nothing, folder, may_use;
            std::getline(cells, nothing, '|');
            std::getline(cells, folder, '|');
            std::getline(cells, may_use, '|');
            const std::string room = names_in(folder).at(0);
            std::set<std::string> all;
            for (const std::string& used : names_in(may_use)) {
                const auto known = rooms.find(used);
                if (known == rooms.end()) {
                    throw std::runtime_error("the table's row of " + room + " uses " + used +
                                             ", which no row above it has");
                }
                all.insert(used);
                all.insert(known->second.begin(), known->second.end());
            }
            if (!rooms.emplace(room, all).second) throw std::runtime_error("the table has " + room + " twice");
        }
    }
    if (rooms.empty()) throw std::runtime_error("no table that begins with '| folder | may use |'");
    return rooms;
}

Includes read_includes(const std::filesystem::path& source_directory) {
    static const std::regex include(R"re(^\s*#\s*include\s+["<]polyformer/([^">]+)[">])re");
    Includes includes;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(source_directory / "polyformer")) {
        const std::string extension = entry.path().extension().string();
        if (extension != ".h" && extension != ".cpp") continue;
        std::vector<std::string>& found =
            includes[std::filesystem::relative(entry.path(), source_directory / "polyformer").generic_string()];
        std::ifstream file(entry.path());
        std::string line;
        std::smatch match;
        while (std::getline(file, line)) {
            if (std::regex_search(line, match, include)) found.push_back(match[1]);
        }
    }
    return includes;
}

std::vector<std::string> forbidden_includes(const Rooms& rooms, const Includes& includes) {
    std::vector<std::string> faults;
    for (const auto& [file, included] : includes) {
        const std::string from = folder_of(file);
        const auto room = rooms.find(from);
        if (room == rooms.end()) {
            faults.push_back(file + ": the table of docs/architecture.md has no folder " + from);
            continue;
        }
        for (const std::string& header : included) {
            const std::string to = folder_of(header);
            if (to == from || room->second.contains(to)) continue;
            faults.push_back(file + " includes " + header + ", but " + from + " may not use " + to);
        }
    }
    return faults;
}

std::vector<std::string> circle(const Includes& includes) {
    std::set<std::string> finished;
    std::vector<std::string> path;
    const std::function<bool(const std::string&)> visit = [&](const std::string& file) {
        if (finished.contains(file)) return false;
        const auto seen = std::ranges::find(path, file);
        if (seen != path.end()) {
            path.erase(path.begin(), seen);
            path.push_back(file);
            return true;
        }
        const auto entry = includes.find(file);
        if (entry == includes.end()) return false;
        path.push_back(file);
        if (std::ranges::any_of(entry->second, visit)) return true;
        path.pop_back();
        finished.insert(file);
        return false;
    };
    for (const auto& [file, included] : includes) {
        if (visit(file)) return path;
    }
    return {};
}

}  // namespace polyformer::house
