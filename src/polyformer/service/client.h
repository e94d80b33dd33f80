// The data owner's role: makes keys, encrypts a text, reads the reply. The only part of service/ that knows the secret.
//
//     const service::ClientPlan plan = service::load_client_plan("plan/client");
//     service::create_keys(plan, "secret.key", "server.keys");                    // once; server.keys goes to the
//     server const ckks::SecretKey secret = ckks::load_secret_key("secret.key", plan.frame.parameters); const
//     service::Request request = service::make_request(plan, secret, embedding, ids); … // to the server and back const
//     std::vector<double> logits = service::open_reply(plan, secret, reply);
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <vector>

#include "polyformer/ckks/client/secret_key.h"
#include "polyformer/model/language/embedding.h"
#include "polyformer/service/client_plan.h"
#include "polyformer/service/messages.h"

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

/// Makes a key set: the secret key (mode 0600) and the server's keys, each whole or not at all; memory holds one server
/// key at a time. Throws Error when the plan's parameters promise no security and `weak` does not allow that.
KeyFiles create_keys(const ClientPlan& plan, const std::filesystem::path& secret_path,
                     const std::filesystem::path& server_path, WeakParameters weak = WeakParameters::refuse,
                     const ShareCallback& progress = {});

/// What a model takes, such as patches: (tokens, width) for each image or text, all of one length; encrypted. Throws
/// Error naming what does not fit when there are none, or more than the plan takes at a time, or too few or too many
/// tokens, or a value lies outside the plan's input bound.
Request make_request(const ClientPlan& plan, const ckks::SecretKey& secret, std::span<const model::Tensor> inputs);

/// Embeds and encrypts `ids`, one text. Throws Error as above, and when the embedding does not fit the plan.
Request make_request(const ClientPlan& plan, const ckks::SecretKey& secret, const model::Embedding& embedding,
                     std::span<const std::int32_t> ids);

/// Logits (images, rows, vocabulary), row-major, rows = plan.frame.logit_rows(reply.tokens): a row for each token, or
/// one. Throws Error when the reply belongs to another plan or key set.
std::vector<double> open_reply(const ClientPlan& plan, const ckks::SecretKey& secret, const Reply& reply);

}  // namespace polyformer::service
