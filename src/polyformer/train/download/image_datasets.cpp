#include "polyformer/train/download/image_datasets.h"

#include <algorithm>
#include <fstream>
#include <functional>
#include <optional>
#include <string_view>

#include "polyformer/model/images/image_set.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/digest.h"
#include "polyformer/support/system/parallel.h"
#include "polyformer/support/system/progress.h"
#include "polyformer/train/download/archive.h"

namespace polyformer::train {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t most_bytes_in_all = std::uint64_t{4} << 30;
constexpr std::size_t images_a_batch = 1000;

std::vector<std::string> split_path(std::string_view path) {
    std::vector<std::string> parts;
    while (!path.empty()) {
        const std::size_t end = std::min(path.find('/'), path.size());
        if (end > 0 && path.substr(0, end) != ".") parts.emplace_back(path.substr(0, end));
        path.remove_prefix(std::min(end + 1, path.size()));
    }
    return parts;
}

/// One part of a path; the pattern has at most one '*'.
bool matches(std::string_view name, std::string_view pattern) {
    const std::size_t star = pattern.find('*');
    if (star == std::string_view::npos) return name == pattern;
    const std::string_view tail = pattern.substr(star + 1);
    return name.size() >= pattern.size() && name.starts_with(pattern.substr(0, star)) && name.ends_with(tail) &&
           !name.starts_with('.');
}

bool matches(std::span<const std::string> parts, const std::string& pattern) {
    const std::vector<std::string> patterns = split_path(pattern);
    return std::equal(parts.begin(), parts.end(), patterns.begin(), patterns.end(),
                      [](const std::string& part, const std::string& wanted) { return matches(part, wanted); });
}

/// Where a file of that name belongs in the data set's folder; nothing when it is not one of its files. An archive may
/// hold them in one folder more. Throws FormatError for a name that leads elsewhere.
std::optional<fs::path> place_of(const ImageDataSet& data_set, const std::string& name, const fs::path& source) {
    const std::vector<std::string> parts = split_path(name);
    require<FormatError>(!name.starts_with('/') && std::find(parts.begin(), parts.end(), "..") == parts.end(),
                         "'{}': the entry '{}' leads out of the folder: nothing was unpacked", source.string(), name);
    const std::span<const std::string> whole = parts;
    for (const auto& below : {whole, whole.subspan(std::min<std::size_t>(1, whole.size()))}) {
        for (const std::string& pattern : data_set.files) {
            if (!matches(below, pattern)) continue;
            fs::path place;
            for (const std::string& part : below) place /= part;
            return place;
        }
    }
    return std::nullopt;
}

/// A folder beside the final place of the files, in which they are checked first; removed at the end.
class Staging {
  public:
    Staging(const ImageDataSet& data_set, const fs::path& out) : data_set_(data_set), out_(out) {
        fs::remove_all(folder());
        fs::create_directories(folder());
    }
    ~Staging() {
        std::error_code ignored;
        fs::remove_all(folder(), ignored);
    }
    Staging(const Staging&) = delete;
    Staging& operator=(const Staging&) = delete;
    Staging(Staging&&) = delete;
    Staging& operator=(Staging&&) = delete;

    fs::path folder() const { return out_ / ".unpacked"; }

    /// Calls read(most bytes, use) for what it gives. Throws FormatError when the file is there already.
    void write(const fs::path& place, const std::function<void(std::uint64_t, const UseBytes&)>& read) {
        const fs::path target = folder() / place;
        require<FormatError>(!fs::exists(target), "there are two files {}: which one is right?", place.string());
        fs::create_directories(target.parent_path());
        std::ofstream file(target, std::ios::binary);
        read(data_set_.most_file_bytes, [&](std::span<const std::byte> bytes) {
            bytes_ += bytes.size();
            require<FormatError>(bytes_ <= most_bytes_in_all, "more than {} bytes: this is not {}", most_bytes_in_all,
                                 data_set_.name);
            file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
        });
        file.close();
        require<IoError>(!file.fail(), "writing '{}' failed: make room, or choose another folder with --out",
                         target.string());
    }

