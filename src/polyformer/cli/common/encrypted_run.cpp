#include "polyformer/cli/common/encrypted_run.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "polyformer/ckks/client/key_generator.h"
#include "polyformer/service/client.h"
#include "polyformer/service/reply_check.h"
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

EncryptedSession::EncryptedSession(const compile::Plan& plan, Outcome& outcome, bool quiet)
    : plan_(plan),
      outcome_(outcome),
      client_(service::client_plan(plan)),
      secret_(ckks::SecretKey::generate(plan.frame.parameters)) {
    Stopwatch watch;
    const ckks::KeyGenerator generator(plan.frame.parameters, secret_);
    Progress making("generating keys", 1, quiet);
    auto keys = std::make_shared<const ckks::EvaluationKeys>(
        generator.evaluation_keys(plan.keys, [&](std::size_t done, std::size_t total) {
            making.update(static_cast<double>(done) / static_cast<double>(total));
        }));
    making.finish();
    outcome_.server_key_bytes = keys->bytes();
    outcome_.keygen_seconds = watch.restart();
    server_.emplace(plan, std::move(keys));
    outcome_.infer_seconds += watch.restart();
}

void EncryptedSession::ask(std::span<const model::Tensor> inputs, const runtime::ProgressCallback& progress) {
    Stopwatch watch;
    const service::Request request = service::make_request(client_, secret_, inputs);
    outcome_.encrypt_seconds += watch.restart();
    CountingSink request_size;
    service::write_request(request_size, plan_.frame.parameters, request);
    outcome_.request_bytes += request_size.written();

    const std::size_t faults_before = minor_page_faults();
    service::Inference inference = server_->infer(request, progress);
    ++outcome_.requests;
    outcome_.page_faults += minor_page_faults() - faults_before;
    outcome_.peak_resident_bytes = inference.peak_resident_bytes;
    outcome_.infer_seconds += inference.seconds;
    outcome_.profile = std::move(inference.profile);
    CountingSink reply_size;
    service::write_reply(reply_size, plan_.frame.parameters, inference.reply);
    outcome_.reply_bytes += reply_size.written();

    watch.restart();
    try {
        const service::PrivateLogits opened = service::open_reply(client_, secret_, inference.reply, request.asked());
        const std::span<const double> logits = opened.exact_for_data_owner();
        outcome_.logits.insert(outcome_.logits.end(), logits.begin(), logits.end());
    } catch (const service::InvalidAnswer& error) {
        // Not the end: beside the answers in the clear it can be seen why.
        outcome_.refusals.emplace_back(error.what());
        const compile::Lengths rows = client_.frame.logit_rows(request.lengths);
        const std::size_t all = std::reduce(rows.begin(), rows.end());
        outcome_.logits.insert(outcome_.logits.end(), all * client_.frame.vocabulary, std::nan(""));
    }
    outcome_.decrypt_seconds += watch.restart();
}

Outcome run_encrypted(const compile::Plan& plan, std::span<const model::Tensor> inputs, bool quiet) {
    Outcome outcome;
    EncryptedSession session(plan, outcome, quiet);
    const std::vector<std::span<const model::Tensor>> requests = requests_of(plan, inputs);
    Progress computing("computing on ciphertext", static_cast<double>(requests.size()), quiet);
    for (const std::span<const model::Tensor> some : requests) {
        const auto done = static_cast<double>(outcome.requests);
        session.ask(some, [&](double share, const std::string& step) { computing.update(done + share, step); });
    }
    computing.finish();
    return outcome;
}

}  // namespace polyformer::cli
