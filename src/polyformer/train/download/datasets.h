// The data sets that `polyformer data` fetches, and how they get into a folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "polyformer/train/download/fetch_options.h"

namespace polyformer::train {

/// One file of a data set.
struct DataSetFile {
    std::string split;        ///< "train", "valid" or "test"
    std::string name;         ///< in the archive's folder and in ours
    std::uint64_t lines = 0;  ///< as published
    std::string sha256;       ///< 64 hexadecimal digits; empty when only the archive's is known
};

/// A data set, and how to tell that it is the one that was published.
struct DataSet {
    std::string name;  ///< what the command line calls it
    std::string title;
    std::string license;
    std::string url;                       ///< of the zip archive
    std::string sha256;                    ///< of the zip archive, 64 hexadecimal digits
    std::string folder;                    ///< in the archive
    std::uint64_t most_archive_bytes = 0;  ///< no archive of it is larger
    std::uint64_t most_file_bytes = 0;     ///< nor any of its files
    std::vector<DataSetFile> files;
};

/// All that are known.
std::span<const DataSet> data_sets();

/// Throws Error with the known names.
const DataSet& find_data_set(const std::string& name);

/// What a file was compared with.
enum class Check {
    checksum,  ///< its own, or that of the archive it came from
    lines,     ///< the number of its lines only
    none,      ///< a text of the user's own choice
};

/// One text of a data set, as it was written.
struct FetchedFile {
    std::string name;
    std::uint64_t bytes = 0;
    std::uint64_t lines = 0;
    std::uint64_t words = 0;  ///< separated by spaces, plus one for the end of each line
    std::string sha256;
    Check check = Check::none;
};

/// What fetch() has written.
struct Fetched {
    std::string source;  ///< a URL, a path, or "already there"
    std::vector<FetchedFile> files;
};

/// Fills `out` with the texts of a data set: from the archive at its official home, from a copy of that archive, or
/// from a folder with its texts, word level (checked) or otherwise (wiki.SPLIT.raw or SPLIT.txt, taken as they
/// are). A file appears whole and checked or not at all; one that is there is never replaced by another text. Throws
/// FormatError with expected and found when something is not what was published, IoError when something is missing or
/// cannot be fetched or written.
Fetched fetch(const DataSet& data_set, const FetchOptions& options);

}  // namespace polyformer::train
