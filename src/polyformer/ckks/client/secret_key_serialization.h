// The secret key's file. In the client's library: a server cannot even name these functions.
#pragma once

#include <filesystem>

#include "polyformer/ckks/client/secret_key.h"
#include "polyformer/ckks/files/byte_stream.h"
#include "polyformer/ckks/files/container.h"
#include "polyformer/ckks/files/serialization.h"

namespace polyformer::ckks {

void write_secret_key(ByteSink& sink, const Parameters& parameters, const SecretKey& secret);
SecretKey read_secret_key(const ByteSource& source, const Parameters& parameters, ReadOptions options = {});

/// Writes `path` with mode 0600, whole or not at all.
void save_secret_key(const std::filesystem::path& path, const Parameters& parameters, const SecretKey& secret);
SecretKey load_secret_key(const std::filesystem::path& path, const Parameters& parameters);

/// Generates the keys asked for and writes each at once, so that memory holds one key at a time.
void write_fresh_evaluation_keys(ByteSink& sink, const Parameters& parameters, const SecretKey& secret,
                                 const KeyRequest& request, const ShareCallback& progress = {});

}  // namespace polyformer::ckks
