#include "polyformer/model/images/cifar_records.h"

#include "polyformer/support/error.h"

namespace polyformer::model {

std::size_t cifar_records(std::span<const std::byte> bytes, const std::string& label) {
    require<FormatError>(
        !bytes.empty() && bytes.size() % cifar_record == 0,
        "{} has {} bytes, which are no whole records of CIFAR-100 ({} bytes each): fetch it again with "
        "'polyformer data cifar-100'",
        label, bytes.size(), cifar_record);
    const std::size_t records = bytes.size() / cifar_record;
    for (std::size_t i = 0; i < records; ++i) {
        const auto coarse = std::to_integer<std::size_t>(bytes[i * cifar_record]);
        const auto fine = std::to_integer<std::size_t>(bytes[i * cifar_record + 1]);
        require<FormatError>(coarse < cifar_coarse_classes && fine < cifar_classes,
                             "{}, record {}: labels {} (coarse) and {} (fine), which must be below {} and {}: fetch it "
                             "again with 'polyformer data cifar-100'",
                             label, i, coarse, fine, cifar_coarse_classes, cifar_classes);
    }
    return records;
}

}  // namespace polyformer::model
