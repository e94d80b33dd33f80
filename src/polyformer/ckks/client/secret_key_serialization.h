// Files that only whoever has the secret can write. In the client's library: a server cannot even name these functions.
#pragma once

#include <filesystem>

#include "polyformer/ckks/client/secret_key.h"
#include "polyformer/ckks/files/byte_stream.h"
#include "polyformer/ckks/files/container.h"
#include "polyformer/ckks/files/evaluation_key_serialization.h"
#include "polyformer/ckks/scheme/key_request.h"

namespace polyformer::ckks {

/// Write it to a file with FileAccess::secret_key.
void write_secret_key(ByteSink& sink, const Parameters& parameters, const SecretKey& secret);
/// Throws FormatError when the source is something else, made for other parameters, cut short or damaged.
SecretKey read_secret_key(const ByteSource& source, const Parameters& parameters, ReadOptions options = {});
/// read_secret_key() from a file. Throws IoError when it cannot be read.
SecretKey load_secret_key(const std::filesystem::path& path, const Parameters& parameters);

/// Generates the keys asked for and writes each at once, so that memory holds one key at a time. Throws like
/// KeyGenerator::generate().
void write_fresh_evaluation_keys(ByteSink& sink, const Parameters& parameters, const SecretKey& secret,
                                 const KeyRequest& request, const ShareCallback& progress = {});

}  // namespace polyformer::ckks