    /// Moves everything to where it belongs. Throws Error when something of that name is there.
    void commit() {
        std::vector<fs::path> names;
        for (const fs::directory_entry& entry : fs::directory_iterator(folder())) {
            names.push_back(entry.path().filename());
        }
        for (const fs::path& name : names) {
            require(!fs::exists(out_ / name), "'{}' is there already: delete it, or choose another folder with --out",
                    (out_ / name).string());
        }
        for (const fs::path& name : names) fs::rename(folder() / name, out_ / name);
    }

  private:
    const ImageDataSet& data_set_;
    fs::path out_;
    std::uint64_t bytes_ = 0;
};

void unpack(const ImageDataSet& data_set, const fs::path& file, Staging& staging, bool quiet) {
    Progress progress("Unpacking " + file.filename().string(), 1, quiet);
    Archive(file).for_each([&](const ArchiveEntry& entry, double done) {
        const std::optional<fs::path> place = place_of(data_set, entry.name(), file);
        if (!place || entry.kind() == ArchiveEntry::Kind::folder) return;
        require<FormatError>(entry.kind() == ArchiveEntry::Kind::file,
                             "'{}': the entry '{}' is a link or a device, not a file: nothing was unpacked",
                             file.string(), entry.name());
        staging.write(*place, [&](std::uint64_t most, const UseBytes& use) { entry.read(most, use); });
        progress.update(done);
    });
    progress.finish();
}

void copy(const ImageDataSet& data_set, const fs::path& from, Staging& staging) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(from)) {
        if (!entry.is_regular_file()) continue;
        const std::optional<fs::path> place =
            place_of(data_set, entry.path().lexically_relative(from).generic_string(), from);
        if (!place) continue;
        staging.write(*place, [&](std::uint64_t most, const UseBytes& use) {
            const MappedFile file(entry.path());
            require<FormatError>(file.bytes().size() <= most, "'{}' has {} bytes, more than the {} that it can have",
                                 entry.path().string(), file.bytes().size(), most);
            use(file.bytes());
        });
    }
}

/// Throws FormatError naming the first image that cannot be read or has another size than was published.
void require_readable(std::span<const model::ImageSet> sets, std::size_t side, bool quiet) {
    std::size_t images = 0;
    for (const model::ImageSet& set : sets) images += set.size();
    Progress progress("Reading every image", static_cast<double>(images), quiet);
    std::size_t done = 0;
    for (const model::ImageSet& set : sets) {
        for (std::size_t begin = 0; begin < set.size(); begin += images_a_batch) {
            const std::size_t count = std::min(images_a_batch, set.size() - begin);
            parallel_for(count, [&](std::size_t i) {
                const model::Image image = set.image(begin + i);
                require<FormatError>(image.height == side && image.width == side,
                                     "{} is {}x{} pixels, the published ones {}x{}", set.name(begin + i), image.width,
                                     image.height, side, side);
            });
            done += count;
            progress.update(static_cast<double>(done));
        }
    }
    progress.finish();
}

/// Throws FormatError unless every class has as many images as published, or fewer where subsets exist.
ImageCounts count(const ImageDataSet& data_set, const std::string& split, std::span<const model::ImageSet> sets,
                  std::size_t published, const fs::path& folder) {
    std::vector<std::size_t> counts(data_set.classes);
    for (const model::ImageSet& set : sets) {
        require<FormatError>(set.classes().size() == data_set.classes, "'{}' has {} classes, {} has {}",
                             folder.string(), set.classes().size(), data_set.name, data_set.classes);
        for (std::size_t i = 0; i < set.size(); ++i) ++counts[set.label(i)];
    }
    for (std::size_t label = 0; label < counts.size(); ++label) {
        const bool accepted =
            data_set.subsets_exist ? counts[label] >= 1 && counts[label] <= published : counts[label] == published;
        require<FormatError>(accepted, "'{}' has {} images of '{}' for {}, but {} were published{}", folder.string(),
                             counts[label], sets.front().classes()[label], split, published,
                             data_set.subsets_exist ? " (and of a subset at least 1 is needed)" : "");
    }
    const auto [fewest, most] = std::minmax_element(counts.begin(), counts.end());
    ImageCounts result{.split = split, .images = 0, .fewest = *fewest, .most = *most, .published = published};
    for (const std::size_t images : counts) result.images += images;
    return result;
}

