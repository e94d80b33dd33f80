// Evaluation keys as a container: one section a key, so that they are written one by one and read on all threads.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "polyformer/ckks/files/byte_stream.h"
#include "polyformer/ckks/files/container.h"
#include "polyformer/ckks/scheme/key_request.h"
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
    /// Throws Error for a key that has not the shape of its role or not the digits of its level, and for one more than
    /// announced.
    void write(KeyId id, const SwitchingKey& key);
    /// Throws Error unless `count` keys were written.
    void finish() const { writer_.finish(); }

  private:
    Parameters parameters_;
    ContainerWriter writer_;
};

void write_evaluation_keys(ByteSink& sink, const Parameters& parameters, const EvaluationKeys& keys);

/// A file of evaluation keys of which only the header and what each key says of itself have been read: enough to judge
/// it before gigabytes are.
class EvaluationKeysReader {
  public:
    /// Throws FormatError when the source is something else, made for other parameters or cut short, has a key twice,
    /// or one of another shape or length than its role's. The source must outlive the reader.
    EvaluationKeysReader(const ByteSource& source, const Parameters& parameters, ReadOptions options = {});

    const std::string& key_fingerprint() const { return reader_.header().key_fingerprint; }
    /// Of its keys, in the file's order.
    const std::vector<KeyShape>& shapes() const { return shapes_; }
    /// Throws FormatError, listing what is missing, for another level or not asked for, unless these are exactly the
    /// keys wanted.
    void expect(const KeyRequest& wanted) const;
    /// The keys, checked residue by residue on all threads, and left where they are as far as the source can share its
    /// bytes (FileSource says what that asks of a file). Throws FormatError when one is damaged.
    EvaluationKeys read(const ShareCallback& progress = {}) const;

  private:
    std::string name_;
    Parameters parameters_;
    ContainerReader reader_;
    std::vector<KeyShape> shapes_;
};

/// All in one, for whoever has no list of the keys that are needed. Throws as the reader does.
EvaluationKeys read_evaluation_keys(const ByteSource& source, const Parameters& parameters, ReadOptions options = {},
                                    const ShareCallback& progress = {});

}  // namespace polyformer::ckks
