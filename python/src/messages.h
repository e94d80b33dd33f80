// Requests and replies: Python's bytes, or files that hold them.
#pragma once

#include <nanobind/nanobind.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "polyformer/ckks/files/byte_stream.h"

namespace polyformer::python {

namespace nb = nanobind;

/// What was given as a message, read where it lies.
class Message {
  public:
    /// `message` is bytes, not copied, or the name of a file. Throws IoError when that cannot be opened, raises
    /// TypeError for anything else. `what` names bytes in errors.
    Message(nb::object message, const std::string& what);

    const ckks::ByteSource& source() const { return *source_; }

  private:
    nb::object kept_;
    std::unique_ptr<const ckks::ByteSource> source_;
};

/// What `write` writes.
std::vector<std::byte> bytes_of(const std::function<void(ckks::ByteSink&)>& write);

nb::bytes to_bytes(const std::vector<std::byte>& bytes);

}  // namespace polyformer::python
