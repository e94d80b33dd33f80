// What passes between client and server: a request and its reply, each one file.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "polyformer/ckks/files/container.h"
#include "polyformer/ckks/files/serialization.h"
#include "polyformer/ckks/scheme/ciphertext.h"
#include "polyformer/ckks/scheme/parameters.h"
#include "polyformer/compile/layout/frame.h"

namespace polyformer::service {

/// What a container's header says it is.
inline constexpr std::string_view kRequestKind = "inference request";
inline constexpr std::string_view kReplyKind = "inference reply";

/// Random bytes that a request carries and the reply to it repeats: they say which request a reply answers. No secret,
/// and no signature: whoever has seen the request knows them.
using Mark = std::array<std::uint8_t, 32>;

/// What was asked, as far as it is in the clear: what a reply has to repeat.
struct Asked {
    compile::Lengths lengths;  ///< tokens of each text, or patches of each image
    Mark mark{};
};

/// The encrypted embeddings of texts, or the patches of images. How many there are, and how many tokens each has, is
/// not secret.
struct Request {
    compile::Lengths lengths;
    std::string model_fingerprint;
    std::string plan_fingerprint;  ///< of the ClientPlan that it was packed for
    std::string key_fingerprint;
    Mark mark{};
    std::vector<ckks::SeededCiphertext> inputs;

    Asked asked() const { return {lengths, mark}; }
};

/// The encrypted logits.
struct Reply {
    Asked asked;  ///< of the request
    std::string plan_fingerprint;
    std::string key_fingerprint;
    std::vector<ckks::Ciphertext> outputs;
};

/// Throws Error when a fingerprint has not 64 digits.
void write_request(ckks::ByteSink& sink, const ckks::Parameters& parameters, const Request& request);
/// What a request has to have been made for, if a server is to answer it.
struct ExpectedRequest {
    compile::Frame frame;
    std::string plan_fingerprint;
    std::string key_fingerprint;
};
/// Throws FormatError for anything but an intact request of this kind. All that it says of itself is judged before any
/// of its ciphertexts is read.
Request read_request(const ckks::ByteSource& source, const ExpectedRequest& expected, ckks::ReadOptions options = {});

/// Throws Error when a fingerprint has not 64 digits.
void write_reply(ckks::ByteSink& sink, const ckks::Parameters& parameters, const Reply& reply);
/// Throws FormatError for anything but an intact reply under these parameters; whether it fits is for check_reply() to
/// say.
Reply read_reply(const ckks::ByteSource& source, const ckks::Parameters& parameters, ckks::ReadOptions options = {});

/// A reply in parts, so that it can be judged before its ciphertexts are read.
class ReplyReader {
  public:
    /// Reads all but the ciphertexts. Throws as read_reply() does. Both arguments must outlive the reader.
    ReplyReader(const ckks::ByteSource& source, const ckks::Parameters& parameters, ckks::ReadOptions options = {});

    /// The reply without its ciphertexts.
    const Reply& fields() const { return fields_; }
    std::size_t ciphertexts() const { return reader_.sections() - 1; }
    /// Of ciphertext `index` below ciphertexts().
    ckks::CiphertextHead head(std::size_t index) const;
    /// All of it. Throws as read_reply() does.
    Reply read() const;

  private:
    const ckks::Parameters& parameters_;
    ckks::ContainerReader reader_;
    Reply fields_;
};

// The same with files, written whole or not at all; the bytes written are returned. Throws IoError when a file cannot
// be read or written.
std::size_t save_request(const std::filesystem::path& path, const ckks::Parameters& parameters, const Request& request);
/// What the request in a file asked, without its ciphertexts.
Asked load_asked(const std::filesystem::path& path, const ckks::Parameters& parameters);
Asked asked_in(const ckks::ByteSource& source, const ckks::Parameters& parameters);
std::size_t save_reply(const std::filesystem::path& path, const ckks::Parameters& parameters, const Reply& reply);

}  // namespace polyformer::service
