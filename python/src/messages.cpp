#include "messages.h"

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
        source_ = std::make_unique<const ckks::FileSource>(nb::cast<std::filesystem::path>(kept_));
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
