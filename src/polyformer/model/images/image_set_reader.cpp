#include "polyformer/model/images/image_set_reader.h"

#include <algorithm>
#include <map>
#include <set>

#include "polyformer/model/images/cifar_records.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/support/text.h"

namespace polyformer::model {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t held_out_one_in = 50;
constexpr std::size_t most_classes = 65536;  // labels are kept in 16 bits
constexpr std::size_t most_list_bytes = std::size_t{1} << 26;

constexpr const char* own_layout_hint =
    "put images at SPLIT/CLASS/NAME.png (or .jpg, .webp) with SPLIT train and test, or fetch a data set with "
    "'polyformer data "
    "cifar-100'";

/// The lines of a short list, without empty ones.
std::vector<std::string> lines_of(const fs::path& file) {
    std::vector<std::string> lines;
    const std::string text = read_file(file, most_list_bytes);
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        std::string line = text.substr(begin, end - begin);
        if (line.ends_with('\r')) line.pop_back();
        if (!line.empty()) lines.push_back(std::move(line));
        begin = end + 1;
    }
    return lines;
}

/// Throws FormatError unless there are two to 65536 classes, each with a name of its own.
void require_classes(const std::vector<std::string>& classes, const std::string& place) {
    require<FormatError>(classes.size() >= 2 && classes.size() <= most_classes,
                         "{} has {} classes; there must be 2 to {}", place, classes.size(), most_classes);
    const std::set<std::string> distinct(classes.begin(), classes.end());
    require<FormatError>(distinct.size() == classes.size(), "{} names {} classes, but only {} different ones", place,
                         classes.size(), distinct.size());
    for (const std::string& name : classes) {
        require<FormatError>(is_utf8(name) && printable(name) == name,
                             "{}: the name of the class '{}' is not plain text in UTF-8, as a model's classes are: "
                             "rename it",
                             place, printable(name));
    }
}

bool is_image_file(const fs::path& file) {
    std::string extension = file.extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    return extension == ".png" || extension == ".jpg" || extension == ".jpeg" || extension == ".webp";
}

/// The names of the accepted entries of `directory`, sorted; hidden files are left out.
template <class Accept>
std::vector<std::string> names_in(const fs::path& directory, const Accept& accept) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
        std::string name = it->path().filename().string();
        if (!name.starts_with('.') && accept(*it)) names.push_back(std::move(name));
    }
    require<IoError>(!error, "cannot list '{}': {}", directory.string(), error.message());
    std::sort(names.begin(), names.end());
    return names;
}

std::vector<std::string> folders_in(const fs::path& directory) {
    return names_in(directory, [](const fs::directory_entry& entry) { return entry.is_directory(); });
}

}  // namespace

ImageLayout layout_of(const fs::path& directory) {
    std::error_code unreadable;  // the same as not there
    const auto has_file = [&](const char* name) { return fs::is_regular_file(directory / name, unreadable); };
    const auto has_folder = [&](const char* name) { return fs::is_directory(directory / name, unreadable); };
    if (has_file("fine_label_names.txt") || has_file("train.bin") || has_file("test.bin")) return ImageLayout::cifar;
    if (has_file("wnids.txt")) return ImageLayout::tiny_imagenet;
    if (has_folder("train") || has_folder("valid") || has_folder("test")) return ImageLayout::own;
    return ImageLayout::none;
}

/// Fills an ImageSet from each of the layouts.
class ImageSetReader {
  public:
    ImageSetReader(const fs::path& directory, const std::string& split) : split_(split) { set_.directory_ = directory; }

    ImageSet read() {
        switch (layout_of(set_.directory_)) {
            case ImageLayout::cifar:
                read_cifar();
                break;
            case ImageLayout::tiny_imagenet:
                read_tiny_imagenet();
                break;
            case ImageLayout::own:
                read_own();
                break;
            case ImageLayout::none:
                fail<IoError>("'{}' holds no images that can be made out: {}", set_.directory_.string(),
                              own_layout_hint);
        }
        return std::move(set_);
    }

