#include "cli/encrypted_run.h"

#include <memory>

#include "cli/bench/measurement.h"
#include "service/client.h"
#include "service/server.h"
#include "support/progress.h"

namespace polyformer::cli {

namespace {

/// Only counts: how long a message would be.
class CountingSink final : public ckks::ByteSink {
  public:
    void write(std::span<const std::byte> bytes) override { written_ += bytes.size(); }
    std::size_t written() const { return written_; }

  private:
    std::size_t written_ = 0;
};

}  // namespace

Outcome run_encrypted(const compile::Plan& plan, const model::Embedding& embedding, std::span<const std::int32_t> ids) {
    Outcome outcome;
    const service::ClientPlan client = service::client_plan(plan);
    Stopwatch watch;
    const auto secret = ckks::SecretKey::generate(plan.parameters);
    const ckks::KeyGenerator generator(plan.parameters, secret);
    Progress making("generating keys", 1);
    auto keys = std::make_shared<const ckks::EvaluationKeys>(
        generator.evaluation_keys(plan.keys, [&](std::size_t done, std::size_t total) {
            making.update(static_cast<double>(done) / static_cast<double>(total));
        }));
    making.finish();
    outcome.server_key_bytes = keys->bytes();
    outcome.keygen_seconds = watch.seconds();

    const service::Request request = service::make_request(client, secret, embedding, ids);
    outcome.encrypt_seconds = watch.seconds();
    CountingSink request_size;
    service::write_request(request_size, plan.parameters, request);
    outcome.request_bytes = request_size.written();

    Progress computing("computing on ciphertext", 1);
    const std::size_t faults_before = minor_page_faults();
    service::Inference inference = service::infer(
        plan, keys, request, [&](double share, const std::string& step) { computing.update(share, step); });
    outcome.page_faults = minor_page_faults() - faults_before;
    computing.finish();
    outcome.peak_resident_bytes = inference.peak_resident_bytes;
    outcome.infer_seconds = inference.seconds;
    outcome.profile = std::move(inference.profile);
    CountingSink reply_size;
    service::write_reply(reply_size, plan.parameters, inference.reply);
    outcome.reply_bytes = reply_size.written();

    watch.seconds();
    outcome.logits = service::open_reply(client, secret, inference.reply);
    outcome.decrypt_seconds = watch.seconds();
    return outcome;
}

}  // namespace polyformer::cli
