// Evaluation keys as a container: one section a key, so that they are written one by one and read on all threads.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "polyformer/ckks/files/byte_stream.h"
#include "polyformer/ckks/files/container.h"
#include "polyformer/ckks/scheme/keys.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// Called with the share of the work done, in [0, 1], from one thread at a time.
using ShareCallback = std::function<void(double share)>;

/// Writes evaluation keys one at a time, so that whoever generates them need never hold them all. The uniform halves
/// are replaced by their seeds.
class EvaluationKeysWriter {
  public:
    /// `count` keys will follow.
    EvaluationKeysWriter(ByteSink& sink, const Parameters& parameters, const std::string& key_fingerprint,
                         std::size_t count);
    /// Throws Error for a key without the digits of its level, and for one more than announced.
    void write(KeyId id, const SwitchingKey& key);
    /// Throws Error unless `count` keys were written.
    void finish() const { writer_.finish(); }

  private:
    Parameters parameters_;
    ContainerWriter writer_;
};

void write_evaluation_keys(ByteSink& sink, const Parameters& parameters, const EvaluationKeys& keys);
/// Reads the keys on all threads, straight into their final place. Throws FormatError when the source is something
/// else, made for other parameters, cut short or damaged, or has a key twice.
EvaluationKeys read_evaluation_keys(const ByteSource& source, const Parameters& parameters, ReadOptions options = {},
                                    const ShareCallback& progress = {});

}  // namespace polyformer::ckks
