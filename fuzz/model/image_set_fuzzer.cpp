// Input: the three lists of Tiny-ImageNet, one after the other, divided by zero bytes; or CIFAR-100's records. Opening
// the folder ends in labels that are classes or in an error of ours.
#include <algorithm>
#include <cstdlib>
#include <string>

#include "fuzz/scratch_file.h"
#include "polyformer/model/images/cifar_records.h"
#include "polyformer/model/images/image_set.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/atomic_file.h"

namespace {

namespace fs = std::filesystem;

/// A folder with one image for the lists to name.
const fs::path& folder() {
    static const fs::path path = [] {
        fs::path made = fs::temp_directory_path() / ("polyformer-fuzz-images-" + std::to_string(getpid()));
        fs::create_directories(made / "val" / "images");
        polyformer::write_file(made / "val" / "images" / "a.JPEG", "an image");
        return made;
    }();
    return path;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace polyformer;
    const std::string input(reinterpret_cast<const char*>(data), size);
    try {
        static_cast<void>(model::cifar_records(std::as_bytes(std::span(input)), "input"));
    } catch (const FormatError&) {
    }
    std::size_t begin = 0;
    for (const char* name : {"wnids.txt", "words.txt", "val/val_annotations.txt"}) {
        const std::size_t end = std::min(input.find('\0', begin), input.size());
        std::ofstream(folder() / name, std::ios::binary) << input.substr(begin, end - begin);
        begin = std::min(end + 1, input.size());
    }
    try {
        const model::ImageSet set = model::open_image_set(folder(), "test");
        for (std::size_t i = 0; i < set.size(); ++i) {
            if (set.label(i) >= set.classes().size()) std::abort();
        }
    } catch (const Error&) {
    }
    return 0;
}