  private:
    using Entry = ImageSet::Entry;

    void read_cifar() {
        const fs::path names = set_.directory_ / "fine_label_names.txt";
        set_.classes_ = lines_of(names);
        require_classes(set_.classes_, names.string());
        require<FormatError>(set_.classes_.size() == cifar_classes, "{} names {} classes; CIFAR-100 has {}",
                             names.string(), set_.classes_.size(), cifar_classes);
        const std::string name = split_ == "test" ? "test.bin" : "train.bin";
        const std::string label = (set_.directory_ / name).string();
        set_.records_ = std::make_shared<const MappedFile>(set_.directory_ / name);
        const std::span<const std::byte> bytes = set_.records_->bytes();
        const std::size_t records = cifar_records(bytes, label);
        for (std::size_t i = 0; i < records; ++i) {
            set_.entries_.push_back(
                {.name = name, .record = i, .label = std::to_integer<std::size_t>(bytes[i * cifar_record + 1])});
        }
        if (split_ != "test") hold_out();
    }

    void read_tiny_imagenet() {
        std::vector<std::string> numbers = lines_of(set_.directory_ / "wnids.txt");
        std::sort(numbers.begin(), numbers.end());
        require_classes(numbers, (set_.directory_ / "wnids.txt").string());
        for (const std::string& number : numbers) require_file_name(number, "wnids.txt");
        set_.classes_ = words_for(numbers);
        if (split_ == "test") {
            read_annotations(numbers);
            return;
        }
        for (std::size_t label = 0; label < numbers.size(); ++label) {
            add_folder(fs::path("train") / numbers[label] / "images", label);
        }
        hold_out();
    }

    /// What classes are called: the first word of each, or all of them where two would be called the same.
    std::vector<std::string> words_for(const std::vector<std::string>& numbers) const {
        const fs::path file = set_.directory_ / "words.txt";
        std::map<std::string, std::string> words;
        for (const std::string& line : lines_of(file)) {
            const std::size_t tab = line.find('\t');
            if (tab != std::string::npos) words[line.substr(0, tab)] = line.substr(tab + 1);
        }
        std::vector<std::string> all;
        std::map<std::string, std::size_t> uses;
        for (const std::string& number : numbers) {
            const auto found = words.find(number);
            require<FormatError>(found != words.end() && !found->second.empty(),
                                 "{} has no words for the class {} of wnids.txt: fetch Tiny-ImageNet again",
                                 file.string(), number);
            all.push_back(found->second);
            ++uses[first_word(found->second)];
        }
        for (std::size_t i = 0; i < all.size(); ++i) {
            const std::string first = first_word(all[i]);
            all[i] = uses[first] == 1 ? first : fmt::format("{} ({})", all[i], numbers[i]);
        }
        return all;
    }

    static std::string first_word(const std::string& words) { return words.substr(0, words.find(',')); }

    void read_annotations(const std::vector<std::string>& numbers) {
        const fs::path file = set_.directory_ / "val" / "val_annotations.txt";
        std::size_t line_number = 0;
        for (const std::string& line : lines_of(file)) {
            ++line_number;
            const std::size_t tab = line.find('\t');
            require<FormatError>(tab != std::string::npos, "{}, line {}: no label (a tab and a class follow the name)",
                                 file.string(), line_number);
            const std::string number = line.substr(tab + 1, line.find('\t', tab + 1) - tab - 1);
            const auto found = std::lower_bound(numbers.begin(), numbers.end(), number);
            require<FormatError>(found != numbers.end() && *found == number,
                                 "{}, line {}: the label '{}' is none of the {} classes of wnids.txt", file.string(),
                                 line_number, number, numbers.size());
            const std::string name = line.substr(0, tab);
            require_file_name(name, "val/val_annotations.txt");
            add_file(fs::path("val") / "images" / name, static_cast<std::size_t>(found - numbers.begin()));
        }
        require<FormatError>(!set_.entries_.empty(), "{} names no images", file.string());
    }