/// What lies in `folder`, read as a whole when `thoroughly`. Throws FormatError unless it is this data set.
FetchedImages check(const ImageDataSet& data_set, const fs::path& folder, bool thoroughly, bool quiet) {
    const std::vector<model::ImageSet> all = {model::open_image_set(folder, "train"),
                                              model::open_image_set(folder, "valid"),
                                              model::open_image_set(folder, "test")};
    const std::span<const model::ImageSet> sets = all;
    FetchedImages fetched;
    fetched.classes = data_set.classes;
    fetched.splits = {count(data_set, "train", sets.first(2), data_set.train_a_class, folder),
                      count(data_set, "test", sets.last(1), data_set.test_a_class, folder)};
    for (const ImageCounts& counts : fetched.splits) fetched.is_subset |= counts.fewest < counts.published;
    if (thoroughly) require_readable(sets, data_set.side, quiet);
    return fetched;
}

}  // namespace

std::span<const ImageDataSet> image_data_sets() {
    // The publishers give MD5 sums or none; these SHA-256 sums are recorded by loaders of the archives: TensorFlow
    // Datasets (url_checksums/cifar100.txt), and several that fetch Tiny-ImageNet, whose MD5 sum is the known one.
    static const std::vector<ImageDataSet> all = {
        {.name = "cifar-100",
         .title = "CIFAR-100: 60,000 photographs of 32x32 pixels, 100 classes",
         .license = "none stated; cite Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
         .url = "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
         .sha256 = "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
         .most_archive_bytes = std::uint64_t{256} << 20,
         .most_file_bytes = std::uint64_t{256} << 20,
         .files = {"train.bin", "test.bin", "fine_label_names.txt", "coarse_label_names.txt"},
         .classes = 100,
         .train_a_class = 500,
         .test_a_class = 100,
         .side = 32},
        {.name = "tiny-imagenet",
         .title = "Tiny-ImageNet: 110,000 photographs of 64x64 pixels, 200 classes",
         .license = "ImageNet's terms: research and teaching that is not commercial",
         .url = "https://cs231n.stanford.edu/tiny-imagenet-200.zip",
         .sha256 = "6198c8ae015e2b3e007c7841da39ec069199b9aa3bfa943a462022fe5e43c821",
         .most_archive_bytes = std::uint64_t{512} << 20,
         .most_file_bytes = std::uint64_t{16} << 20,
         // The images of its own test split have no labels.
         .files = {"wnids.txt", "words.txt", "train/*/images/*.JPEG", "val/images/*.JPEG", "val/val_annotations.txt"},
         .classes = 200,
         .train_a_class = 500,
         .test_a_class = 50,
         .side = 64,
         .subsets_exist = true},
    };
    return all;
}

const ImageDataSet* find_image_data_set(const std::string& name) {
    const std::span<const ImageDataSet> all = image_data_sets();
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& set) { return set.name == name; });
    return found == all.end() ? nullptr : &*found;
}

FetchedImages fetch_images(const ImageDataSet& data_set, const FetchOptions& options) {
    if (model::is_image_folder(options.out)) {
        FetchedImages fetched;
        try {
            fetched = check(data_set, options.out, false, options.quiet);
        } catch (const Error& error) {
            fail<FormatError>(
                "'{}' holds images already, but not {} as it was published ({}): delete them, or choose "
                "another folder with --out",
                options.out.string(), data_set.name, error.what());
        }
        fetched.source = "already there";
        return fetched;
    }
    check_folders(options);
    const bool download_it = options.from.empty();
    const fs::path archive =
        download_it ? fetch_archive(data_set.url, data_set.sha256, data_set.most_archive_bytes, options) : options.from;
    Staging staging(data_set, options.out);
    const bool folder = fs::is_directory(archive);
    if (folder) {
        copy(data_set, archive, staging);
    } else {
        unpack(data_set, archive, staging, options.quiet);
    }
    require<FormatError>(model::is_image_folder(staging.folder()), "'{}' holds none of the files of {} ({})",
                         archive.string(), data_set.name, fmt::join(data_set.files, ", "));
    FetchedImages fetched = check(data_set, staging.folder(), true, options.quiet);
    fetched.source = download_it ? data_set.url : options.from.string();
    fetched.is_published_archive = !folder && (download_it || sha256_of_file(archive) == data_set.sha256);
    staging.commit();
    if (download_it) fs::remove(archive);
    return fetched;
}

}  // namespace polyformer::train
