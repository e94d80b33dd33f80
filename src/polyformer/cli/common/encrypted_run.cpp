#include "polyformer/cli/common/encrypted_run.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "polyformer/ckks/client/key_generator.h"
#include "polyformer/service/client.h"
#include "polyformer/service/reply_check.h"
#include "polyformer/service/server.h"
#include "polyformer/support/system/process.h"
#include "polyformer/support/system/progress.h"

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

std::vector<std::span<const model::Tensor>> requests_of(const compile::Plan& plan,
                                                        std::span<const model::Tensor> inputs) {
    std::vector<std::span<const model::Tensor>> requests;
    while (!inputs.empty()) {
        const std::size_t count = std::min(inputs.size(), plan.frame.packing.images);
        requests.push_back(inputs.first(count));
        inputs = inputs.subspan(count);
    }
    return requests;
}

Outcome run_encrypted(const compile::Plan& plan, std::span<const model::Tensor> inputs) {
    Outcome outcome;
    const service::ClientPlan client = service::client_plan(plan);
    Stopwatch watch;
    const auto secret = ckks::SecretKey::generate(plan.frame.parameters);
    const ckks::KeyGenerator generator(plan.frame.parameters, secret);
    Progress making("generating keys", 1);
    auto keys = std::make_shared<const ckks::EvaluationKeys>(
        generator.evaluation_keys(plan.keys, [&](std::size_t done, std::size_t total) {
            making.update(static_cast<double>(done) / static_cast<double>(total));
        }));
    making.finish();
    outcome.server_key_bytes = keys->bytes();
    outcome.keygen_seconds = watch.restart();

    const std::vector<std::span<const model::Tensor>> requests = requests_of(plan, inputs);
    Progress computing("computing on ciphertext", static_cast<double>(requests.size()));
    for (const std::span<const model::Tensor> some : requests) {
        watch.restart();
        const service::Request request = service::make_request(client, secret, some);
        outcome.encrypt_seconds += watch.restart();
        CountingSink request_size;
        service::write_request(request_size, plan.frame.parameters, request);
        outcome.request_bytes += request_size.written();

        const std::size_t faults_before = minor_page_faults();
        service::Inference inference = service::infer(plan, keys, request, [&](double share, const std::string& step) {
            computing.update(static_cast<double>(outcome.requests) + share, step);
        });
        ++outcome.requests;
        outcome.page_faults += minor_page_faults() - faults_before;
        outcome.peak_resident_bytes = inference.peak_resident_bytes;
        outcome.infer_seconds += inference.seconds;
        outcome.profile = std::move(inference.profile);
        CountingSink reply_size;
        service::write_reply(reply_size, plan.frame.parameters, inference.reply);
        outcome.reply_bytes += reply_size.written();

        watch.restart();
        try {
            const service::PrivateLogits opened = service::open_reply(client, secret, inference.reply, request.asked());
            const std::span<const double> logits = opened.exact_for_data_owner();
            outcome.logits.insert(outcome.logits.end(), logits.begin(), logits.end());
        } catch (const service::InvalidAnswer& error) {
            // Not the end: beside the answers in the clear it can be seen why.
            outcome.refusals.emplace_back(error.what());
            const compile::Lengths rows = client.frame.logit_rows(request.lengths);
            const std::size_t all = std::reduce(rows.begin(), rows.end());
            outcome.logits.insert(outcome.logits.end(), all * client.frame.vocabulary, std::nan(""));
        }
        outcome.decrypt_seconds += watch.restart();
    }
    computing.finish();
    return outcome;
}

}  // namespace polyformer::cli
