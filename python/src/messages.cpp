#include "messages.h"

#include <fmt/format.h>
#include <nanobind/stl/filesystem.h>

#include <filesystem>
#include <utility>

namespace polyformer::python {

Message::Message(nb::object message, const std::string& what) : kept_(std::move(message)) {
    if (nb::isinstance<nb::bytes>(kept_)) {
        const auto bytes = nb::borrow<nb::bytes>(kept_);
        source_ = std::make_unique<const ckks::MemorySource>(
            std::span(static_cast<const std::byte*>(bytes.data()), bytes.size()), what);
    } else {
        std::filesystem::path file;
        if (!nb::try_cast(kept_, file)) {
            throw nb::type_error(
                fmt::format("{} is bytes or the name of a file, not {}", what, nb::type_name(kept_.type()).c_str())
                    .c_str());
        }
        source_ = std::make_unique<const ckks::FileSource>(file);
    }
}

std::vector<std::byte> bytes_of(const std::function<void(ckks::ByteSink&)>& write) {
    ckks::MemorySink sink;
    write(sink);
    const std::span<const std::byte> bytes = sink.bytes();
    return {bytes.begin(), bytes.end()};
}

nb::bytes to_bytes(const std::vector<std::byte>& bytes) {
    return nb::bytes(bytes.data(), bytes.size());
}

}  // namespace polyformer::python
