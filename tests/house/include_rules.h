// Who may include whom: the table of docs/architecture.md, held against the sources.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace polyformer::house {

/// Folders under src/polyformer, each with all that it may use: what its row names, and what those may use.
using Rooms = std::map<std::string, std::set<std::string>>;

/// Reads the table whose header begins with "| folder | may use |". Throws std::runtime_error on a row that uses a
/// folder of no row above it, so that the table itself cannot go round.
Rooms read_rooms(const std::string& markdown);

/// Each source under src/polyformer by its path from there ("ckks/ring/rns.h"), with those that it includes.
using Includes = std::map<std::string, std::vector<std::string>>;

Includes read_includes(const std::filesystem::path& source_directory);

/// One sentence for each include that the table does not allow and for each folder that it does not know.
std::vector<std::string> forbidden_includes(const Rooms& rooms, const Includes& includes);

/// The files of a circle of includes, the first one again at the end; empty when there is none.
std::vector<std::string> circle(const Includes& includes);

}  // namespace polyformer::house