    void read_own() {
        const bool held_out = split_ == "valid" && !has_split("valid");
        const std::string folder = held_out ? "train" : split_;
        require<IoError>(has_split(folder), "'{}' has no folder {}: {}", set_.directory_.string(), folder,
                         own_layout_hint);
        set_.classes_ = folders_in(set_.directory_ / folder);
        require_classes(set_.classes_, (set_.directory_ / folder).string());
        for (const char* other : {"train", "valid", "test"}) {
            if (has_split(other)) require_same_classes(folder, other);
        }
        const auto no_folder = [](const fs::directory_entry& entry) { return !entry.is_directory(); };
        for (const std::string& name : names_in(set_.directory_ / folder, no_folder)) skip(fs::path(folder) / name);
        for (std::size_t label = 0; label < set_.classes_.size(); ++label) {
            add_folder(fs::path(folder) / set_.classes_[label], label);
        }
        if (held_out || (split_ == "train" && !has_split("valid"))) hold_out();
    }

    bool has_split(const std::string& split) const {
        std::error_code unreadable;  // the same as not there
        return fs::is_directory(set_.directory_ / split, unreadable);
    }

    void require_same_classes(const std::string& split, const std::string& other) const {
        const std::vector<std::string> others = folders_in(set_.directory_ / other);
        std::vector<std::string> odd;
        std::set_symmetric_difference(set_.classes_.begin(), set_.classes_.end(), others.begin(), others.end(),
                                      std::back_inserter(odd));
        require<FormatError>(odd.empty(),
                             "{}: {} and {} differ in their classes: '{}' is in only one of them; make an empty "
                             "folder for a class that a split has no images of",
                             set_.directory_.string(), split, other, odd.empty() ? "" : odd.front());
    }

    /// Names from lists never lead out of the folder.
    void require_file_name(const std::string& name, const char* list) const {
        require<FormatError>(!name.empty() && name.find('/') == std::string::npos && !name.starts_with('.'),
                             "{}: '{}' is no file name", (set_.directory_ / list).string(), name);
    }

    void add_folder(const fs::path& folder, std::size_t label) {
        for (const std::string& name : names_in(set_.directory_ / folder, [](const auto&) { return true; })) {
            if (is_image_file(name) && fs::is_regular_file(set_.directory_ / folder / name)) {
                add_file(folder / name, label);
            } else {
                skip(folder / name);
            }
        }
    }

    void skip(const fs::path& file) {
        constexpr std::size_t kNamed = 3;
        ++set_.skipped_.count;
        if (set_.skipped_.first.size() < kNamed) set_.skipped_.first.push_back(file.string());
    }

    void add_file(const fs::path& file, std::size_t label) {
        require<IoError>(fs::exists(set_.directory_ / file), "cannot read '{}': no such file",
                         (set_.directory_ / file).string());
        set_.entries_.push_back({.name = file.string(), .record = 0, .label = label});
    }

    /// Keeps of a training set the part that validates, or the rest.
    void hold_out() {
        std::vector<std::size_t> seen(set_.classes_.size());
        std::vector<Entry> kept;
        for (Entry& entry : set_.entries_) {
            const bool held = seen[entry.label]++ % held_out_one_in == 0;
            if (held == (split_ == "valid")) kept.push_back(std::move(entry));
        }
        for (std::size_t label = 0; label < seen.size(); ++label) {
            require<FormatError>(
                seen[label] >= 2,
                "{}: the class '{}' has {} images to train on; one is held out for validation, so there "
                "must be at least 2",
                set_.directory_.string(), set_.classes_[label], seen[label]);
        }
        set_.entries_ = std::move(kept);
    }

    std::string split_;
    ImageSet set_;
};

ImageSet read_image_set(const fs::path& directory, const std::string& split) {
    ImageSet set = ImageSetReader(directory, split).read();
    require<FormatError>(set.size() > 0, "'{}' has no images for '{}': {}", directory.string(), split, own_layout_hint);
    return set;
}

}  // namespace polyformer::model
