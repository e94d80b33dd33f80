// The data owner's role: makes keys, encrypts a text, reads the reply. The only part of service/ that knows the secret.
//
//     const service::ClientPlan plan = service::load_client_plan("plan/client");
//     service::create_keys(plan, "secret.key", "server.keys");  // once; server.keys goes to the server
//     const ckks::SecretKey secret = ckks::load_secret_key("secret.key", plan.frame.parameters);
//     const service::Request request = service::make_request(plan, secret, embedding, ids);
//     …  // to the server and back
//     const service::Reply reply = service::load_reply("reply", plan, secret, request.asked());
//     const service::PrivateLogits logits = service::open_reply(plan, secret, reply, request.asked());
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "polyformer/ckks/client/secret_key.h"
#include "polyformer/model/language/embedding.h"
#include "polyformer/service/client_plan.h"
#include "polyformer/service/messages.h"
#include "polyformer/service/private_logits.h"

namespace polyformer::service {

/// Called with the share of the work done, in [0, 1].
using ShareCallback = std::function<void(double share)>;

/// What a client accepts from whoever gave it the plan.
enum class WeakParameters { refuse, allow };

/// Sizes of the files that create_keys() has written.
struct KeyFiles {
    std::size_t secret_bytes = 0;
    std::size_t server_bytes = 0;
};

/// Bytes of server keys that a client makes without being told to: several times what the shipped models take. A plan
/// comes from the other side, and could ask for terabytes.
inline constexpr std::uint64_t kMostServerKeyBytes = std::uint64_t{32} << 30;

/// Makes a key set: the secret key (mode 0600) and the server's keys, each whole or not at all; memory holds one server
/// key at a time. Throws Error when the plan's parameters promise no security and `weak` does not allow that, and when
/// the plan asks for more than `most_bytes` of keys.
KeyFiles create_keys(const ClientPlan& plan, const std::filesystem::path& secret_path,
                     const std::filesystem::path& server_path, WeakParameters weak = WeakParameters::refuse,
                     const ShareCallback& progress = {}, std::uint64_t most_bytes = kMostServerKeyBytes);

/// What a model takes, such as patches: (tokens, width) for each image or text; encrypted. Throws Error naming what
/// does not fit when there are none, or more than the plan takes at a time, or one has too few or too many tokens, or a
/// value lies outside the plan's input bound.
Request make_request(const ClientPlan& plan, const ckks::SecretKey& secret, std::span<const model::Tensor> inputs);

/// Embeds and encrypts `ids`, one text. Throws Error as above, and when the embedding does not fit the plan.
Request make_request(const ClientPlan& plan, const ckks::SecretKey& secret, const model::Embedding& embedding,
                     std::span<const std::int32_t> ids);

/// Reads a reply, judging it before its ciphertexts are read: they must be those that the plan promises, under the
/// secret's key set; given what was asked, also in answer to that. Throws Error when they are not (check_reply()),
/// FormatError for anything but an intact reply, IoError when the file cannot be read.
Reply load_reply(const std::filesystem::path& path, const ClientPlan& plan, const ckks::SecretKey& secret,
                 const std::optional<Asked>& asked = std::nullopt);
/// The same from anywhere.
Reply read_reply(const ckks::ByteSource& source, const ClientPlan& plan, const ckks::SecretKey& secret,
                 const std::optional<Asked>& asked = std::nullopt);

/// Logits of each image or text, of plan.frame.logit_rows(reply.asked.lengths): a row for each token, or one. Judges
/// the reply as load_reply() does, and then what was decrypted: throws InvalidAnswer, an Error, when a value is not
/// finite or cannot be one of this plan (check_slots()).
PrivateLogits open_reply(const ClientPlan& plan, const ckks::SecretKey& secret, const Reply& reply,
                         const std::optional<Asked>& asked = std::nullopt);

}  // namespace polyformer::service
