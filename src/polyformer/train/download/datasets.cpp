#include "polyformer/train/download/datasets.h"

#include <algorithm>
#include <functional>

#include "polyformer/model/language/corpus.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/support/system/digest.h"
#include "polyformer/support/system/mapped_file.h"
#include "polyformer/support/system/progress.h"
#include "polyformer/train/download/archive.h"

namespace polyformer::train {
namespace {

namespace fs = std::filesystem;

/// Calls its argument with the contents of a file, first to last.
using ReadBytes = std::function<void(const UseBytes&)>;

/// Takes a text's measures as it passes by.
class TextMeasure {
  public:
    void update(std::span<const std::byte> bytes) {
        hash_.update(bytes);
        bytes_ += bytes.size();
        for (const std::byte byte : bytes) {
            const char c = static_cast<char>(byte);
            const bool word = c != ' ' && c != '\n';
            words_ += word && !inside_ ? 1 : 0;
            lines_ += c == '\n' ? 1 : 0;
            inside_ = word;
        }
    }

    FetchedFile finish(const std::string& name, Check check) {
        return {.name = name,
                .bytes = bytes_,
                .lines = lines_,
                .words = words_ + lines_,
                .sha256 = to_hex(hash_.finish()),
                .check = check};
    }

  private:
    Sha256 hash_;
    std::uint64_t bytes_ = 0;
    std::uint64_t lines_ = 0;
    std::uint64_t words_ = 0;
    bool inside_ = false;
};

ReadBytes contents_of(const fs::path& file) {
    return [file](const UseBytes& use) {
        const MappedFile mapping(file);
        constexpr std::size_t block = std::size_t{1} << 18;
        for (std::span<const std::byte> rest = mapping.bytes(); !rest.empty();) {
            const std::size_t count = std::min(rest.size(), block);
            use(rest.first(count));
            rest = rest.subspan(count);
        }
    };
}

FetchedFile measure(const fs::path& file, Check check) {
    TextMeasure text;
    contents_of(file)([&](std::span<const std::byte> bytes) { text.update(bytes); });
    return text.finish(file.filename().string(), check);
}

/// Throws FormatError unless what was found at `place` is what was published.
void require_published(const FetchedFile& found, const DataSetFile& published, const std::string& place,
                       const std::string& remedy) {
    require<FormatError>(found.lines == published.lines, "{}: {} has {} lines, the published one {}: {}", place,
                         found.name, found.lines, published.lines, remedy);
    require<FormatError>(published.sha256.empty() || found.sha256 == published.sha256,
                         "{}: {} has the SHA-256 {}, the published one {}: {}", place, found.name, found.sha256,
                         published.sha256, remedy);
}

/// What a file on its own can be held against.
Check own_check(const DataSetFile& file) {
    return file.sha256.empty() ? Check::lines : Check::checksum;
}

/// Writes a text to `target` unless `accept` throws or another text is there already.
FetchedFile place(const ReadBytes& read, const fs::path& target, Check check,
                  const std::function<void(const FetchedFile&)>& accept) {
    AtomicFile out(target);
    TextMeasure text;
    read([&](std::span<const std::byte> bytes) {
        text.update(bytes);
        out.write(bytes);
    });
    FetchedFile file = text.finish(target.filename().string(), check);
    accept(file);
    require(!fs::exists(target) || sha256_of_file(target) == file.sha256,
            "'{}' is there already and is another text: delete it, or choose another folder with --out",
            target.string());
    out.commit();
    return file;
}

/// The data set as found in `out`; nothing when a file is missing. Throws FormatError when one is another text.
std::vector<FetchedFile> already_there(const DataSet& data_set, const fs::path& out) {
    std::vector<FetchedFile> files;
    for (const DataSetFile& file : data_set.files) {
        if (!fs::exists(out / file.name)) continue;
        files.push_back(measure(out / file.name, own_check(file)));
        require_published(files.back(), file, out.string(), "delete it, or choose another folder with --out");
    }
    if (files.size() < data_set.files.size()) files.clear();
    return files;
}

std::vector<FetchedFile> unpack(const DataSet& data_set, const fs::path& archive, const FetchOptions& options) {
    const Archive opened(archive);
    std::vector<FetchedFile> files;
    Progress progress("Unpacking " + archive.filename().string(), static_cast<double>(data_set.files.size()),
                      options.quiet);
    for (const DataSetFile& file : data_set.files) {
        progress.update(static_cast<double>(files.size()), file.name);
        const ReadBytes read = [&](const UseBytes& use) {
            opened.read(data_set.folder + "/" + file.name, data_set.most_file_bytes, use);
        };
        files.push_back(place(read, options.out / file.name, Check::checksum, [&](const FetchedFile& found) {
            require_published(found, file, archive.string(), "fetch it again");
        }));
    }
    progress.finish();
    return files;
}

std::vector<FetchedFile> copy_archive(const DataSet& data_set, const FetchOptions& options) {
    const std::string found = sha256_of_file(options.from);
    require<FormatError>(
        found == data_set.sha256,
        "'{}' is not {}: its SHA-256 is {}, expected {}; if it holds the texts all the same, unpack it "
        "and give the folder with --from",
        options.from.string(), fs::path(data_set.url).filename().string(), found, data_set.sha256);
    return unpack(data_set, options.from, options);
}

std::vector<FetchedFile> copy_folder(const DataSet& data_set, const FetchOptions& options) {
    std::vector<fs::path> sources;  // all, before the first is copied
    for (const DataSetFile& file : data_set.files) {
        const auto source = model::find_corpus_file(options.from, file.split);
        require<IoError>(source.has_value(), "'{}' holds none of {}: give the folder that does, or {}, with --from",
                         options.from.string(), fmt::join(model::corpus_names(file.split), ", "),
                         fs::path(data_set.url).filename().string());
        sources.push_back(*source);
    }
    std::vector<FetchedFile> files;
    for (std::size_t i = 0; i < sources.size(); ++i) {
        const DataSetFile& file = data_set.files[i];
        const bool published = sources[i].filename() == file.name;
        const Check check = published ? own_check(file) : Check::none;
        files.push_back(
            place(contents_of(sources[i]), options.out / sources[i].filename(), check, [&](const FetchedFile& found) {
                if (!published) return;
                require_published(found, file, options.from.string(),
                                  "it is another text, or a damaged copy; give another with --from");
            }));
    }
    return files;
}

std::vector<FetchedFile> fetch_published(const DataSet& data_set, const FetchOptions& options) {
    const fs::path archive = fetch_archive(data_set.url, data_set.sha256, data_set.most_archive_bytes, options);
    std::vector<FetchedFile> files = unpack(data_set, archive, options);
    fs::remove(archive);
    return files;
}

}  // namespace

std::span<const DataSet> data_sets() {
    // The archives' home is their first author's; that of the paper (Merity et al., "Pointer Sentinel Mixture Models",
    // arXiv 1609.07843) serves them no more. The archives' checksums are those that loaders of them record, such as
    // MLX Data's (ml-explore/mlx-data, python/mlx/data/datasets/wikitext.py); the lines are torchtext's; WikiText-2's
    // files were hashed by us. The texts of valid and test are the same in both sets, but each writes <unk> for words
    // outside its own vocabulary.
    static const std::vector<DataSet> all = {
        {.name = "wikitext-2",
         .title = "WikiText-2, word level: 2 million words of Wikipedia",
         .license = "CC BY-SA 3.0",
         .url = "https://wikitext.smerity.com/wikitext-2-v1.zip",
         .sha256 = "92675f1d63015c1c8b51f1656a52d5bdbc33aafa60cc47a218a66e7ee817488c",
         .folder = "wikitext-2",
         .most_archive_bytes = std::uint64_t{16} << 20,
         .most_file_bytes = std::uint64_t{64} << 20,
         .files =
             {{"train", "wiki.train.tokens", 36718, "9e9fa1ad55b1c2c95b08e37dd8e653f638fac2c6de904b79e813611eefbc985f"},
              {"valid", "wiki.valid.tokens", 3760, "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8"},
              {"test", "wiki.test.tokens", 4358, "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0"}}},
        {.name = "wikitext-103",
         .title = "WikiText-103, word level: 103 million words of Wikipedia",
         .license = "CC BY-SA 3.0",
         .url = "https://wikitext.smerity.com/wikitext-103-v1.zip",
         .sha256 = "242ba0f20b329cfdf1ccc61e9e9e5b59becf189db7f7a81cd2a0e2fc31539590",
         .folder = "wikitext-103",
         .most_archive_bytes = std::uint64_t{512} << 20,
         .most_file_bytes = std::uint64_t{1} << 30,
         .files = {{"train", "wiki.train.tokens", 1801350, ""},
                   {"valid", "wiki.valid.tokens", 3760, ""},
                   {"test", "wiki.test.tokens", 4358, ""}}},
    };
    return all;
}

const DataSet& find_data_set(const std::string& name) {
    std::vector<std::string> known;
    for (const DataSet& data_set : data_sets()) {
        if (data_set.name == name) return data_set;
        known.push_back(data_set.name);
    }
    fail("unknown data set '{}': choose {}", name, fmt::join(known, " or "));
}

Fetched fetch(const DataSet& data_set, const FetchOptions& options) {
    if (std::vector<FetchedFile> files = already_there(data_set, options.out); !files.empty()) {
        return {.source = "already there", .files = std::move(files)};
    }
    check_folders(options);
    if (options.from.empty()) return {.source = data_set.url, .files = fetch_published(data_set, options)};
    const bool folder = fs::is_directory(options.from);
    return {.source = options.from.string(),
            .files = folder ? copy_folder(data_set, options) : copy_archive(data_set, options)};
}

}  // namespace polyformer::train
